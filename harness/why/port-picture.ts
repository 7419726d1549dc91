import type {Platform, Settings} from '../platforms/platform.ts'
import type {ForeignListener, Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {Address} from '../sockets/address.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {type BindTrial, tryBinds} from './bind-trials.ts'
import {outgoingConnections} from './outgoing.ts'

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
  elsewhere: ForeignListener[]
  /** How many processes we may not look into; null where the OS does not tell. */
  unseenProcesses: number | null
  /** The effective user of this process; null where the OS has none. */
  uid: number | null
}

export async function lookAtPort(
  port: number,
  addresses: readonly Address[],
  platform: Platform,
  settings: Settings,
): Promise<PortPicture> {
  const trialProblem = nativeOpenerProblem()
  // Who listens elsewhere tells outgoing connections from accepted ones.
  const query = {ports: [port], listeners: true}
  let table = (await platform.readSockets?.(query)) ?? null
  let trials = trialProblem === undefined ? tryBinds(port, addresses) : []
  if (!table?.some(({local}) => local.port === port) && trials.some(isInUse)) {
    // Refused, and nothing to be seen: it may have appeared between the two looks.
    table = (await platform.readSockets?.(query)) ?? null
    trials = tryBinds(port, addresses)
  }
  const entries = table?.filter(({local}) => local.port === port) ?? []
  const holders = await platform.readHolders?.(port, entries).catch(() => undefined)
  const isOutgoing = outgoingConnections(port, table ?? [], platform.ephemeralPorts(settings))
  return {
    port,
    addresses,
    platform,
    settings,
    sockets:
      table === null
        ? null
        : entries.map((entry) => ({
            entry,
            holders: holders?.of(entry) ?? [],
            outgoing: isOutgoing(entry),
          })),
    trials,
    trialProblem,
    elsewhere: (await platform.readListenersElsewhere?.(port).catch(() => [])) ?? [],
    unseenProcesses: holders?.unseenProcesses ?? null,
    uid: process.geteuid?.() ?? null,
  }
}

function isInUse({observed}: BindTrial): boolean {
  return observed === 'EADDRINUSE'
}
