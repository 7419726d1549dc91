import {outcomeOf} from '../../harness/commands/timing.ts'
import {timingDocument} from '../../harness/timing/document.ts'
import {test} from '../declare.ts'
import {recordedReport} from '../documents/documents.ts'

type Moments = [lastRefused: number | null, granted: number | null]

/** What `rebind timing` makes of ports that were closed at 0 s, each last refused and granted then. */
function outcome(...ports: Moments[]) {
  const {host, run} = recordedReport()
  const document = timingDocument({
    run: {...run, cpuSeconds: 1},
    host,
    residue: 'TIME_WAIT',
    spreadSeconds: 1,
    origin: 0,
    expected: {
      ...{id: 'linux/time-wait-timer', because: '', source: ''},
      ...{endsBy: 'kernel', residueSeconds: [60, 62]},
    },
    releases: ports.map(([lastRefusedAt, grantedAt], index) => ({
      port: 20_000 + index,
      appeared: {from: 0, to: 0},
      attempts: 3,
      firstAttemptAt: 0,
      lastRefusedAt,
      grantedAt,
      kernelTimerSeconds: 60,
    })),
  })
  return outcomeOf(document, 70)
}

test('ports that came free when they should are as expected, and one that did not is unexpected', (t) => {
  t.deepEqual(outcome([61, 61.1], [60, 60.1]), {status: 0})
  t.deepEqual(outcome([61, 61.1], [50, 50.1]), {status: 1})
})

test('a port that was not tried before it may have been free makes no verdict of a run', (t) => {
  const {status, complaint} = outcome([61, 61.1], [null, 61])
  t.is(status, 3)
  t.regex(complaint ?? '', /^too slow here: 1 of 2 released ports/)
  t.is(outcome([null, 61], [50, 50.1]).status, 1)
})

test('no port that came free is no distribution', (t) => {
  const {status, complaint} = outcome([61, null])
  t.is(status, 3)
  t.regex(complaint ?? '', /allow 62 s or more/)
})
