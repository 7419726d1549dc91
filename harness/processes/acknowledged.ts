import type {Socket} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {readSocketState} from '../platforms/sock-diag.ts'
import {acknowledgeNow} from '../sockets/connection.ts'

const patienceSeconds = 2
const lookEveryMilliseconds = 1

/**
 * Waits, after the other end's FIN, until our ACK of it has arrived there. On a machine with several processors our
 * own FIN can overtake that ACK: TIME_WAIT then answers the late ACK, nobody knows the connection any more, and the
 * RST for that answer ends TIME_WAIT (RFC 1337; net/ipv4/tcp_minisocks.c: tcp_timewait_state_process). Does nothing
 * if the other end has not sent FIN, and where Linux does not show the state of one socket.
 */
export async function finAcknowledged(socket: Socket): Promise<void> {
  const {localAddress, localPort, remoteAddress, remotePort} = socket
  if (process.platform !== 'linux' || localAddress === undefined || localPort === undefined) return
  if (remoteAddress === undefined || remotePort === undefined) return
  const [here, there] = [
    {address: localAddress, port: localPort},
    {address: remoteAddress, port: remotePort},
  ]
  try {
    const deadline = monotonicSeconds() + patienceSeconds
    if (readSocketState(there, here) !== 'FIN_WAIT1') return
    acknowledgeNow(fdOf(socket))
    while (readSocketState(there, here) === 'FIN_WAIT1' && monotonicSeconds() < deadline) {
      await delay(lookEveryMilliseconds)
    }
  } catch {
    // Without the FFI there is nothing to ask with.
  }
}

/** Node tells a socket's file descriptor nowhere else. */
export function fdOf(socket: Socket): number {
  return (socket as {_handle?: {fd: number}})._handle?.fd ?? -1
}
