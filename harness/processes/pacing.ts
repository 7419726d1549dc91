/**
 * When the successor tries again.
 * - `dense-from`: once a second until that moment (monotonic seconds), and densely from then on, with so many
 *   milliseconds between: for residue whose end is known not to come earlier, or, with a moment in the past,
 *   for residue that may end at any time because a process holds it.
 * - `proportional`: after a thousandth of the time already waited, 1 ms at least; for an OS whose
 *   releases are unknown. The uncertainty then stays at 0.1 % of the wait.
 */
export type Pacing =
  | {kind: 'dense-from'; at: number; everyMilliseconds: number}
  | {kind: 'proportional'}

/** Near a release. More often, a run of all scenarios would keep both cores busy for as long as a slot of the timer wheel lasts. */
export const nearRelease = {everyMilliseconds: 0.7}
/** As long as a process holds the port. */
export const whileHeld = {everyMilliseconds: 1}
const leastMilliseconds = 1
const seldomMilliseconds = 1000

/** Milliseconds to wait before the next attempt; `now` and `firstAttemptAt` in monotonic seconds. */
export function pauseMilliseconds(pacing: Pacing, now: number, firstAttemptAt: number): number {
  if (pacing.kind === 'proportional') return Math.max(leastMilliseconds, now - firstAttemptAt)
  const untilDense = (pacing.at - now) * 1000
  return Math.min(seldomMilliseconds, Math.max(pacing.everyMilliseconds, untilDense))
}

/** Whether attempts are due every millisecond, because the release may come at any time. */
export function isDense(pacing: Pacing, now: number): boolean {
  return pacing.kind === 'dense-from' && now >= pacing.at
}
