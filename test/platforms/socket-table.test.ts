import test from 'ava'
import {type Deferred, deferred} from '../../harness/deferred.ts'
import {type SocketEntry, shared} from '../../harness/platforms/socket-table.ts'

/** A table reader whose readings the test ends by hand, in order to see which callers share which. */
function readingsByHand() {
  const readings: Deferred<SocketEntry[]>[] = []
  const read = shared(() => {
    const reading = deferred<SocketEntry[]>()
    readings.push(reading)
    return reading.promise
  })
  return {read, readings}
}

test('whoever asks during a reading gets one that began after asking, shared with the others', async (t) => {
  const {read, readings} = readingsByHand()
  const early = read()
  const late = [read(), read()]
  t.is(readings.length, 1)
  const firstTable: SocketEntry[] = []
  readings[0]?.resolve(firstTable)
  t.is(await early, firstTable)
  const laterTable: SocketEntry[] = []
  readings[1]?.resolve(laterTable)
  for (const table of await Promise.all(late)) t.is(table, laterTable)
  t.is(readings.length, 2)
})

test('when nobody reads, a call starts a reading at once', async (t) => {
  const {read, readings} = readingsByHand()
  for (const count of [1, 2]) {
    const table = read()
    t.is(readings.length, count)
    readings[count - 1]?.resolve([])
    await table
  }
})

test('a failed reading fails those who shared it, and the next is a new one', async (t) => {
  const {read, readings} = readingsByHand()
  const failing = read()
  const waiting = read()
  readings[0]?.reject(new Error('no table'))
  await t.throwsAsync(failing, {message: 'no table'})
  readings[1]?.resolve([])
  t.deepEqual(await waiting, [])
})
