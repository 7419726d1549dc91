import {once} from 'node:events'
import {PassThrough} from 'node:stream'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {type Netcat, netcat} from '../processes/netcat.ts'
import {resetSocket} from '../sockets/reset.ts'
import {isOutOfFiles} from '../sockets/system-error.ts'
import type {PortView} from './port-view.ts'

/** A connection that is open when the server is stopped. */
export interface OpenConnection {
  client: Netcat
  localPort: number
  /** Whether the server closed it, and the client only then. */
  endedByServer(): boolean
  wasReset(): boolean
}

export interface ConnectionOptions {
  count: number
  host: string
  port: number
  hold: boolean
  /** What each sends at once. */
  send: Buffer
  look(): Promise<PortView>
  /** Connections that there are already. */
  have: readonly OpenConnection[]
  signal: AbortSignal
}

const connectWithinMilliseconds = 5000
/** How long a server is given to accept, and to answer what was sent to it. */
const settleWithinSeconds = 1
const lookEveryMilliseconds = 10
/** Where the OS does not show whether a connection was accepted. */
const blindSettleMilliseconds = 200

/**
 * Opens connections, each of which closes when the server closes, and waits until the server has
 * accepted them: one that still lies in the listener's queue leaves nothing behind but RST.
 * @returns the connections, and how many of them the server has accepted (null where that is not shown)
 * @throws Error if none could be opened
 */
export async function openConnections(
  options: ConnectionOptions,
): Promise<{connections: OpenConnection[]; accepted: number | null}> {
  const {count, host, port, hold, send, have, signal} = options
  const opened = await Promise.allSettled(
    Array.from({length: Math.max(0, count - have.length)}, () => openOne(host, port, hold)),
  )
  const connections = [...have]
  for (const result of opened) {
    if (result.status === 'fulfilled') connections.push(result.value)
  }
  const refused = opened.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []))
  // The fault is ours then, not the server's: it would be measured with fewer than were asked for.
  const problem = refused.find(isOutOfFiles) ?? (connections.length === 0 ? refused[0] : undefined)
  if (problem !== undefined) {
    for (const {client} of connections) resetSocket(client.socket)
    throw problem
  }
  if (send.length > 0) {
    await Promise.race([
      Promise.all(connections.map(({client}) => sendAndHear(client, send))),
      delay(settleWithinSeconds * 1000, undefined, {signal}),
    ])
  }
  return {connections, accepted: await waitUntilAccepted(connections, options)}
}

/** A connection that is open already, e.g. because a client was waiting for the server. */
export function asOpenConnection(client: Netcat): OpenConnection {
  let ended = false
  let reset = false
  client.socket.once('end', () => {
    ended = true
  })
  client.socket.once('error', () => {
    reset = true
  })
  return {
    client,
    localPort: client.socket.localPort ?? 0,
    endedByServer: () => ended,
    wasReset: () => reset,
  }
}

export async function openOne(host: string, port: number, hold: boolean): Promise<OpenConnection> {
  const client = netcat({host, port, output: new PassThrough().resume(), hold})
  const {socket} = client
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no answer within ${connectWithinMilliseconds / 1000} s`))
  }, connectWithinMilliseconds)
  try {
    await client.connected
    return asOpenConnection(client)
  } finally {
    clearTimeout(timer)
  }
}

async function sendAndHear({socket}: Netcat, send: Buffer): Promise<void> {
  const heard = Promise.race([once(socket, 'data'), once(socket, 'end')])
  socket.write(send)
  await heard.catch(() => undefined)
}

/** Local ports of the clients that were accepted: on Linux a socket has an inode only once accept(2) has returned it. */
function acceptedPorts({connections}: PortView): Set<number> {
  return new Set(
    connections.flatMap(({endpoint, entry}) =>
      endpoint === 'server' && entry.inode !== undefined ? entry.remote.port : [],
    ),
  )
}

/**
 * Whether a process has accepted the connection, which a handshake does not show: the kernel completes that for
 * whoever is in the listener's queue. True where the table shows no inodes.
 */
export function wasAccepted({socket}: Netcat, localPort: number, view: PortView): boolean {
  // While there is a listener, only whoever has accepted it sends anything, or ends it.
  if (socket.bytesRead > 0 || socket.readableEnded || socket.destroyed) return true
  if (!view.listeners.some(({inode}) => inode !== undefined)) return true
  const ends = view.connections.filter(
    ({endpoint, entry}) => endpoint === 'server' && entry.remote.port === localPort,
  )
  // With TCP_DEFER_ACCEPT (tcp(7)) it is the kernel that waits until the client says something.
  return ends.some(({entry}) => entry.inode !== undefined || entry.state === 'SYN_RECV')
}

async function waitUntilAccepted(
  connections: readonly OpenConnection[],
  {look, signal}: ConnectionOptions,
): Promise<number | null> {
  const deadline = monotonicSeconds() + settleWithinSeconds
  for (;;) {
    const owned = acceptedPorts(await look())
    const accepted = connections.filter(
      (connection) => owned.has(connection.localPort) || connection.endedByServer(),
    ).length
    if (accepted === connections.length) return accepted
    if (process.platform !== 'linux') {
      await delay(blindSettleMilliseconds, undefined, {signal})
      return null
    }
    if (monotonicSeconds() > deadline) return accepted
    await delay(lookEveryMilliseconds, undefined, {signal})
  }
}
