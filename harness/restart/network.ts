import {setTimeout as delay} from 'node:timers/promises'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import type {DroppedPackets} from '../namespaces/packet-filter.ts'
import type {Namespace} from '../namespaces/surroundings.ts'
import type {TcpCounters} from '../platforms/proc-net-snmp.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {Script} from '../scenario.ts'
import {TooSlow} from '../too-slow.ts'
import type {SeenSocket} from './observer.ts'
import {type PortWatch, settlePollMilliseconds} from './port-watch.ts'
import type {Recording} from './recording.ts'

type WantedStates = Parameters<Script['network']['shows']>[0]

/**
 * The packets did not do what the script wants to show. It depends on the same tick of the kernel's clock
 * for two timers, which a busy machine can miss.
 */
export class NotReproduced extends Error {
  override name = 'NotReproduced'
}

/** From where a connection does not come back to a state. */
const statesAfter: Partial<Record<TcpState, readonly TcpState[]>> = {
  CLOSING: ['TIME_WAIT', 'CLOSED'],
}
/** Enough for five retransmissions, whose timeout doubles each time. */
const showsWithinSeconds = 10
/**
 * How long packets may be dropped: each timeout doubles, and after the eighth the kernel gives up a connection
 * that no process has any more (tcp_orphan_retries); before that the pauses get longer than TIME_WAIT lasts.
 */
const droppedForAtMostSeconds = 45

/** What happens to the packets of a scenario that has a namespace of its own. */
export interface Network {
  drop(what: DroppedPackets, port: number): Promise<Bracket>
  /** Ends the sockets in this state on the server's port; `wire` where there was one. */
  destroy(state: TcpState, port: number): Promise<Bracket & {wire?: true}>
  /** @throws TooSlow if they were dropped for so long that their senders may have given up */
  pass(): Promise<Bracket>
  /** @throws NotReproduced if the connection does not come to these states */
  shows(states: WantedStates): Promise<Bracket>
}

export function openNetwork(
  namespace: Namespace | undefined,
  watch: PortWatch,
  recording: Recording,
): Network {
  let before: TcpCounters | undefined
  let whenPassing: TcpCounters | undefined
  let firstDropAt: number | undefined
  /** From when on packets can have done what the script then waits for. */
  let rulesChangedAt: number | undefined

  function own(): Namespace {
    if (namespace === undefined) throw new Error('the scenario has no network namespace of its own')
    return namespace
  }

  return {
    async drop(what, port) {
      before ??= await own().readCounters()
      rulesChangedAt = monotonicSeconds()
      firstDropAt ??= rulesChangedAt
      watch.expectDisturbance(true)
      return own().drop(what, port)
    },
    async destroy(state, port) {
      const {destroyed, ...bracket} = await own().destroy(state, port)
      recording.append({event: 'counts', destroyedSockets: destroyed})
      // Where a kernel destroys none, the residue is as old as it was.
      return destroyed > 0 ? {...bracket, wire: true} : bracket
    },
    async pass() {
      whenPassing = await own().readCounters()
      rulesChangedAt = monotonicSeconds()
      const passing = await own().pass()
      const droppedFor = monotonicSeconds() - (firstDropAt ?? rulesChangedAt)
      if (droppedFor > droppedForAtMostSeconds) {
        throw new TooSlow(
          `packets were dropped for ${droppedFor.toFixed(1)} s, and their senders may have given up`,
        )
      }
      return passing
    },
    async shows(states) {
      const begin = monotonicSeconds()
      // The next retransmission is as far away as the first dropped packet, if no other came in between.
      const patience = Math.max(showsWithinSeconds, 1.5 * (begin - (firstDropAt ?? begin)))
      const bracket = await reached(states, watch, rulesChangedAt ?? begin, begin + patience)
      watch.expectDisturbance(false)
      const now = await own().readCounters()
      recording.append({
        event: 'counts',
        retransmittedSegments: now.retransmitted - (before ?? now).retransmitted,
        timerRestarts: recording.observation().timerRestarts,
        resets: now.resets - (whenPassing ?? now).resets,
      })
      return bracket
    },
  }
}

/**
 * Looks until the connection's ends are in these states.
 * @returns between the last look that did not show it, or `since`, and the first look that did
 */
async function reached(
  states: WantedStates,
  watch: PortWatch,
  since: number,
  deadline: number,
): Promise<Bracket> {
  const ends = Object.entries(states) as ['server' | 'client', TcpState][]
  for (let from = since; ; ) {
    const asked = monotonicSeconds()
    const seen = endStates((await watch.look()) ?? [])
    if (ends.every(([end, state]) => seen(end) === state)) return {from, to: monotonicSeconds()}
    const isPast = ends.some(([end, state]) => statesAfter[state]?.includes(seen(end)) ?? false)
    if (asked > deadline || isPast) {
      const words = ends.map(([end]) => `${end} ${seen(end)}`).join(', ')
      const wanted = ends.map(([end, state]) => `${end} ${state}`).join(', ')
      throw new NotReproduced(`the connection reached ${words}, not ${wanted}`)
    }
    from = asked
    await delay(settlePollMilliseconds)
  }
}

/** The state of each end of the connection; `CLOSED` where nothing is left of one. */
function endStates(sockets: readonly SeenSocket[]): (end: 'server' | 'client') => TcpState {
  const states = new Map(
    sockets
      .filter(({socket}) => socket === 'connection')
      .map(({endpoint, entry}) => [endpoint, entry.state]),
  )
  return (end) => states.get(end) ?? 'CLOSED'
}
