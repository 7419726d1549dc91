import type {Policies, PolicyRow} from '../documents/policies-schema.ts'
import type {Result} from '../documents/report-schema.ts'
import {greatestOf, leastOf} from '../extremes.ts'
import {quantile} from '../timing/summary.ts'
import {type AttemptCost, type Outcome, outcomeOf, type Policy} from './policy.ts'
import type {RecordedReleases} from './recorded.ts'

export interface PoliciesToTell {
  policies: Readonly<Record<string, Policy>>
  recorded: RecordedReleases
  measuredNow: boolean
  cost: AttemptCost
}

/** What each policy makes of each of the measured releases. */
export function policiesDocument(given: PoliciesToTell): Policies {
  const {policies, recorded, measuredNow, cost} = given
  const {file, host, releaseSeconds, played} = recorded
  return {
    format: 'rebind-policies',
    version: 1,
    host,
    release: {
      residue: 'TIME_WAIT',
      file,
      measuredNow,
      ports: releaseSeconds.length,
      minSeconds: quantile(releaseSeconds, 0) ?? 0,
      medianSeconds: quantile(releaseSeconds, 0.5) ?? 0,
      maxSeconds: quantile(releaseSeconds, 1) ?? 0,
    },
    attempt: {...cost},
    policies: Object.entries(policies).map(([id, policy]) => {
      const outcome = playedOutcome(played.get(policy.scenario ?? ''))
      return outcome === undefined
        ? row(id, policy, 'computed', outcomesOf(policy, releaseSeconds, cost))
        : row(id, policy, 'measured', [outcome])
    }),
  }
}

/** A policy with jitter has another outcome each time, so few releases are played often. */
const drawsWithJitter = 1000

export function outcomesOf(
  policy: Policy,
  releases: readonly number[],
  cost: AttemptCost,
): Outcome[] {
  if (policy.pause.kind !== 'growing' || policy.pause.jitter === undefined) {
    return outcomesWithoutJitter(policy, releases, cost)
  }
  const draws = Math.ceil(drawsWithJitter / releases.length)
  return releases.flatMap((seconds) =>
    Array.from({length: draws}, () => outcomeOf(policy, seconds, cost)),
  )
}

/** Releases between the same two attempts have the same outcome, which is computed once: there may be many of them. */
function outcomesWithoutJitter(
  policy: Policy,
  releases: readonly number[],
  cost: AttemptCost,
): Outcome[] {
  let last: Outcome | undefined
  return [...releases]
    .sort((one, other) => one - other)
    .map((seconds) => {
      const isSame = last !== undefined && (!last.granted || seconds <= last.outageSeconds)
      const outcome = last !== undefined && isSame ? last : outcomeOf(policy, seconds, cost)
      last = outcome
      return outcome.granted
        ? {...outcome, overshootSeconds: outcome.outageSeconds - seconds}
        : outcome
    })
}

/** What a scenario measured of the policy that it played. */
function playedOutcome(result: Result | undefined): Outcome | undefined {
  const {bind = null, outageSeconds, measurements} = result ?? {}
  const overshootSeconds = measurements?.overshootSeconds
  if (bind === null || outageSeconds == null || overshootSeconds === undefined) return undefined
  return {granted: true, attempts: bind.attempts, outageSeconds, overshootSeconds}
}

function row(
  policy: string,
  {title, source, note}: Policy,
  how: PolicyRow['how'],
  outcomes: readonly Outcome[],
): PolicyRow {
  const granted = outcomes.filter((outcome) => outcome.granted)
  const givenUp = outcomes.filter((outcome) => !outcome.granted)
  const outages = granted.map(({outageSeconds}) => outageSeconds)
  const overshoots = granted.map(({overshootSeconds}) => overshootSeconds)
  const attempts = outcomes.map((outcome) => outcome.attempts)
  return {
    policy,
    title,
    how,
    attempts: quantile(attempts, 0.5) ?? 0,
    outageSeconds: quantile(outages, 0.5),
    outageRangeSeconds: rangeOf(outages),
    overshootSeconds: quantile(overshoots, 0.5),
    overshootRangeSeconds: rangeOf(overshoots),
    givesUpAfterSeconds: quantile(
      givenUp.map(({givesUpAfterSeconds}) => givesUpAfterSeconds),
      0.5,
    ),
    gaveUp: givenUp.length,
    of: outcomes.length,
    source,
    ...(note === undefined ? {} : {note}),
  }
}

function rangeOf(values: readonly number[]): [least: number, greatest: number] | null {
  return values.length === 0 ? null : [leastOf(values), greatestOf(values)]
}
