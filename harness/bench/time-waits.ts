import {setImmediate as nextTurn} from 'node:timers/promises'
import {socketAddress} from '../sockets/address.ts'
import {acceptNext, doNotBlock, isAtEnd, startConnecting} from '../sockets/connection.ts'
import {bindSocket, closeNative, makeSocket} from '../sockets/native.ts'
import {isSystemError} from '../sockets/system-error.ts'

export interface Crowding {
  /** Listens on the port; closed at the end. */
  listener: number
  /** Where clients reach the listener. */
  address: string
  port: number
  /** Each client port makes one connection, and so at most one TIME_WAIT. */
  clients: readonly {address: string; ports: Iterable<number>}[]
}

/** How often a connection is polled between two turns of the event loop. */
const eagerAsks = 3

/**
 * Leaves a TIME_WAIT on the server's port for each client port: it connects, the server closes, then the client.
 * Each client port is bound first, because connect() alone gives an address only the ephemeral range.
 * @returns how many connections were closed; fewer than there are ports if some were in use
 * @throws SystemError of the call that failed
 */
export async function leaveTimeWaits(crowding: Crowding): Promise<number> {
  const {listener, port, clients} = crowding
  const target = socketAddress(crowding.address)
  doNotBlock(listener)
  let closed = 0
  try {
    for (const {address, ports} of clients) {
      for (const from of ports) {
        if (from === port) continue
        const client = makeSocket({address, bind: 'none'})
        try {
          if (!isBound(client, address, from)) continue
          startConnecting(client, target, port)
          const {fd} = await until(() => acceptNext(listener))
          // FIN: an active close.
          closeNative(fd)
          await until(() => isAtEnd(client) || undefined)
          closed++
        } finally {
          closeNative(client)
        }
      }
    }
  } finally {
    closeNative(listener)
  }
  return closed
}

function isBound(fd: number, address: string, port: number): boolean {
  try {
    bindSocket(fd, address, port)
    return true
  } catch (error) {
    if (isSystemError(error) && error.code === 'EADDRINUSE') return false
    throw error
  }
}

async function until<T>(ask: () => T | undefined): Promise<T> {
  for (let asked = 1; ; asked++) {
    const answer = ask()
    if (answer !== undefined) return answer
    if (asked % eagerAsks === 0) await nextTurn()
  }
}
