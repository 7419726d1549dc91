import type {Bracket} from '../clock.ts'
import type {BindAttempt, Counts} from '../processes/messages.ts'
import type {ResultBind} from '../reports/schema.ts'
import type {PortRelease} from './release.ts'

/** The bind attempts of one successor, counted from the times and answers that it reported. */
export interface AttemptSummary {
  bind: ResultBind
  /** Monotonic; null if the port was not granted. */
  grantedAt: number | null
  /** Between which bounds the true residue time lies; no upper one if the port was not granted. */
  residueTime: [min: number, max: number] | null
}

/**
 * @param appeared when the last residue appeared; undefined if none was to appear
 * @param waited false if the wait was cut short
 */
export function summariseAttempts(
  attempts: readonly BindAttempt[],
  appeared: Bracket | undefined,
  waited: boolean,
): AttemptSummary {
  const refused = attempts.filter(({outcome}) => outcome === 'refused')
  const granted = attempts.find(({outcome}) => outcome === 'granted')
  const first = attempts[0]?.seconds ?? 0
  const lastRefused = refused.at(-1)?.seconds
  // It was not free yet when that was asked; when the answer was read says nothing.
  const lastAsked = refused.at(-1)?.askedAt ?? lastRefused
  const errors: Record<string, number> = {}
  for (const {error} of refused) {
    if (error !== undefined) errors[error.code] = (errors[error.code] ?? 0) + 1
  }
  const since = (from: number | undefined) =>
    granted === undefined || from === undefined ? null : Math.max(0, granted.seconds - from)
  const bind: ResultBind = {
    verdict: granted === undefined ? 'blocked' : refused.length === 0 ? 'immediate' : 'delayed',
    waited: waited || granted !== undefined,
    attempts: attempts.length,
    errors,
    firstError: refused[0]?.error === undefined ? null : {...refused[0].error},
    waitSeconds: since(first),
    residueSeconds: since(appeared?.from),
    uncertaintySeconds: since(lastRefused ?? granted?.seconds),
  }
  const residueTime: AttemptSummary['residueTime'] =
    appeared === undefined || lastAsked === undefined
      ? null
      : [
          Math.max(0, lastAsked - appeared.to),
          granted === undefined ? Number.POSITIVE_INFINITY : granted.seconds - appeared.from,
        ]
  return {bind, grantedAt: granted?.seconds ?? null, residueTime}
}

/**
 * Where a server retries in its own way, its last two attempts say little of the release: what is known of
 * that is what the witness has shown.
 */
export function witnessed(
  summary: AttemptSummary,
  release: PortRelease | undefined,
): AttemptSummary {
  if (release?.grantedAt == null || release.lastRefusedAt === null) return summary
  const {appeared, grantedAt, lastRefusedAt} = release
  const residueTime: AttemptSummary['residueTime'] = [
    Math.max(0, lastRefusedAt - appeared.to),
    grantedAt - appeared.from,
  ]
  const uncertaintySeconds = grantedAt - lastRefusedAt
  const bind = {...summary.bind, residueSeconds: residueTime[1], uncertaintySeconds}
  return {...summary, bind, residueTime}
}

/**
 * When the port was released, counted from the first attempt, and how long after that it was granted; no
 * overshoot if it was not, or before the witness: then the two were not in the same slot after all.
 */
export function overshootOf(
  attempts: readonly BindAttempt[],
  release: PortRelease | undefined,
): Pick<Counts, 'releaseSeconds' | 'overshootSeconds'> {
  const first = attempts[0]?.seconds
  if (first === undefined || release?.grantedAt == null) return {}
  const releaseSeconds = Math.max(0, release.grantedAt - first)
  const granted = attempts.find(({outcome}) => outcome === 'granted')?.seconds
  if (granted === undefined || granted < (release.lastRefusedAt ?? 0)) return {releaseSeconds}
  return {releaseSeconds, overshootSeconds: Math.max(0, granted - release.grantedAt)}
}
