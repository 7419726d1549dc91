import {greatestOf, leastOf} from '../extremes.ts'

export interface Bin {
  fromSeconds: number
  toSeconds: number
  count: number
}

const niceSteps = [1, 2, 5]

/**
 * Counts values in bins of one round width (1, 2 or 5 times a power of ten), as few as fit into `most`.
 * The last bin's upper border counts as inside.
 */
export function histogram(values: readonly number[], most: number): Bin[] {
  if (values.length === 0) return []
  const least = leastOf(values)
  const greatest = greatestOf(values)
  const width = binWidth(greatest - least, most)
  const first = Math.floor(least / width)
  const bins = Array.from({length: Math.floor(greatest / width) - first + 1}, (_, index) => ({
    fromSeconds: (first + index) * width,
    toSeconds: (first + index + 1) * width,
    count: 0,
  }))
  for (const value of values) {
    const bin = bins[Math.floor(value / width) - first]
    if (bin !== undefined) bin.count++
  }
  return bins
}

/** The narrowest round width, of a millisecond at least, whose bins are not too many. */
function binWidth(range: number, most: number): number {
  for (let power = -3; ; power++) {
    for (const step of niceSteps) {
      const width = step * 10 ** power
      // One more bin than the range holds, where it begins in the middle of one.
      if (range / width <= most - 1) return width
    }
  }
}
