import {setImmediate as immediate} from 'node:timers/promises'
import type {TcpState} from './tcp-states.ts'

/** One TCP socket of the machine. A listening socket's remote port is 0. */
export interface SocketEntry {
  state: TcpState
  local: {address: string; port: number}
  remote: {address: string; port: number}
  /** Until the kernel lets go of it; null where the OS does not show a timer. */
  expiresInSeconds: number | null
  /** The socket's number in processes' fd tables; absent where no process has it, or the OS shows none. */
  inode?: number
  /** The user who made the socket; absent where the kernel no longer knows. */
  uid?: number
  /** Eight bytes by which the kernel knows this socket, and no later one with its ends; absent where nobody asked. */
  cookie?: Buffer
  /** More of the same state on the same local end that were counted, and not kept: they are gone before this one. */
  more?: {count: number; firstExpiresInSeconds: number}
}

/** What a reader needs of the table; what else there is may be left out, or not. */
export interface SocketQuery {
  /** Sockets with one of these ports at either end. */
  ports: readonly number[]
  /** All listeners of the machine, too. */
  listeners?: boolean
  /** Of more TIME_WAITs than this on one local end, the rest need only be counted: there can be 100,000. */
  mostTimeWaits?: number
  /** With what it takes to destroy each. */
  cookies?: boolean
}

/** Without a query: all sockets. */
export type SocketTableReader = (query?: SocketQuery) => Promise<SocketEntry[]>

/**
 * Lets everybody who wants to look at the same time share one reading, of what all of them need together: the
 * kernel walks its whole table for each. A caller never gets a reading that began before its own call.
 */
export function shared(read: SocketTableReader): SocketTableReader {
  let running: Promise<unknown> = Promise.resolve()
  let next: Reading | undefined

  async function begin(reading: Reading): Promise<SocketEntry[]> {
    await running
    // Whoever's timer rings in the same turn of the loop reads along.
    await immediate()
    next = undefined
    const entries = read(reading.query)
    running = entries.catch(() => undefined)
    return entries
  }

  return (query) => {
    if (next !== undefined) {
      next.query = both(next.query, query)
      return next.entries
    }
    const reading: Reading = {query, entries: Promise.resolve([])}
    next = reading
    reading.entries = begin(reading)
    return reading.entries
  }
}

interface Reading {
  query: SocketQuery | undefined
  entries: Promise<SocketEntry[]>
}

function both(
  one: SocketQuery | undefined,
  other: SocketQuery | undefined,
): SocketQuery | undefined {
  if (one === undefined || other === undefined) return undefined
  const listeners = one.listeners === true || other.listeners === true
  return {ports: [...one.ports, ...other.ports], listeners}
}
