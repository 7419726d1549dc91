import {linux} from '../../harness/platforms/linux.ts'
import type {SocketEntry} from '../../harness/platforms/socket-table.ts'
import {openPortWatch} from '../../harness/restart/port-watch.ts'
import {openRecording} from '../../harness/restart/recording.ts'
import {test} from '../declare.ts'

const port = 8088

function socket(state: SocketEntry['state'], local: number, remote: number): SocketEntry {
  const end = (number: number) => ({address: '127.0.0.1', port: number})
  return {state, local: end(local), remote: end(remote), expiresInSeconds: null}
}

const listener = socket('LISTEN', port, 0)

/** A watch whose table is what a test makes of it; its first look has been. */
async function watchOf(...first: SocketEntry[]) {
  let table = first
  const recording = openRecording(0, () => undefined)
  let retransmitted = 40
  const watch = openPortWatch({
    ...{platform: linux, recording, readSockets: async () => table},
    readCounters: async () => ({retransmitted: retransmitted++, resets: 0}),
  })
  watch.open(port)
  await watch.look()
  return {
    async residueOf(...now: SocketEntry[]) {
      table = now
      await watch.lookAtResidue()
      return recording.observation().residue
    },
    retransmitted: () => recording.observation().retransmitted,
  }
}

test('what is left of a client that was connected to the port before is not of this restart', async (t) => {
  const left = socket('TIME_WAIT', 40_000, port)
  const {residueOf} = await watchOf(listener, left)
  t.deepEqual(await residueOf(left, socket('TIME_WAIT', port, 40_001)), [
    {endpoint: 'server', state: 'TIME_WAIT', count: 1},
  ])
})

test('a client of ours that gets the ends of one is', async (t) => {
  const {residueOf} = await watchOf(listener, socket('TIME_WAIT', 40_000, port))
  t.deepEqual(await residueOf(listener, socket('ESTABLISHED', 40_000, port)), [
    {endpoint: 'server', state: 'LISTEN', count: 1},
    {endpoint: 'client', state: 'ESTABLISHED', count: 1},
  ])
  t.deepEqual(await residueOf(socket('TIME_WAIT', 40_000, port)), [
    {endpoint: 'client', state: 'TIME_WAIT', count: 1},
  ])
})

test('what connects after the first look is', async (t) => {
  const {residueOf} = await watchOf(listener)
  t.deepEqual(await residueOf(socket('TIME_WAIT', 40_000, port)), [
    {endpoint: 'client', state: 'TIME_WAIT', count: 1},
  ])
})

test('segments that were sent again between listening and the look at the residue are counted', async (t) => {
  const watch = await watchOf(listener)
  await watch.residueOf(listener)
  t.is(watch.retransmitted(), 1)
})
