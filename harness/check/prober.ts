import {PassThrough} from 'node:stream'
import {monotonicSeconds} from '../clock.ts'
import {type Netcat, netcat} from '../processes/netcat.ts'

export interface ProberOptions {
  host: string
  port: number
  /** Whether the connection that is had stays half-open when the server closes. */
  hold: boolean
}

/** The client that cannot wait: it tries to connect every 10 ms. */
export interface Prober {
  /** Goes on, or begins, to try. */
  resume(): void
  pause(): void
  /** The connection that was had; it is tried for no longer then. */
  connection(): {client: Netcat; at: number} | undefined
  /** Gives up the connection, because it is one with somebody else, and goes on. */
  reject(): void
  /** Resolved whenever a connection is had. */
  next(): Promise<void>
  counts: {refused: number; failed: number}
  /** Local ports of the connections that were had. */
  ports: Set<number>
}

const everyMilliseconds = 10
const giveUpAfterMilliseconds = 1000

export function openProber({host, port, hold}: ProberOptions): Prober {
  const counts = {refused: 0, failed: 0}
  const ports = new Set<number>()
  let timer: NodeJS.Timeout | undefined
  let trying = false
  let had: {client: Netcat; at: number} | undefined
  let told: () => void = () => undefined

  async function tryToConnect(): Promise<void> {
    if (trying || had !== undefined) return
    trying = true
    const output = new PassThrough().resume()
    const client = netcat({host, port, output, hold})
    const {socket, connected} = client
    socket.setTimeout(giveUpAfterMilliseconds, () => {
      if (socket.connecting) socket.destroy(new Error('no answer'))
    })
    try {
      await connected
      const at = monotonicSeconds()
      if (socket.localPort === port) {
        // The OS chose the very port as the local one, and TCP connected the socket to itself.
        counts.failed++
        socket.resetAndDestroy()
      } else if (timer === undefined) socket.resetAndDestroy()
      else {
        socket.setTimeout(0)
        ports.add(socket.localPort ?? 0)
        had = {client, at}
        told()
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') counts.refused++
      else counts.failed++
    } finally {
      trying = false
    }
  }

  const pause = () => {
    clearInterval(timer)
    timer = undefined
  }
  return {
    resume() {
      if (timer !== undefined) return
      timer = setInterval(() => void tryToConnect(), everyMilliseconds)
      void tryToConnect()
    },
    pause,
    connection: () => had,
    reject() {
      had?.client.socket.resetAndDestroy()
      had = undefined
    },
    next: () =>
      new Promise((resolve) => {
        if (had !== undefined) resolve()
        told = resolve
      }),
    counts,
    ports,
  }
}
