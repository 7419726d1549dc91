import type {SocketEntry} from '../platforms/socket-table.ts'

/** Servers are usually found below; a client behind a NAT can have any port from 1024 up, but seldom these. */
const highestServicePort = 10_000

/**
 * Whether a connection was most likely made from here, its local port being one that the OS or the
 * program chose. The socket tables do not tell; what speaks for it is that nobody listens on the port, and
 * somebody does on the other end's, or that only this end's port is one that the OS gives out itself.
 */
export function isOutgoing(
  {state, local, remote}: SocketEntry,
  ofPort: readonly SocketEntry[],
  table: readonly SocketEntry[],
  [first, last]: readonly [first: number, last: number],
): boolean {
  if (state === 'SYN_SENT') return true
  if (state === 'LISTEN' || ofPort.some((entry) => entry.state === 'LISTEN')) return false
  const isEphemeral = (port: number) => first <= port && port <= last
  if (isEphemeral(local.port) && remote.port < highestServicePort) return true
  return listens(remote.port, table) && isLocal(remote.address, table)
}

function isLocal(address: string, table: readonly SocketEntry[]): boolean {
  const bare = address.replace(/^::ffff:/, '')
  return (
    bare.startsWith('127.') || bare === '::1' || table.some(({local}) => local.address === address)
  )
}

const listenersOf = new WeakMap<readonly SocketEntry[], Set<number>>()

/** Looked up once a table: it may have tens of thousands of rows. */
function listens(port: number, table: readonly SocketEntry[]): boolean {
  let ports = listenersOf.get(table)
  if (ports === undefined) {
    ports = new Set(table.filter(({state}) => state === 'LISTEN').map(({local}) => local.port))
    listenersOf.set(table, ports)
  }
  return ports.has(port)
}
