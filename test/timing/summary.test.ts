import type {PortRelease} from '../../harness/restart/release.ts'
import {isWithin, longestHoldUp, quantile, spreadOf} from '../../harness/timing/summary.ts'
import {test} from '../declare.ts'

test('quantiles are values that were measured', (t) => {
  const values = [5, 1, 4, 2, 3]
  t.is(quantile(values, 0), 1)
  t.is(quantile(values, 0.5), 3)
  t.is(quantile(values, 0.95), 5)
  t.is(quantile(values, 1), 5)
  t.is(quantile([], 0.5), null)
  t.is(
    quantile(
      Array.from({length: 100}, (_, index) => index + 1),
      0.95,
    ),
    95,
  )
})

test('the spread of nothing is null throughout', (t) => {
  t.deepEqual(spreadOf([]), {
    minSeconds: null,
    medianSeconds: null,
    p95Seconds: null,
    maxSeconds: null,
  })
})

const range = [60, 62.05] as const

/** A residue that appeared at 100 s, exactly, or within some milliseconds. */
function release(
  lastRefused: number | null,
  granted: number | null,
  appearedWithin = 0,
): PortRelease {
  const appeared = {from: 100, to: 100 + appearedWithin}
  const [lastRefusedAt, grantedAt] = [lastRefused, granted].map((seconds) =>
    seconds === null ? null : 100 + seconds,
  ) as [number | null, number | null]
  return {port: 1, appeared, attempts: 9, firstAttemptAt: 100, lastRefusedAt, grantedAt}
}

const judged: [what: string, release: PortRelease, verdict: boolean | null][] = [
  ['in the middle of the range', release(61, 61.001), true],
  ['that may have been at the lower border', release(59.999, 60.0001), true],
  ['before the range', release(59.9, 59.99), false],
  ['at the first attempt', release(null, 0.001), false],
  ['at the first attempt, which came too late for a refusal', release(null, 61), null],
  ['that may have been at the upper border', release(62.049, 62.06), true],
  ['after the range', release(62.06, 62.07), false],
  ['after the range by less than the closing took', release(62.051, 62.07, 0.002), true],
  ['that did not come before the limit, within the range', release(61, null), null],
  ['that did not come though the range is over', release(62.06, null), false],
]

for (const [what, given, verdict] of judged) {
  test(`a release ${what} is ${verdict === null ? 'not judged' : verdict ? 'inside' : 'outside'}`, (t) => {
    t.is(isWithin(given, range), verdict)
  })
}

test('without a range nothing is judged', (t) => {
  t.is(isWithin(release(5, 5.1), null), null)
})

test('a release that is late by no more than the machine held us up is not judged', (t) => {
  const [late, punctual] = [release(62.057, 62.058), release(61, 61.01)]
  const heldUp = longestHoldUp([late, punctual, release(61, null)])
  t.is(Math.round(heldUp * 1000), 10)
  t.is(isWithin(late, range, heldUp), null)
  t.is(isWithin(release(62.07, 62.08), range, heldUp), false)
  t.is(isWithin(release(59.9, 59.99), range, heldUp), false)
})
