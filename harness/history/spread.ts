import type {HistoryLevel} from '../documents/history-schema.ts'
import {quantile} from '../timing/summary.ts'

/** A time, between the least and the greatest that is possible. */
export interface Timed {
  value: number
  low: number
  high: number
}

/** On either side of a change: so that no single run, and no two, make one. */
export const fewestRuns = 5
/** So many standard deviations are a spread. */
const deviations = 3
/** From the median distance to the standard deviation, if the distances are normally distributed. */
const perMedianDistance = 1.4826
/** Within this, a busy machine makes the difference. */
const leastSpreadSeconds = 0.02
/** What is older is shown and not judged. */
const mostJudged = 3000

/**
 * How far a time strays from its level: three standard deviations, estimated from the median distance to the median, so
 * that single runs that were held up do not widen it. It is never less than the uncertainty of a run, nor than 20 ms.
 */
export function spreadOf(times: readonly Timed[]): number {
  const median = medianOf(times.map(({value}) => value))
  return Math.max(
    leastSpreadSeconds,
    deviations * perMedianDistance * medianOf(times.map(({value}) => Math.abs(value - median))),
    medianOf(times.map(({low, high}) => high - low)),
  )
}

function medianOf(values: readonly number[]): number {
  return quantile(values, 0.5) ?? 0
}

/** Where times lie: their median, and how far they stray from it. */
export function levelOf(times: readonly Timed[]): HistoryLevel | null {
  if (times.length === 0) return null
  const median = medianOf(times.map(({value}) => value))
  const spread = spreadOf(times)
  return {median, low: Math.max(0, median - spread), high: median + spread, runs: times.length}
}

/** Whether there are enough to say anything. */
export function canBeJudged(times: readonly Timed[]): boolean {
  return times.length >= 2 * fewestRuns
}

/**
 * The first run of a new level: the medians before and after it are further apart than the spread around both, and the
 * new one is where hardly a time was before. Undefined if there is none, or too few runs to say.
 */
export function findMove(times: readonly Timed[]): number | undefined {
  const skipped = Math.max(0, times.length - mostJudged)
  const judged = times.slice(skipped)
  if (!canBeJudged(judged)) return undefined
  const values = judged.map(({value}) => value)
  const first = bestSplit(values)
  const [old, fresh] = [medianOf(values.slice(0, first)), medianOf(values.slice(first))]
  const spread = spreadOf(
    judged.map(({value, low, high}, index) => {
      const level = index < first ? old : fresh
      return {value: value - level, low, high}
    }),
  )
  const isNew = (value = old) => Math.abs(value - fresh) < Math.abs(value - old)
  const hasMoved =
    Math.abs(fresh - old) > spread &&
    // Otherwise there are fewer of the new ones than a side needs.
    isNew(values[first]) &&
    !isNew(values[first - 1]) &&
    !isUsual(fresh, values.slice(0, first), spread)
  return hasMoved ? skipped + first : undefined
}

/** Where to part the values so that both parts stray as little from their medians as possible. */
function bestSplit(values: readonly number[]): number {
  const before = strayingOf(values)
  const after = strayingOf(values.toReversed()).reverse()
  let [best, least] = [fewestRuns, Number.POSITIVE_INFINITY]
  for (let first = fewestRuns; first <= values.length - fewestRuns; first++) {
    const straying = (before[first - 1] ?? 0) + (after[first] ?? 0)
    if (straying < least) [best, least] = [first, straying]
  }
  return best
}

/** Whether one run in twenty, or more, was there before. */
function isUsual(value: number, known: readonly number[], spread: number): boolean {
  const near = known.filter((each) => Math.abs(each - value) <= spread / deviations)
  return near.length * 20 > known.length
}

/** The sum of the distances of the first so many values to their median, for each number of them. */
function strayingOf(values: readonly number[]): number[] {
  const sorted: number[] = []
  let [sum, lowerSum, lower] = [0, 0, 0]
  return values.map((value) => {
    const place = placeOf(value, sorted)
    sorted.splice(place, 0, value)
    sum += value
    // The lower half, with the median.
    const half = Math.ceil(sorted.length / 2)
    if (place < lower) lowerSum += value - (half === lower ? (sorted[half] ?? 0) : 0)
    else if (half > lower) lowerSum += sorted[half - 1] ?? 0
    lower = half
    const median = sorted[half - 1] ?? 0
    return sum - lowerSum - median * (sorted.length - half) + median * half - lowerSum
  })
}

/** Behind all that are not greater. */
function placeOf(value: number, sorted: readonly number[]): number {
  let [from, to] = [0, sorted.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((sorted[middle] ?? 0) <= value) from = middle + 1
    else to = middle
  }
  return from
}
