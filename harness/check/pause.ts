import {monotonicSeconds} from '../clock.ts'
import {pacingFor} from '../restart/pacing.ts'
import type {CheckContext} from './context.ts'
import type {Prober} from './prober.ts'

const seldomSeconds = 1
const denseSeconds = 0.02
const processHeldSeconds = 0.25
const goneSeconds = 0.05

/** Until the next attempt: seldom while the kernel's timers say that it is in vain. */
export async function pauseSeconds(
  {look, platform, settings, host}: CheckContext,
  prober: Prober,
  beganAt: number,
  portRefused: boolean,
): Promise<number> {
  const now = monotonicSeconds()
  const proportional = Math.min(seldomSeconds, Math.max(0.1, (now - beganAt) / 20))
  if (!portRefused) return proportional
  // The failed attempt has been cleared away: whoever is alive now is old.
  if (host.processes().length > 0) return processHeldSeconds
  const view = await look()
  const left = view.connections.filter(
    ({endpoint, entry}) => endpoint === 'server' && !prober.ports.has(entry.remote.port),
  )
  const hidden = platform.hiddenStates.includes('TIME_WAIT')
  // Refused a moment ago, and nothing is left now: it has just gone.
  if (left.length === 0 && !hidden) return goneSeconds
  const pacing = pacingFor({
    platform,
    settings,
    sockets: left,
    assumed: hidden ? 'TIME_WAIT' : 'none',
    appearedAt: beganAt,
  })
  if (pacing.kind === 'proportional') return proportional
  return Math.min(seldomSeconds, Math.max(denseSeconds, pacing.at - now))
}
