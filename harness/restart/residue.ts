import {once} from 'node:events'
import {createConnection, createServer, type Socket} from 'node:net'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import type {TimedResidue} from '../platforms/tcp-states.ts'
import {bindNative} from '../sockets/native.ts'
import {resetSocket} from '../sockets/reset.ts'
import {withinRunningSeconds} from '../too-slow.ts'

export interface LeftResidue {
  /** When the residue appeared, monotonic seconds. */
  appeared: Bracket
  /** Closes what had to stay open for the residue to stay what it is. */
  dispose(): void
}

const host = '127.0.0.1'
const answerWithinSeconds = 10

/**
 * Has a server without bind options accept a connection on the port and close it first. Nothing but the
 * residue is left: the listener is closed before the connection is.
 *
 * Everything happens in this process, because a kernel does not ask which process a residue was of, and a
 * thousand ports would need two thousand processes. `destroy` calls close(2) before it returns, so that the
 * moment is known to some microseconds.
 * @throws SystemError of `bind`, EADDRINUSE if the port was lost to somebody else; TooSlow
 */
export function leaveResidue(port: number, residue: TimedResidue): Promise<LeftResidue> {
  return withinRunningSeconds(
    answerWithinSeconds,
    `${residue} was not left on port ${port}`,
    (signal) => leave(port, residue, signal),
  )
}

async function leave(
  port: number,
  residue: TimedResidue,
  signal: AbortSignal,
): Promise<LeftResidue> {
  const listener = createServer({allowHalfOpen: true})
  listener.listen({fd: bindNative({address: host, port, bind: 'none'})})
  const sockets: Socket[] = []
  try {
    await once(listener, 'listening', {signal})
    const accepted = once(listener, 'connection', {signal})
    const client = createConnection({host, port, allowHalfOpen: true})
    sockets.push(client)
    const [server] = (await Promise.all([accepted, once(client, 'connect', {signal})]))[0] as [
      Socket,
    ]
    sockets.push(server)
    listener.close()

    if (residue === 'FIN_WAIT2') {
      // The client never answers the FIN.
      const appeared = closing(server)
      client.on('error', () => undefined)
      return {appeared, dispose: () => void client.destroy()}
    }
    const finArrived = once(client, 'end', {signal})
    client.resume()
    server.destroy()
    await finArrived
    return {appeared: closing(client), dispose: () => undefined}
  } catch (error) {
    for (const socket of sockets) resetSocket(socket)
    throw error
  } finally {
    listener.close()
  }
}

function closing(socket: Socket): Bracket {
  const from = monotonicSeconds()
  socket.destroy()
  return {from, to: monotonicSeconds()}
}
