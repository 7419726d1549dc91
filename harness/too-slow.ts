import {starvedAtMostSeconds, watchStarvation} from './starvation.ts'

/** The reason of what could not be judged, or not be waited for, on a machine that is too slow for it. */
export function tooSlow(what: string): string {
  return `too slow here: ${what}`
}

/** A limit of our own passed: that says something of this machine, and nothing of what was waited for. */
export class TooSlow extends Error {
  override name = 'TooSlow'

  constructor(what: string) {
    super(tooSlow(what))
  }
}

/**
 * Waits for so many seconds in which this process runs: it may have been stopped meanwhile, or starved,
 * together with all that it waits for, and a timer is asked before the answers that lie ready.
 * @param act given a signal that is aborted then
 * @throws TooSlow, that `what` did not happen
 */
export async function withinRunningSeconds<T>(
  seconds: number,
  what: string,
  act: (late: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  let left = seconds
  let starvedLeft = starvedAtMostSeconds
  const isStarved = watchStarvation(() => [process.pid])
  const ticking = setInterval(() => {
    if (isStarved() && starvedLeft-- > 0) return
    if (--left <= 0) late.abort(new TooSlow(`${what} within ${seconds} s`))
  }, 1000)
  const aborted = new Promise<never>((_, reject) => {
    late.signal.addEventListener('abort', () => reject(late.signal.reason), {once: true})
  })
  aborted.catch(() => undefined)
  const acting = act(late.signal)
  acting.catch(() => undefined)
  try {
    return await Promise.race([acting, aborted])
  } finally {
    clearInterval(ticking)
  }
}
