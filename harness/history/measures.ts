import type {ResultBind} from '../documents/report-schema.ts'
import {greatestOf, leastOf} from '../extremes.ts'
import {quantile} from '../timing/summary.ts'
import type {CheckFields, ReportFields, ResultFields, TimingFields} from './documents.ts'

/** One thing that a run measured, and can be followed from run to run. */
export interface Measure {
  subject: string
  /** Seconds, between the least and the greatest that is possible; null if there was no end, or no time was measured. */
  value: number | null
  low: number | null
  high: number | null
  /** What was answered, by each repetition, without doubles; empty if only a time was measured. */
  answers: readonly string[]
  /** The first refusal; null without one. */
  error: string | null
  /** What was left on the port; null if that is not visible, or a matter of moment. */
  residue: string | null
  /** Between which times the rules of the system allow it; null without any. */
  expected: readonly [number, number] | null
}

/** Refused at once, and the end of the wait was not seen. */
export const notWaited = 'refused'

/** In the order in which they are named. */
const verdicts = ['immediate', 'delayed', 'blocked', notWaited]

/**
 * Whether an answer is one of those that are known. One that was not waited out may be either of those that began with
 * a refusal, which counts only as long as no refusal has been waited out.
 */
export function isKnownAnswer(answer: string, known: readonly string[]): boolean {
  if (known.includes(answer)) return true
  if (answer === 'immediate') return false
  const refused = known.filter((each) => each !== 'immediate')
  if (answer === notWaited) return refused.length > 0
  return refused.length > 0 && refused.every((each) => each === notWaited)
}

/** Whether each answer of the one is among the other's. */
export function areSameAnswers(one: readonly string[], other: readonly string[]): boolean {
  return (
    one.every((answer) => isKnownAnswer(answer, other)) &&
    other.every((answer) => isKnownAnswer(answer, one))
  )
}

export function measuresOfReport({results}: ReportFields): Measure[] {
  return results.flatMap((result) => {
    const isMeasured =
      result.status !== 'failed' && (result.status !== 'skipped' || result.bind !== null)
    return isMeasured ? measureOfResult(result) : []
  })
}

type Times = Pick<Measure, 'value' | 'low' | 'high'>
type Played = Pick<ResultFields, 'bind' | 'outageSeconds' | 'measurements'>

function measureOfResult(result: ResultFields): Measure {
  const {scenario, bind, calls = [], repeats = [result]} = result
  const played = repeats.filter(({status}) => status !== 'failed')
  const given = played.flatMap((each) => (each.bind === null ? [] : verdictOf(each.bind)))
  const outcomes = calls.map(({outcome}) => outcome).join(', ')
  return {
    subject: scenario,
    ...together(played.map((each) => timesOf(each, result))),
    answers:
      bind === null
        ? [outcomes].filter(Boolean)
        : verdicts.filter((verdict) => given.includes(verdict)),
    ...{error: errorOf(result), residue: residueOf(result)},
    expected: result.expected?.residueSeconds ?? null,
  }
}

/** What a bind was answered; without the end of a wait that was not seen. */
export function verdictOf({verdict, waited}: Pick<ResultBind, 'verdict' | 'waited'>): string {
  return verdict === 'blocked' && !waited ? notWaited : verdict
}

/**
 * What the kernel decided where its rules give a range, and what the restart felt where a process did; without a bind,
 * how long clients were not served.
 */
function timesOf({bind, outageSeconds, measurements}: Played, {expected}: ResultFields): Times {
  if (bind === null) {
    const value = outageSeconds ?? measurements?.longestGapSeconds ?? null
    return {value, low: value, high: value}
  }
  const value = expected?.residueSeconds === undefined ? bind.waitSeconds : bind.residueSeconds
  if (bind.verdict === 'immediate') return {value: 0, low: 0, high: 0}
  if (bind.verdict === 'blocked' || value === null) return noTime
  return {value, low: Math.max(0, value - (bind.uncertaintySeconds ?? 0)), high: value}
}

const noTime: Times = {value: null, low: null, high: null}

/** The median of several, between the least and the greatest of them all. */
function together(times: readonly Times[]): Times {
  const [first = noTime, ...others] = times
  if (others.length === 0) return first
  const values = times.flatMap(({value}) => value ?? [])
  if (values.length === 0) return noTime
  return {
    value: quantile(values, 0.5),
    low: leastOf(times.flatMap(({low}) => low ?? [])),
    high: greatestOf(times.flatMap(({high}) => high ?? [])),
  }
}

function errorOf({bind}: ResultFields): string | null {
  const error = bind?.firstError ?? null
  return error === null ? null : `${error.code} ${error.errno}`
}

function residueOf({residue, amidTraffic}: ResultFields): string | null {
  if (residue === null || amidTraffic === true) return null
  const states = new Set(residue.map(({endpoint, state}) => `${endpoint} ${state}`))
  return [...states].sort().join(', ')
}

const timeOnly = {answers: [], error: null, residue: null, expected: null}

/** The median of the ports, and the longest. */
export function measuresOfTiming({residue, summary}: TimingFields): Measure[] {
  const {medianSeconds, maxSeconds, uncertainty} = summary
  const subject = `timing ${residue}`
  return [
    {subject, value: medianSeconds},
    {subject: `${subject}, longest`, value: maxSeconds},
  ].flatMap(({subject, value}) => {
    if (value === null) return []
    const low = Math.max(0, value - (uncertainty.medianSeconds ?? 0))
    return [{subject, value, low, high: value, ...timeOnly}]
  })
}

const longestCommand = 80

/** The outage of each restart; of a reload, how long nobody listened. */
export function measuresOfCheck(check: CheckFields): Measure[] {
  const {command, port, address, problem, rounds, trigger, twice, socket, lossless, safe} = check
  if (problem !== undefined) return []
  const words = command.join(' ')
  const short = words.length > longestCommand ? `${words.slice(0, longestCommand)}...` : words
  const of = (what: string) => `${what} ${port ?? address}${short === '' ? '' : `: ${short}`}`
  if (trigger !== undefined) {
    const [low, high] = trigger.withoutListenerSeconds
    const answers = lossless === true ? ['lossless'] : lossless === false ? ['lossy'] : []
    return [{subject: of('reload'), value: high, low, high, ...timeOnly, answers}]
  }
  const answers = [safe ? 'safe' : 'not safe']
  if (twice !== undefined) {
    return [{subject: of('second instance'), ...noTime, ...timeOnly, answers}]
  }
  if (socket !== undefined) return [{subject: of('socket'), ...noTime, ...timeOnly, answers}]
  if (rounds.length === 0) return []
  const times = rounds.map(({outageSeconds: value}) => ({value, low: value, high: value}))
  return [{subject: of('check'), ...together(times), ...timeOnly, answers}]
}
