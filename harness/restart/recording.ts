import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import type {RestartEvent, Timed} from './events.ts'
import {fold, nothingYet, type Observation} from './observation.ts'

/** Whoever reads along: the log, the progress display, a test. */
export type Follower = (event: Timed<RestartEvent>) => void

/**
 * The one place where it is written down what happens in a restart. It folds and forwards each event, and keeps
 * no list: a run has tens of thousands of attempts.
 */
export interface Recording {
  /** Monotonic seconds at which the run began; all else counts from there. */
  origin: number
  /** @param at when it was over, monotonic seconds; now without it */
  append(event: RestartEvent, at?: number): void
  /** What is known by now. */
  observation(): Observation
  /** Resolved as soon as what is known satisfies this. */
  until(isSo: (seen: Observation) => boolean): Promise<void>
}

export function openRecording(origin: number, follow: Follower): Recording {
  let seen = nothingYet
  const awaited = new Map<(seen: Observation) => boolean, () => void>()
  return {
    origin,
    append(event, at = monotonicSeconds()) {
      const timed = {...event, seconds: Math.max(0, at - origin)}
      seen = fold(seen, timed)
      follow(timed)
      for (const [isSo, resolve] of awaited) {
        if (!isSo(seen)) continue
        awaited.delete(isSo)
        resolve()
      }
    },
    observation: () => seen,
    async until(isSo) {
      if (isSo(seen)) return
      const {promise, resolve} = deferred<void>()
      awaited.set(isSo, resolve)
      return promise
    },
  }
}
