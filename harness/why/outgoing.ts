import type {SocketEntry} from '../platforms/socket-table.ts'

/** Servers are usually found below; a client behind a NAT can have any port from 1024 up, but seldom these. */
const highestServicePort = 10_000

/**
 * Tells which connections of a port were most likely made from here, the port being one that the OS or the
 * program chose. The socket tables do not say; what speaks for it is that nobody listens on the port, and
 * somebody does on the other end's, or that only this end's port is one that the OS gives out itself.
 */
export function outgoingConnections(
  port: number,
  table: readonly SocketEntry[],
  [first, last]: readonly [first: number, last: number],
): (entry: SocketEntry) => boolean {
  const listening = new Set<number>()
  const localAddresses = new Set<string>()
  for (const {state, local} of table) {
    if (state === 'LISTEN') listening.add(local.port)
    localAddresses.add(local.address)
  }
  const isEphemeral = first <= port && port <= last
  return (entry) => {
    const {state, remote} = entry
    if (state === 'SYN_SENT' || isItsOwnPeer(entry)) return true
    if (state === 'LISTEN' || listening.has(port)) return false
    if (isEphemeral && remote.port < highestServicePort) return true
    return listening.has(remote.port) && localAddresses.has(remote.address)
  }
}

/** Both ends are one socket: a client that retried on this port was given the same one as its own. */
export function isItsOwnPeer({local, remote}: Pick<SocketEntry, 'local' | 'remote'>): boolean {
  return local.port === remote.port && local.address === remote.address
}
