import {nearRelease, type Pacing} from '../../harness/processes/pacing.ts'
import {lookAgainMilliseconds} from '../../harness/restart/pacing.ts'
import {test} from '../declare.ts'

const now = 1000
const looks: [when: string, pacing: Pacing, milliseconds: number][] = [
  ['a minute before the release', {kind: 'dense-from', at: now + 60, ...nearRelease}, 5000],
  ['three seconds before it', {kind: 'dense-from', at: now + 3, ...nearRelease}, 3000],
  ['when it is near', {kind: 'dense-from', at: now + 0.1, ...nearRelease}, 500],
  [
    'when it is due, or a process holds the port',
    {kind: 'dense-from', at: now - 1, ...nearRelease},
    500,
  ],
  ['where releases are unknown', {kind: 'proportional'}, 500],
]

for (const [when, pacing, milliseconds] of looks) {
  test(`the socket table is read again after ${milliseconds} ms ${when}`, (t) => {
    t.is(lookAgainMilliseconds(pacing, now), milliseconds)
  })
}
