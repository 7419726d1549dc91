import type {Repetition, Result} from '../documents/report-schema.ts'

/** The worse the earlier: what differs weighs more than what could not be measured. */
const worstFirst: readonly Result['status'][] = ['unexpected', 'failed', 'skipped', 'as-expected']

/**
 * One result of several repetitions of a scenario: the first one's, with the worst status of all, every
 * repetition's bind, and how far the times spread.
 */
export function mergeRepetitions(repetitions: readonly [Result, ...Repetition[]]): Result {
  const [first, ...others] = repetitions
  if (others.length === 0) return first
  const worst =
    worstFirst
      .map((status) => repetitions.find((repetition) => repetition.status === status))
      .find((repetition) => repetition !== undefined) ?? first
  const {reason, status} = worst
  const which = `repetition ${repetitions.indexOf(worst) + 1} of ${repetitions.length}`
  return {
    ...first,
    status,
    ...(reason === undefined ? {} : {reason: `${which}: ${reason}`}),
    repeats: repetitions.map(({status, reason, bind, outageSeconds, measurements}) => ({
      status,
      ...(reason === undefined ? {} : {reason}),
      bind,
      outageSeconds,
      ...(measurements === undefined ? {} : {measurements}),
    })),
    spread: {
      waitSeconds: spreadOf(repetitions.map(({bind}) => bind?.waitSeconds)),
      residueSeconds: spreadOf(repetitions.map(({bind}) => bind?.residueSeconds)),
      outageSeconds: spreadOf(repetitions.map(({outageSeconds}) => outageSeconds)),
    },
  }
}

/** Minimum, median and maximum; null if nothing was measured. */
function spreadOf(
  values: readonly (number | null | undefined)[],
): [min: number, median: number, max: number] | null {
  const sorted = values.filter((value) => value != null).sort((a, b) => a - b)
  const [min, max] = [sorted.at(0), sorted.at(-1)]
  if (min === undefined || max === undefined) return null
  const middle = [sorted.length - 1, sorted.length].map((count) => sorted[count >> 1] ?? min)
  return [min, middle.reduce((sum, value) => sum + value, 0) / middle.length, max]
}
