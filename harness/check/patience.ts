import {monotonicSeconds} from '../clock.ts'
import {starvedAtMostSeconds} from '../starvation.ts'
import {tooSlow} from '../too-slow.ts'
import {CouldNotMeasure} from './could-not-measure.ts'
import {type ServerHost, type ServerStart, starvedSeconds} from './server.ts'

/** What a start may take in any case. */
const shortestSeconds = 5

/** How long a start may take, by what the first one took until it listened. */
export function secondsLike(firstSeconds: number): number {
  return Math.max(shortestSeconds, 3 * firstSeconds)
}

/**
 * Waits for a start in seconds in which its processes had a processor: what they do not do while they wait for one
 * says nothing of them.
 * @param what they are to do
 * @returns tells whether so many have passed; it throws CouldNotMeasure where they waited for a processor for too long
 */
export function openPatience(
  host: Pick<ServerHost, 'processes'>,
  start: ServerStart,
  seconds: number,
  what: string,
): () => boolean {
  const beganAt = monotonicSeconds()
  const before = starvedSeconds(host, start)
  return () => {
    const passed = monotonicSeconds() - beganAt
    if (passed <= seconds) return false
    // Those of a process that has ended are missing from the sum.
    const starved = Math.max(0, starvedSeconds(host, start) - before)
    if (passed - starved > seconds) return true
    if (passed - seconds < starvedAtMostSeconds) return false
    const times = `${starved.toFixed(1)} of ${passed.toFixed(1)} s`
    throw new CouldNotMeasure({
      kind: 'too-slow',
      message: tooSlow(`the server waited for a CPU for ${times}, and did not ${what}`),
      remedy: 'repeat the check when this machine is less busy',
    })
  }
}
