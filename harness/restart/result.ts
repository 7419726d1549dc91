import type {Result} from '../documents/report-schema.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Counts} from '../processes/protocol.ts'
import type {Scenario} from '../scenario.ts'
import {overshootOf, summarise, witnessed} from './attempts.ts'
import {lastsAtLeast} from './expectation.ts'
import {judgementOfAny} from './judgement.ts'
import {type Attempts, type Observation, residueAppeared} from './observation.ts'

/** What judging needs in addition to what was observed. */
export interface JudgedBy {
  platform: Platform
  settings: Settings
  /** False if the run was not to wait for the release, or could not. */
  waited: boolean
  /** The longest time for which the harness was kept from running meanwhile. */
  heldUpSeconds: number
}

/** What has been observed up to now, unjudged: nothing says yet whether it is as expected. */
export function observedResult(
  blank: Result,
  scenario: Scenario,
  seen: Observation,
  waited: boolean,
): Result {
  const {attempts, acceptsAt = attempts.grantedAt, stoppedAccepting, calls, released} = seen
  const {bind} = summaryOf(scenario, seen, waited)
  return {
    ...blank,
    ...(seen.settings === undefined ? {} : {settings: seen.settings}),
    ...(seen.port === undefined ? {} : {port: seen.port}),
    residue: seen.residue,
    bind: attempts.firstAt === undefined ? null : {...bind, ...momentsOf(scenario, seen)},
    ...(calls.length === 0 ? {} : {calls: [...calls]}),
    ...measured({...seen.counts, ...overshootOf(attempts, released)}),
    outageSeconds:
      stoppedAccepting === undefined || acceptsAt === undefined
        ? null
        : Math.max(0, acceptsAt - stoppedAccepting.from),
    ...(seen.packets === undefined ? {} : {packets: seen.packets}),
    timeline: [...seen.timeline],
  }
}

/** The same, judged if there is something to judge it by. */
export function judgedResult(
  blank: Result,
  scenario: Scenario,
  seen: Observation,
  judgedBy: JudgedBy,
): Result {
  const observed = observedResult(blank, scenario, seen, judgedBy.waited && !seen.tooLate)
  const {expected} = blank
  if (expected === null) {
    return {...observed, reason: `not judged: no rules for ${judgedBy.platform.title}`}
  }
  const {attempts, looked, scriptDone, tooLate} = seen
  const since = scenario.residue.server === 'none' ? undefined : looked?.since
  const age = (moment: number | undefined) =>
    moment === undefined || since === undefined ? undefined : moment - since
  const judged = judgementOfAny(expected, ({residue}) => ({
    ...observed,
    residueTime: summaryOf(scenario, seen, judgedBy.waited).residueTime,
    scriptDone,
    met: {
      lastsSeconds: lastsAtLeast(residue, judgedBy),
      seen: age(looked?.at),
      tried: age(attempts.firstAt),
    },
    called: {
      lastsSeconds: lastsAtLeast('TIME_WAIT', judgedBy),
      tried: seen.calledAfterSeconds,
    },
    refusedAfterwards: refusedAfter(attempts, seen),
    tooLate,
    heldUpSeconds: judgedBy.heldUpSeconds,
    ...(seen.retransmitted === undefined ? {} : {retransmitted: seen.retransmitted}),
  }))
  return {...observed, ...judged}
}

function summaryOf(scenario: Scenario, seen: Observation, waited: boolean) {
  const appeared = scenario.residue.server === 'none' ? undefined : residueAppeared(seen)
  return witnessed(summarise(seen.attempts, appeared, waited), seen.released)
}

/** What the durations count from, for whoever draws them. */
function momentsOf({residue}: Scenario, seen: Observation) {
  const {firstAt = 0} = seen.attempts
  const appeared = residue.server === 'none' ? undefined : residueAppeared(seen)
  return appeared === undefined
    ? {firstAttemptAtSeconds: firstAt}
    : {firstAttemptAtSeconds: firstAt, residueAtSeconds: Math.max(0, appeared.from)}
}

/** Whether the last attempt began after the last step that lets go of the port, and was refused. */
function refusedAfter(
  {last}: Attempts,
  {lastWireStep, stoppedAccepting}: Observation,
): boolean | undefined {
  const steps = [lastWireStep, stoppedAccepting].flatMap((step) => step?.to ?? [])
  if (steps.length === 0 || last === undefined) return undefined
  return last.refused && last.from > Math.max(...steps)
}

function measured(measurements: Counts): Pick<Result, 'measurements'> {
  return Object.keys(measurements).length === 0 ? {} : {measurements}
}
