import {histogram} from '../../harness/timing/histogram.ts'
import {test} from '../declare.ts'

test('every value is counted once, in a bin that holds it', (t) => {
  const values = Array.from({length: 500}, (_, index) => 60 + (index * 2.048) / 500)
  const bins = histogram(values, 24)
  t.is(
    bins.reduce((sum, {count}) => sum + count, 0),
    values.length,
  )
  for (const {fromSeconds, toSeconds, count} of bins) {
    const inside = values.filter((value) => value >= fromSeconds && value < toSeconds).length
    // A value on the border of two bins may be rounded into either.
    t.true(Math.abs(inside - count) <= 1)
  }
})

for (const range of [0.0004, 0.01, 0.3, 2.048, 5.12, 22, 900]) {
  test(`a range of ${range} s is cut into at most 24 bins of one round width`, (t) => {
    const bins = histogram([61.234, 61.234 + range / 2, 61.234 + range], 24)
    t.true(bins.length >= 1 && bins.length <= 24, `${bins.length} bins`)
    const widths = bins.map(({fromSeconds, toSeconds}) => toSeconds - fromSeconds)
    const digits = (widths[0] ?? 0).toExponential(6)
    t.regex(digits, /^(1|2|5)\.0+e|^(1|2|5|4|9)\.(0+|9+)e/)
    t.true(widths.every((width) => Math.abs(width - (widths[0] ?? 0)) < 1e-9))
  })
}

test('equal values make one bin; none make none', (t) => {
  t.deepEqual(
    histogram([60, 60, 60], 24).map(({count}) => count),
    [3],
  )
  t.deepEqual(histogram([], 24), [])
})
