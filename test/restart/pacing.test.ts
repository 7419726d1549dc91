import test from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {Pacing} from '../../harness/processes/pacing.ts'
import {lookAgainMilliseconds, pacingFor} from '../../harness/restart/pacing.ts'

const now = 1000
const looks: [when: string, pacing: Pacing, milliseconds: number][] = [
  ['a minute before the release', {kind: 'dense-from', at: now + 60}, 5000],
  ['three seconds before it', {kind: 'dense-from', at: now + 3}, 3000],
  ['when it is near', {kind: 'dense-from', at: now + 0.1}, 500],
  ['when it is due, or a process holds the port', {kind: 'dense-from', at: now - 1}, 500],
  ['where releases are unknown', {kind: 'proportional'}, 500],
]

for (const [when, pacing, milliseconds] of looks) {
  test(`the socket table is read again after ${milliseconds} ms ${when}`, (t) => {
    t.is(lookAgainMilliseconds(pacing, now), milliseconds)
  })
}

test('a port may have more sockets than a call takes arguments', (t) => {
  const end = {address: '127.0.0.1', port: 8080}
  const entry = {state: 'TIME_WAIT', local: end, remote: end, expiresInSeconds: 9} as const
  const socket = {endpoint: 'server', socket: 'connection', entry} as const
  const sockets = [
    ...Array(200_000).fill(socket),
    {...socket, entry: {...entry, expiresInSeconds: 40}},
  ]
  const pacing = pacingFor({
    platform: linux,
    settings: {},
    sockets,
    assumed: 'TIME_WAIT',
    appearedAt: monotonicSeconds(),
  })
  t.true(pacing.kind === 'dense-from' && pacing.at > monotonicSeconds() + 35)
})
