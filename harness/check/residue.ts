import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckRound, Survivor} from '../reports/check-schema.ts'
import {residueOf} from '../restart/observer.ts'
import type {OpenConnection} from './connections.ts'
import type {CheckContext} from './context.ts'
import {holdersOf} from './port-view.ts'

const settleWithinSeconds = 0.2
const settleEveryMilliseconds = 10

/** What is left once nothing is in flight any more; null where the OS does not show it. */
export async function readResidue(
  {look, platform, options}: CheckContext,
  connections: readonly OpenConnection[],
  old: ReadonlySet<number>,
): Promise<CheckRound['residue']> {
  if (look === null) return null
  const deadline = monotonicSeconds() + settleWithinSeconds
  const ports = new Set(connections.map(({localPort}) => localPort))
  let before = ''
  for (;;) {
    const view = await look()
    const holders = old.size === 0 ? [] : await holdersOf(platform, options.port, view.listeners)
    const oldListeners = holders.some(({pid}) => old.has(pid)) ? view.listeners : []
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
      return !ofServer && platform.hiddenStates.length > 0 ? null : residue
    }
    before = now
    await delay(settleEveryMilliseconds)
  }
}

/** The processes of the stopped server that are alive at the restart, and which of them still listens. */
export async function describeSurvivors(
  {host, look, platform, options}: CheckContext,
  old: ReadonlySet<number>,
): Promise<Survivor[]> {
  if (old.size === 0) return []
  const {port} = options
  const view = look === null ? undefined : await look()
  const listening = await holdersOf(platform, port, view?.listeners ?? [])
  return [...old].flatMap((pid) => {
    const command = host.commandOf(pid)
    if (command === undefined) return []
    return [{pid, command, listening: listening.some((holder) => holder.pid === pid)}]
  })
}
