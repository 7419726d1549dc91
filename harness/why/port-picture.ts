import type {Platform, Settings} from '../platforms/platform.ts'
import type {ForeignListener, Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import {withDetails} from '../processes/process-details.ts'
import type {Address} from '../sockets/address.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {type BindTrial, tryBinds} from './bind-trials.ts'
import {outgoingConnections} from './outgoing.ts'
import {type Protections, protectionsOf} from './protection.ts'
import type {PortRefusal} from './refusal.ts'

/** A socket whose local port is the one in question. */
export interface PortSocket {
  entry: SocketEntry
  /** Empty where no process has it, or where we may not see which. */
  holders: Holder[]
  /** A connection that was made from here and happens to have the port as its local one. */
  outgoing: boolean
}

/** All that can be seen of one port, at one moment, without changing anything. */
export interface PortPicture {
  port: number
  addresses: readonly Address[]
  platform: Platform
  settings: Settings
  /** Null where the OS does not let us look. */
  sockets: PortSocket[] | null
  /** Empty where no bind could be tried. */
  trials: BindTrial[]
  /** Why no bind could be tried. */
  trialProblem: string | undefined
  /** The bind of a program that is to be explained: then none of ours is tried. */
  refusal?: PortRefusal | undefined
  /** Who of those that have a socket must not be ended; absent where nobody asked. */
  protections?: Protections
  elsewhere: ForeignListener[]
  /** Why the sockets, or the processes that have them, could not be looked up, where the OS lets us look. */
  problems: {sockets?: string; holders?: string}
  /** How many processes we may not look into; null where the OS does not tell. */
  unseenProcesses: number | null
  /** The effective user of this process; null where the OS has none. */
  uid: number | null
}

/** A port that has had 100,000 connections may have as many TIME_WAITs; nobody reads a list of them. */
const mostTimeWaits = 1000

/** @param refusal a program's bind, by which the port is judged in place of binds of our own */
export async function lookAtPort(
  port: number,
  addresses: readonly Address[],
  platform: Platform,
  settings: Settings,
  refusal?: PortRefusal,
): Promise<PortPicture> {
  const trialProblem = nativeOpenerProblem()
  const problems: PortPicture['problems'] = {}
  // Binds can be tried all the same; without those, too, there is nothing to tell.
  const readTable = async () => {
    try {
      // Who listens elsewhere tells outgoing connections from accepted ones.
      const asked = {ports: [port], listeners: true, mostTimeWaits}
      return (await platform.readSockets?.(asked)) ?? null
    } catch (error) {
      if (trialProblem !== undefined) throw error
      problems.sockets = (error as Error).message
      return null
    }
  }
  let table = await readTable()
  const mayTry = trialProblem === undefined && refusal === undefined
  let trials = mayTry ? tryBinds(port, addresses) : []
  if (!table?.some(({local}) => local.port === port) && trials.some(isInUse)) {
    // Refused, and nothing to be seen: it may have appeared between the two looks.
    table = await readTable()
    trials = tryBinds(port, addresses)
  }
  const entries = table?.filter(({local}) => local.port === port) ?? []
  const holders = await platform.readHolders?.(port, entries).catch((error: Error) => {
    problems.holders = error.message
    return undefined
  })
  const held = entries.map((entry) => holders?.of(entry) ?? [])
  const known = new Map((await withDetails(held.flat())).map((holder) => [holder.pid, holder]))
  const isOutgoing = outgoingConnections(port, table ?? [], platform.ephemeralPorts(settings))
  return {
    port,
    addresses,
    platform,
    settings,
    sockets:
      table === null
        ? null
        : entries.map((entry, index) => ({
            entry,
            holders: (held[index] ?? []).map((holder) => known.get(holder.pid) ?? holder),
            outgoing: isOutgoing(entry),
          })),
    trials,
    trialProblem,
    refusal,
    elsewhere: (await platform.readListenersElsewhere?.(port).catch(() => [])) ?? [],
    problems,
    unseenProcesses: holders?.unseenProcesses ?? null,
    uid: process.geteuid?.() ?? null,
  }
}

/** With who of those on the port must not be ended. */
export function withProtections(picture: PortPicture): PortPicture {
  const holders = picture.sockets?.flatMap((socket) => socket.holders) ?? []
  return {...picture, protections: protectionsOf(holders, picture)}
}

/**
 * What binds without options got. That of a program which is to be explained may have had some, and would have been
 * refused without them all the same.
 */
export function plainTrials({trials, refusal, addresses}: PortPicture): BindTrial[] {
  if (refusal === undefined) return trials.filter(({bind}) => bind === 'none')
  return addresses.map((address) => ({address, bind: 'none', observed: refusal.code}))
}

/** How many sockets these stand for. */
export function numberOf(sockets: readonly {entry: Pick<SocketEntry, 'more'>}[]): number {
  return sockets.reduce((sum, {entry}) => sum + 1 + (entry.more?.count ?? 0), 0)
}

function isInUse({observed}: BindTrial): boolean {
  return observed === 'EADDRINUSE'
}
