import {setImmediate as nextTurn} from 'node:timers/promises'
import {socketAddress} from '../sockets/address.ts'
import {acceptNext, doNotBlock, isAtEnd, startConnecting} from '../sockets/connection.ts'
import {bindSocket, closeNative, makeSocket} from '../sockets/native.ts'
import {isSystemError} from '../sockets/system-error.ts'

export interface Crowding {
  /** Listens on the port; closed in the end. */
  listener: number
  /** Where the listener is reached. */
  address: string
  port: number
  /** Every client port makes one connection, and so one TIME_WAIT at most. */
  clients: readonly {address: string; ports: Iterable<number>}[]
}

/** So often a connection is asked after between two turns of the event loop. */
const eagerAsks = 3

/**
 * Leaves a TIME_WAIT on the server's port for each port of the clients: connected, closed by the server,
 * then by the client. Every client's port is bound before, as connect() gives one address no more than its
 * ephemeral range.
 * @returns how many connections were closed; fewer than there are ports, where some were taken
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
