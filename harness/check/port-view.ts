import type {Platform} from '../platforms/platform.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import {type SeenSocket, socketsOfPort} from '../restart/observer.ts'

/** The port under test, as one reading of the socket table shows it. */
export interface PortView {
  /** Those that a client of the checked address reaches. */
  listeners: SocketEntry[]
  /** Those on the port, but on another address. */
  listenersOnOtherAddresses: SocketEntry[]
  /** What is left on the port or connected to it: everything that does not listen. */
  connections: SeenSocket[]
  /** All listeners of the machine. */
  allListeners: SocketEntry[]
}

export function viewPort(table: SocketEntry[], address: string, port: number): PortView {
  const allListeners = table.filter(({state}) => state === 'LISTEN')
  const onPort = allListeners.filter(({local}) => local.port === port)
  return {
    listeners: onPort.filter(({local}) => isReachedBy(local.address, address)),
    listenersOnOtherAddresses: onPort.filter(({local}) => !isReachedBy(local.address, address)),
    connections: socketsOfPort(table, port).filter(({socket}) => socket === 'connection'),
    allListeners,
  }
}

/** Whether a client of `target` reaches a listener on `local`; a `::` may or may not take IPv4, too. */
function isReachedBy(local: string, target: string): boolean {
  const plain = local.replace(/^::ffff:(?=\d)/, '')
  if (plain === target || plain === '::') return true
  return plain === '0.0.0.0' && !target.includes(':')
}

/** `127.0.0.1:3000`, `[::1]:3000`. */
export function endWords({address, port}: SocketEntry['local']): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/**
 * Who has the sockets open; nobody where a missing permission does not let us see.
 * @throws Error where the OS does not tell
 */
export async function holdersOf(
  platform: Platform,
  port: number,
  sockets: readonly SocketEntry[],
): Promise<Holder[]> {
  const each = await holdersOfEach(platform, port, sockets)
  return [...new Map(each.flat().map((holder) => [holder.pid, holder])).values()]
}

/** The same for each socket by itself, in their order. */
export async function holdersOfEach(
  platform: Platform,
  port: number,
  sockets: readonly SocketEntry[],
): Promise<Holder[][]> {
  if (platform.readHolders === null || sockets.length === 0) return sockets.map(() => [])
  const {of} = await platform.readHolders(port, sockets)
  return sockets.map(of)
}
