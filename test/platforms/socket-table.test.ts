import {setImmediate as immediate} from 'node:timers/promises'
import {type Deferred, deferred} from '../../harness/deferred.ts'
import {type SocketEntry, type SocketQuery, shared} from '../../harness/platforms/socket-table.ts'
import {test} from '../declare.ts'

/** A table reader whose readings the test ends by hand, in order to see which callers share which. */
function readingsByHand() {
  const readings = [deferred<SocketEntry[]>(), deferred<SocketEntry[]>()] as const
  const asked: (SocketQuery | undefined)[] = []
  const read = shared((query) => {
    asked.push(query)
    return (readings[asked.length - 1] as Deferred<SocketEntry[]>).promise
  })
  /** Every reading that is due has begun two turns later. */
  const begun = async () => {
    await immediate()
    await immediate()
    return asked.length
  }
  return {read, readings, asked, begun}
}

test('whoever asks during a reading gets one that began after asking, shared with the others', async (t) => {
  const {read, readings, begun} = readingsByHand()
  const [earlyTable, lateTable]: [SocketEntry[], SocketEntry[]] = [[], []]
  const early = read()
  t.is(await begun(), 1)
  const late = [read(), read()]
  t.is(await begun(), 1)
  readings[0].resolve(earlyTable)
  t.is(await early, earlyTable)
  readings[1].resolve(lateTable)
  for (const table of await Promise.all(late)) t.is(table, lateTable)
  t.is(await begun(), 2)
})

test('those who ask in the same turn share one reading, of what all of them need', async (t) => {
  const {read, readings, asked, begun} = readingsByHand()
  const tables = [read({ports: [1]}), read({ports: [2], listeners: true})]
  t.is(await begun(), 1)
  t.deepEqual(asked, [{ports: [1, 2], listeners: true}])
  readings[0].resolve([])
  await Promise.all(tables)
  const all = [read({ports: [3]}), read()]
  t.is(await begun(), 2)
  t.is(asked[1], undefined)
  readings[1].resolve([])
  await Promise.all(all)
})

test('a failed reading fails those who shared it, and the next is a new one', async (t) => {
  const {read, readings, begun} = readingsByHand()
  const failing = read()
  await begun()
  const waiting = read()
  readings[0].reject(new Error('no table'))
  await t.throwsAsync(failing, {message: 'no table'})
  readings[1].resolve([])
  t.deepEqual(await waiting, [])
})
