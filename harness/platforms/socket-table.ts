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
}

export type SocketTableReader = () => Promise<SocketEntry[]>

/**
 * Lets everybody who wants to look at the same time share one reading: a table costs milliseconds, and
 * more with many sockets. A caller never gets a reading that began before its own call.
 */
export function shared(read: SocketTableReader): SocketTableReader {
  let running: Promise<SocketEntry[]> | undefined
  let next: Promise<SocketEntry[]> | undefined
  const start = () => {
    running = read().finally(() => {
      running = undefined
    })
    return running
  }
  return () => {
    if (running === undefined) return start()
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return start()
      })
    return next
  }
}
