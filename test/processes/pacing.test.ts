import {
  isDense,
  nearRelease,
  type Pacing,
  pauseMilliseconds,
  whileHeld,
} from '../../harness/processes/pacing.ts'
import {test} from '../declare.ts'

const firstAttemptAt = 1000
const fromSixtySeconds: Pacing = {
  kind: 'dense-from',
  at: firstAttemptAt + 60,
  ...nearRelease,
}
const atAnyTime: Pacing = {kind: 'dense-from', at: 0, ...whileHeld}
const proportional: Pacing = {kind: 'proportional'}

const pauses = [
  {when: 'long before the release', pacing: fromSixtySeconds, waited: 5, milliseconds: 1000},
  {
    when: 'half a second before the release',
    pacing: fromSixtySeconds,
    waited: 59.5,
    milliseconds: 500,
  },
  {when: 'at the release', pacing: fromSixtySeconds, waited: 60, milliseconds: 0.7},
  {when: 'after the release', pacing: fromSixtySeconds, waited: 61, milliseconds: 0.7},
  {when: 'while a process holds the port', pacing: atAnyTime, waited: 0, milliseconds: 1},
  {when: 'at the beginning of an unknown wait', pacing: proportional, waited: 0, milliseconds: 1},
  {when: '30 s into an unknown wait', pacing: proportional, waited: 30, milliseconds: 30},
  {when: '10 min into an unknown wait', pacing: proportional, waited: 600, milliseconds: 600},
]

for (const {when, pacing, waited, milliseconds} of pauses) {
  test(`the next attempt comes after ${milliseconds} ms ${when}`, (t) => {
    t.is(pauseMilliseconds(pacing, firstAttemptAt + waited, firstAttemptAt), milliseconds)
  })
}

test('attempts are dense from the given moment on, and never while the release is unknown', (t) => {
  t.false(isDense(fromSixtySeconds, firstAttemptAt + 59.999))
  t.true(isDense(fromSixtySeconds, firstAttemptAt + 60))
  t.false(isDense(proportional, firstAttemptAt + 60))
})
