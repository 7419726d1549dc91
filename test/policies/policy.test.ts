import {outcomesOf} from '../../harness/policies/document.ts'
import {type AttemptCost, type Outcome, outcomeOf} from '../../harness/policies/policy.ts'
import {policies} from '../../harness/policies/table.ts'
import {test} from '../declare.ts'

const cost: AttemptCost = {untilBindSeconds: 0.04, untilEndSeconds: 0.05}

function play(id: string, releaseSeconds: number, random?: () => number): Outcome {
  const policy = policies[id]
  if (policy === undefined) throw new Error(`no policy ${id}`)
  return outcomeOf(policy, releaseSeconds, cost, random)
}

const granted: [id: string, release: number, attempts: number, outage: number][] = [
  // 0, 1, 3, 7, 15, 31, 63
  ['p-retry-defaults', 61, 7, 63],
  ['p-retry-defaults', 63.5, 8, 127],
  ['fixed-1s', 60.2, 62, 61],
  // Starts at 0, then 10 s, 20 s and 40 s after the end of the failed one before.
  ['kubernetes', 61, 4, 70.15 + 0.04],
  // 0.1 + 0.2 + 0.4 + ... + 51.2 s of pauses, and nine attempts that failed.
  ['docker', 61, 10, 102.3 + 9 * 0.05 + 0.04],
]

for (const [id, release, attempts, outage] of granted) {
  test(`${id}: a release after ${release} s is an outage of ${outage.toFixed(2)} s`, (t) => {
    const outcome = play(id, release)
    if (!outcome.granted) return t.fail('it gave up')
    t.is(outcome.attempts, attempts)
    t.true(Math.abs(outcome.outageSeconds - outage) < 1e-9, String(outcome.outageSeconds))
    t.true(Math.abs(outcome.overshootSeconds - (outage - release)) < 1e-9)
  })
}

const givenUp: [id: string, attempts: number, seconds: number][] = [
  // Five starts 100 ms apart, and the sixth is one too many in 10 s.
  ['systemd', 5, 0.1 + 5 * (0.05 + 0.1)],
  ['pm2-restart', 16, 16 * 0.05],
  ['nodemon', 1, 0.05],
]

for (const [id, attempts, seconds] of givenUp) {
  test(`${id} gives up after ${seconds.toFixed(2)} s and ${attempts} attempts`, (t) => {
    const outcome = play(id, 61)
    if (outcome.granted) return t.fail('it got the port')
    t.is(outcome.attempts, attempts)
    t.true(Math.abs(outcome.givesUpAfterSeconds - seconds) < 1e-9)
  })
}

test('p-retry gives up after 11 attempts, which is after 1023 s', (t) => {
  t.deepEqual(play('p-retry-defaults', 5000), {
    granted: false,
    attempts: 11,
    givesUpAfterSeconds: 1023,
  })
})

test("systemd's start limit does not bind starts that are further apart", (t) => {
  const {systemd} = policies
  if (systemd === undefined) return t.fail()
  const slow = {...systemd, pause: {kind: 'fixed', seconds: 2.5} as const}
  t.true(outcomeOf(slow, 61, cost).granted)
})

test('pm2 counts no attempt that ran for a second', (t) => {
  const slow = {untilBindSeconds: 1, untilEndSeconds: 1.1}
  const policy = policies['pm2-restart']
  t.true(policy !== undefined && outcomeOf(policy, 61, slow).granted)
})

test('a port that is free before the first attempt costs one attempt', (t) => {
  for (const [id, policy] of Object.entries(policies)) {
    const outcome = outcomeOf(policy, 0, cost)
    t.true(outcome.granted, id)
    t.is(outcome.attempts, 1, id)
  }
})

test('jitter stretches a pause to at most twice its length, and never beyond the cap', (t) => {
  const shortest = play('exponential-jitter', 61, () => 0)
  const longest = play('exponential-jitter', 61, () => 1)
  t.true(shortest.attempts > longest.attempts)
  for (const outcome of [shortest, longest]) {
    t.true(outcome.granted && outcome.overshootSeconds >= 0 && outcome.overshootSeconds <= 5)
  }
})

test('of many releases each has the outcome that it has alone', (t) => {
  const releases = [61, 0, 60.5, 1, 0.05, 600, 61, 60.45, 3, 60.49]
  for (const [id, policy] of Object.entries(policies)) {
    if (policy.pause.kind === 'growing' && policy.pause.jitter !== undefined) continue
    const alone = releases.map((seconds) => outcomeOf(policy, seconds, cost))
    const sorted = [...releases.keys()].sort((a, b) => (releases[a] ?? 0) - (releases[b] ?? 0))
    t.deepEqual(
      outcomesOf(policy, releases, cost),
      sorted.flatMap((index) => alone[index] ?? []),
      id,
    )
  }
})

test('every policy has a source with a version', (t) => {
  for (const [id, {source}] of Object.entries(policies)) t.regex(source, /\d/, id)
})
