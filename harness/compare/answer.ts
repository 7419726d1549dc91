import type {Answer, Range} from '../documents/comparison-schema.ts'
import type {Result, ResultBind} from '../documents/report-schema.ts'

/** What one time of playing a scenario gave. */
export type Repetition = Pick<Result, 'status' | 'bind'>

/** Every time that a scenario was played; a failed repetition measured nothing. */
export function repetitionsOf(result: Result): Repetition[] {
  return (result.repeats ?? [result]).filter(({status}) => status !== 'failed')
}

/** Whether there is something to compare: failed and skipped scenarios have no answer, judged or not. */
export function isMeasured({status, bind}: Result): boolean {
  if (status === 'failed') return false
  return status !== 'skipped' || bind !== null
}

/** What a report says of a scenario, over all repetitions. */
export function answerOf(result: Result): Answer {
  const {status, reason, bind, residue, expected, calls, measurements} = result
  const binds = repetitionsOf(result).flatMap((repetition) => repetition.bind ?? [])
  return {
    status,
    ...(reason === undefined ? {} : {reason}),
    verdict: bind?.verdict ?? null,
    waited: bind?.waited ?? false,
    firstError: bind?.firstError == null ? null : errorOf(bind.firstError),
    residue,
    times: Math.max(1, result.repeats?.length ?? 1),
    timesOtherwise: binds.filter(({verdict}) => verdict !== bind?.verdict).length,
    waitSeconds: hull(binds.flatMap(({waitSeconds}) => bracket(waitSeconds, 0))),
    uncertaintySeconds: largest(binds.flatMap(({uncertaintySeconds}) => uncertaintySeconds ?? [])),
    measuredResidueSeconds: hull(binds.flatMap(releaseBracket)),
    expectedResidueSeconds: expected?.residueSeconds ?? null,
    ...(calls === undefined ? {} : {calls}),
    ...(measurements === undefined ? {} : {measurements}),
  }
}

/**
 * Between the last refused attempt and the granted one the kernel let the residue go. Empty where the
 * port was had at once, or never.
 */
export function releaseBracket({verdict, residueSeconds, uncertaintySeconds}: ResultBind): Range[] {
  return verdict === 'delayed' ? bracket(residueSeconds, uncertaintySeconds ?? 0) : []
}

/** The smallest range that holds all of the given ones; null without any. */
export function hull(ranges: readonly Range[]): Range | null {
  if (ranges.length === 0) return null
  return [
    ranges.reduce((least, [min]) => Math.min(least, min), Number.POSITIVE_INFINITY),
    ranges.reduce((most, [, max]) => Math.max(most, max), 0),
  ]
}

export function overlap([a, b]: Range, [c, d]: Range): boolean {
  return a <= d && c <= b
}

function bracket(until: number | null, uncertainty: number): Range[] {
  return until === null ? [] : [[Math.max(0, until - uncertainty), until]]
}

function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((most, value) => Math.max(most, value), 0)
}

function errorOf({code, errno}: {code: string; errno: number}): Answer['firstError'] {
  return {code, errno}
}
