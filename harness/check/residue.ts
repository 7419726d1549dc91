import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckRound, Survivor} from '../documents/check-schema.ts'
import {residueOf} from '../restart/observer.ts'
import type {OpenConnection} from './connections.ts'
import type {CheckContext} from './context.ts'
import {holdersOf} from './port-view.ts'
import type {ServerHost, ServerStart} from './server.ts'

const settleWithinSeconds = 0.2
const settleEveryMilliseconds = 10

export interface LeftOver {
  /** What is left once nothing is in flight any more; null where the OS does not show it. */
  residue: CheckRound['residue']
  /** An old listener was there in any look: one that came late may show only what it left. */
  hadListener: boolean
  /** When the first look was over, monotonic: what was gone by then was not seen. */
  seenFrom: number
}

/** Looks at what the stopped server has left, right after the start of the new one. */
export async function readResidue(
  {look, host, platform, options}: CheckContext,
  connections: readonly OpenConnection[],
  start: ServerStart,
): Promise<LeftOver> {
  const deadline = monotonicSeconds() + settleWithinSeconds
  const ports = new Set(connections.map(({localPort}) => localPort))
  let before = ''
  let seenFrom: number | undefined
  let hadListener = false
  for (;;) {
    const view = await look()
    seenFrom ??= monotonicSeconds()
    const areOld = host.processes().some((each) => each.start !== start.number)
    const holders = areOld ? await holdersOf(platform, options.port, view.listeners) : []
    const oldListeners = holders.some(({pid}) => isOld(host, pid, start)) ? view.listeners : []
    if (oldListeners.length > 0) hadListener = true
    // Only what the connections left: others that come now are clients of the successor.
    const ours = view.connections.filter(
      ({entry}) => ports.has(entry.remote.port) || ports.has(entry.local.port),
    )
    const residue = residueOf([
      ...oldListeners.map((entry) => ({
        endpoint: 'server' as const,
        socket: 'listener' as const,
        entry,
      })),
      ...ours,
    ])
    // A socket that turns into TIME_WAIT while the table is read may be missing from it.
    const now = JSON.stringify(residue)
    const passing = ours.some(({entry}) => /SYN|FIN_WAIT1|CLOSING|LAST_ACK/.test(entry.state))
    const closing = !options.hold && connections.some(({client}) => !client.socket.destroyed)
    const settled = !passing && !closing && now === before
    if (settled || monotonicSeconds() > deadline) {
      const ofServer = residue.some(({endpoint}) => endpoint === 'server')
      const isHidden = !ofServer && platform.hiddenStates.length > 0
      return {residue: isHidden ? null : residue, hadListener, seenFrom}
    }
    before = now
    await delay(settleEveryMilliseconds)
  }
}

/** Whether a socket in this state keeps anybody from the port; an embryonic one has no port of its own yet. */
export function holdsPort(state: string): boolean {
  return state !== 'SYN_RECV' && state !== 'CLOSED'
}

/** Whether any end of the connections that holds the port is still there. */
export async function isAnyLeft(
  {look}: CheckContext,
  connections: readonly OpenConnection[],
): Promise<boolean> {
  const ports = new Set(connections.map(({localPort}) => localPort))
  const view = await look()
  return view.connections.some(
    ({endpoint, entry}) =>
      endpoint === 'server' && ports.has(entry.remote.port) && holdsPort(entry.state),
  )
}

/** The processes of the stopped server that are alive at the restart, and which of them still listens. */
export async function describeSurvivors(
  {host, look, platform, options}: CheckContext,
  start: ServerStart,
): Promise<Survivor[]> {
  if (!host.processes().some((each) => each.start !== start.number)) return []
  const {listeners, listenersOnOtherAddresses} = await look()
  const sockets = [...listeners, ...listenersOnOtherAddresses]
  return survivorsBeside(host, start, await holdersOf(platform, options.port, sockets))
}

/** The living processes of earlier starts, and which of them listen. */
export function survivorsBeside(
  host: Pick<ServerHost, 'processes' | 'commandOf'>,
  start: Pick<ServerStart, 'number'>,
  listening: readonly {pid: number}[],
): Survivor[] {
  return host.processes().flatMap(({pid, start: whose}) => {
    if (whose === start.number) return []
    const command = host.commandOf(pid)
    if (command === undefined) return []
    return [{pid, command, listening: listening.some((holder) => holder.pid === pid)}]
  })
}

function isOld(host: ServerHost, pid: number, {number}: ServerStart): boolean {
  const start = host.startOf(pid)
  return typeof start === 'number' && start !== number
}
