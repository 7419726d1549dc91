import {darwin} from '../../harness/platforms/darwin.ts'
import {unknown} from '../../harness/platforms/detect.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {SocketEntry} from '../../harness/platforms/socket-table.ts'
import {lastRemaining, remainingOf} from '../../harness/why/remaining.ts'
import {remainingWords} from '../../harness/why/words.ts'
import {test} from '../declare.ts'

const end = {address: '127.0.0.1', port: 8080}

function socket(state: SocketEntry['state'], expiresInSeconds: number | null, inode?: number) {
  const owned = inode === undefined ? {} : {inode}
  return {entry: {state, local: end, remote: end, expiresInSeconds, ...owned}, holders: []}
}

test("Linux frees a TIME_WAIT from its timer's end on, as much later as its timer wheel is coarse", (t) => {
  const [min, max] = remainingOf(socket('TIME_WAIT', 41.5), linux, {CONFIG_HZ: 250}) ?? []
  t.is(min, 41.5)
  // A slot of 512 ticks, and one tick.
  t.is(max?.toFixed(3), (41.5 + 513 / 250).toFixed(3))
})

test('without a visible timer all that is known is the longest time', (t) => {
  t.deepEqual(remainingOf(socket('TIME_WAIT', null), darwin, {'net.inet.tcp.msl': 15_000}), [0, 52])
})

test('a socket that a process has does not go by itself', (t) => {
  t.is(remainingOf(socket('FIN_WAIT2', null, 4711), linux, {}), null)
  t.is(remainingOf(socket('LISTEN', null, 4711), linux, {}), null)
  t.is(remainingOf(socket('TIME_WAIT', null), unknown, {}), null)
})

test('a port is free when the last socket is gone, and not by itself if one stays', (t) => {
  const both: [number, number][] = [
    [10, 14],
    [12, 13],
  ]
  t.deepEqual(lastRemaining(both), [12, 14])
  t.is(lastRemaining([...both, null]), null)
})

test('a remaining time reads as whole seconds that contain it', (t) => {
  t.is(remainingWords([41.2, 43.3]), '41 to 44 s')
  t.is(remainingWords([0.4, 1.2]), 'at most 2 s')
  t.is(remainingWords([0, 0]), 'at most 1 s')
})
