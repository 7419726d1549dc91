import test from 'ava'
import {type Deferred, deferred} from '../../harness/deferred.ts'
import {type SocketEntry, shared} from '../../harness/platforms/socket-table.ts'

/** A table reader whose readings the test ends by hand, in order to see which callers share which. */
function readingsByHand() {
  const readings = [deferred<SocketEntry[]>(), deferred<SocketEntry[]>()] as const
  let begun = 0
  const read = shared(() => (readings[begun++] as Deferred<SocketEntry[]>).promise)
  return {read, readings, begun: () => begun}
}

test('whoever asks during a reading gets one that began after asking, shared with the others', async (t) => {
  const {read, readings, begun} = readingsByHand()
  const [earlyTable, lateTable]: [SocketEntry[], SocketEntry[]] = [[], []]
  const early = read()
  const late = [read(), read()]
  t.is(begun(), 1)
  readings[0].resolve(earlyTable)
  t.is(await early, earlyTable)
  readings[1].resolve(lateTable)
  for (const table of await Promise.all(late)) t.is(table, lateTable)
  t.is(begun(), 2)
})

test('when nobody reads, a call starts a reading at once', async (t) => {
  const {read, readings, begun} = readingsByHand()
  for (const [index, reading] of readings.entries()) {
    const table = read()
    t.is(begun(), index + 1)
    reading.resolve([])
    await table
  }
})

test('a failed reading fails those who shared it, and the next is a new one', async (t) => {
  const {read, readings} = readingsByHand()
  const failing = read()
  const waiting = read()
  readings[0].reject(new Error('no table'))
  await t.throwsAsync(failing, {message: 'no table'})
  readings[1].resolve([])
  t.deepEqual(await waiting, [])
})
