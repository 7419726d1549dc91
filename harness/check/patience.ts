import {monotonicSeconds} from '../clock.ts'
import {starvedAtMostSeconds} from '../starvation.ts'
import {type ServerHost, type ServerStart, starvedSeconds} from './server.ts'

/**
 * Waits for a start in seconds in which its processes had a processor: what they do not do while they wait for one
 * says nothing of them.
 * @returns tells whether so many have passed
 */
export function openPatience(
  host: Pick<ServerHost, 'processes'>,
  start: ServerStart,
  seconds: number,
): () => boolean {
  const beganAt = monotonicSeconds()
  const before = starvedSeconds(host, start)
  return () => {
    const passed = monotonicSeconds() - beganAt
    if (passed <= seconds) return false
    // Those of a process that has ended are missing from the sum.
    const starved = Math.max(0, starvedSeconds(host, start) - before)
    return passed - Math.min(starved, starvedAtMostSeconds) > seconds
  }
}
