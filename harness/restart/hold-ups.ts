import {monotonicSeconds} from '../clock.ts'

const tickSeconds = 0.1

/** How long this process was kept from running at a time. */
export interface HoldUps {
  /** The longest time that ended at that moment (monotonic seconds) or later, or goes on now. */
  longestSince(from: number): number
  end(): void
}

/**
 * Notices when this process is kept from running: by a machine that has too much to do, a limit on its
 * processor time, or whoever stops it. What waits for others within a time of its own can then be told from
 * what never came.
 */
export function watchHoldUps(): HoldUps {
  /** Each shorter than the one before: what a longer one follows is never asked for again. */
  const longest: {endedAt: number; seconds: number}[] = []
  let tickedAt = monotonicSeconds()
  const lateness = (now: number) => Math.max(0, now - tickedAt - tickSeconds)
  const ticking = setInterval(() => {
    const now = monotonicSeconds()
    const seconds = lateness(now)
    tickedAt = now
    while ((longest.at(-1)?.seconds ?? Number.POSITIVE_INFINITY) <= seconds) longest.pop()
    longest.push({endedAt: now, seconds})
  }, tickSeconds * 1000)
  ticking.unref()
  return {
    longestSince(from) {
      const past = longest.find(({endedAt}) => endedAt >= from)?.seconds ?? 0
      return Math.max(past, lateness(monotonicSeconds()))
    },
    end: () => clearInterval(ticking),
  }
}
