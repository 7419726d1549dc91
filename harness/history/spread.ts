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
const mostJudged = 1000

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
  const first = widestGap(values)
  const [before, after] = [values.slice(0, first), values.slice(first)]
  const [old, fresh] = [medianOf(before), medianOf(after)]
  const spread = spreadOf(
    judged.map(({value, low, high}, index) => {
      const level = index < first ? old : fresh
      return {value: value - level, low, high}
    }),
  )
  const hasMoved = Math.abs(fresh - old) > spread && !isUsual(fresh, before, spread)
  return hasMoved ? skipped + first : undefined
}

/** Where to part the values so that the medians of both parts are far apart; a part of few runs weighs little. */
function widestGap(values: readonly number[]): number {
  const before = runningMedians(values)
  const after = runningMedians(values.toReversed()).reverse()
  const least = leastGapOf(values)
  let [best, greatest] = [fewestRuns, 0]
  for (let first = fewestRuns; first <= values.length - fewestRuns; first++) {
    const gap = Math.abs((before[first - 1] ?? 0) - (after[first] ?? 0))
    const weight = gap * Math.sqrt(first * (values.length - first))
    if (gap > least && weight > greatest) [best, greatest] = [first, weight]
  }
  return best
}

/** By the distances of neighbours, which a change of level does not make greater: less than it never is a move. */
function leastGapOf(values: readonly number[]): number {
  const distances = values
    .slice(1)
    .map((value, index) => Math.abs(value - (values[index] ?? value)))
  return Math.max(
    leastSpreadSeconds,
    (deviations * perMedianDistance * medianOf(distances)) / Math.SQRT2,
  )
}

/** Whether one run in twenty, or more, was there before. */
function isUsual(value: number, known: readonly number[], spread: number): boolean {
  const near = known.filter((each) => Math.abs(each - value) <= spread / deviations)
  return near.length * 20 > known.length
}

/** The median of the first so many values, for each number of them. */
function runningMedians(values: readonly number[]): number[] {
  const sorted: number[] = []
  return values.map((value) => {
    sorted.splice(placeOf(value, sorted), 0, value)
    return sorted[Math.ceil(sorted.length / 2) - 1] ?? 0
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
