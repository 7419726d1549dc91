import type {Bracket} from '../clock.ts'
import type {ResultBind} from '../documents/report-schema.ts'
import type {Counts} from '../processes/protocol.ts'
import type {Attempts, Released} from './observation.ts'

/** What the attempts of one successor come to. */
export interface AttemptSummary {
  bind: ResultBind
  /** Between which bounds the true residue time lies; no upper one if the port was not granted. */
  residueTime: [min: number, max: number] | null
}

/**
 * @param appeared when the last residue appeared; undefined if none was to appear
 * @param waited false if the wait was cut short
 */
export function summarise(
  attempts: Attempts,
  appeared: Bracket | undefined,
  waited: boolean,
): AttemptSummary {
  const {count, firstAt = 0, errors, firstError, lastRefused, grantedAt} = attempts
  const isGranted = grantedAt !== undefined
  const since = (from: number | undefined) =>
    !isGranted || from === undefined ? null : Math.max(0, grantedAt - from)
  const bind: ResultBind = {
    verdict: !isGranted ? 'blocked' : lastRefused === undefined ? 'immediate' : 'delayed',
    waited: waited || isGranted,
    attempts: count,
    errors: {...errors},
    firstError,
    waitSeconds: since(firstAt),
    residueSeconds: since(appeared?.from),
    uncertaintySeconds: since(lastRefused?.to ?? grantedAt),
  }
  const residueTime: AttemptSummary['residueTime'] =
    appeared === undefined || lastRefused === undefined
      ? null
      : [
          // It was not free yet when that was asked; when the answer was read says nothing.
          Math.max(0, lastRefused.from - appeared.to),
          isGranted ? grantedAt - appeared.from : Number.POSITIVE_INFINITY,
        ]
  return {bind, residueTime}
}

/**
 * Where a server retries in its own way, its last two attempts say little of the release: what is known of
 * that is what the witness has shown.
 */
export function witnessed(summary: AttemptSummary, released: Released | undefined): AttemptSummary {
  if (released?.residueSeconds == null || released.grantedAt === null) return summary
  const {residueSeconds: residueTime, grantedAt, lastRefusedAt} = released
  const uncertaintySeconds = grantedAt - lastRefusedAt
  const bind = {...summary.bind, residueSeconds: residueTime[1], uncertaintySeconds}
  return {bind, residueTime}
}

/**
 * When the port was released, counted from the first attempt, and how long after that it was granted; no
 * overshoot if it was not, or before the witness: then the two were not in the same slot after all.
 */
export function overshootOf(
  {firstAt, grantedAt}: Attempts,
  released: Released | undefined,
): Pick<Counts, 'releaseSeconds' | 'overshootSeconds'> {
  if (firstAt === undefined || released?.grantedAt == null) return {}
  const releaseSeconds = Math.max(0, released.grantedAt - firstAt)
  if (grantedAt === undefined || grantedAt < released.lastRefusedAt) return {releaseSeconds}
  return {releaseSeconds, overshootSeconds: Math.max(0, grantedAt - released.grantedAt)}
}
