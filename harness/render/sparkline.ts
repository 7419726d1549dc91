import {greatestOf, leastOf} from '../extremes.ts'

const heights = '▁▂▃▄▅▆▇█'
/** There was no value. */
const gap = '·'

/**
 * Values as a line of text, the least of them lowest. What spans less than `leastSpan` does not reach the top, so that
 * noise does not look like a change.
 */
export function sparkline(values: readonly (number | null)[], leastSpan: number): string {
  const there = values.flatMap((value) => value ?? [])
  const least = leastOf(there)
  const span = Math.max(leastSpan, greatestOf(there) - least)
  return values
    .map((value) => {
      if (value === null) return gap
      return heights[Math.round(((value - least) / span) * (heights.length - 1))] ?? gap
    })
    .join('')
}
