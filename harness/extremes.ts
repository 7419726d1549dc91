/** The least of any number of values, or `none`: of some 125,000, `Math.min(...values)` overflows the stack. */
export function leastOf(values: Iterable<number>, none = Number.POSITIVE_INFINITY): number {
  let least = none
  for (const value of values) least = Math.min(least, value)
  return least
}

/** The greatest of any number of values, or `none`, which is below them all. */
export function greatestOf(values: Iterable<number>, none = Number.NEGATIVE_INFINITY): number {
  let greatest = none
  for (const value of values) greatest = Math.max(greatest, value)
  return greatest
}
