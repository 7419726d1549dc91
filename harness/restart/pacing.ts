import {monotonicSeconds} from '../clock.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import {isKernelHeld, type TcpState} from '../platforms/tcp-states.ts'
import type {Pacing} from '../processes/pacing.ts'
import type {SeenSocket} from './observer.ts'

/** How much earlier than the predicted release the dense attempts begin: the timer is shown in 10 ms. */
const marginSeconds = 0.05

const lookOftenMilliseconds = 500
const lookSeldomMilliseconds = 5000

export interface PacingQuestion {
  platform: Platform
  settings: Settings
  /** The sockets on the port now; null where the OS does not show the states in question. */
  sockets: SeenSocket[] | null
  /** The state the server's side is in, by the script, for an OS that does not show it. */
  assumed: TcpState | 'none'
  /** The earliest moment at which that residue can have appeared, monotonic seconds. */
  appearedAt: number
}

/**
 * When a bind can be granted at the earliest, by the kernel's own timers where it shows them, else by the
 * platform's releases; at any time if a process holds the port.
 */
export function pacingFor(question: PacingQuestion): Pacing {
  const {platform, settings, sockets, assumed, appearedAt} = question
  const now = monotonicSeconds()
  const blocking = sockets?.filter(({endpoint}) => endpoint === 'server')
  if (blocking !== undefined && blocking.length > 0) {
    if (blocking.some(({entry}) => !isKernelHeld(entry.state))) return {kind: 'dense-from', at: now}
    const timers = blocking.map(({entry}) => entry.expiresInSeconds)
    if (timers.every((timer) => timer !== null)) {
      const last = timers.reduce((longest, timer) => Math.max(longest, timer), 0)
      return {kind: 'dense-from', at: now + last - marginSeconds}
    }
  }
  const release = assumed === 'none' ? undefined : platform.rules?.release(assumed, settings)
  if (release === undefined) return {kind: 'proportional'}
  if (release.endsBy === 'process') return {kind: 'dense-from', at: now}
  return {kind: 'dense-from', at: appearedAt + release.residueSeconds[0] - marginSeconds}
}

/**
 * Milliseconds until the socket table is due to be read again; `now` in monotonic seconds. Seldom while the
 * residue cannot be gone: one reading costs the kernel a walk over all its hash buckets, some milliseconds
 * (net/ipv4/tcp_ipv4.c: established_get_first), and a run has a table for each namespace.
 */
export function lookAgainMilliseconds(pacing: Pacing, now: number): number {
  const untilDense = pacing.kind === 'dense-from' ? (pacing.at - now) * 1000 : 0
  return Math.min(lookSeldomMilliseconds, Math.max(lookOftenMilliseconds, untilDense))
}
