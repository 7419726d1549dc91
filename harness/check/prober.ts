import {randomInt} from 'node:crypto'
import {PassThrough} from 'node:stream'
import {monotonicSeconds} from '../clock.ts'
import {type Netcat, netcat} from '../processes/netcat.ts'
import type {LocalPort} from '../sockets/connect.ts'
import {nodeBindOption} from '../sockets/opener.ts'
import {resetSocket} from '../sockets/reset.ts'

export interface ProberOptions {
  host: string
  port: number
  /** Whether the connection that is had stays half-open when the server closes. */
  hold: boolean
  /** The ports that the OS gives to outgoing connections. */
  ephemeralPorts: [first: number, last: number]
  /**
   * Local ports of connections to this port before, whose server side may be in TIME_WAIT. A SYN from
   * the same local port has that TIME_WAIT destroyed (RFC 1337), and the port comes free early: of the
   * thousands of tries within a minute one would hit it, were the choice left to the OS.
   */
  avoid: ReadonlySet<number>
}

/** The client that cannot wait: it tries to connect every 10 ms. */
export interface Prober {
  /** Goes on, or begins, to try. */
  resume(): void
  pause(): void
  /** The connection that was had; it is tried for no longer then. */
  connection(): {client: Netcat; localPort: number; at: number} | undefined
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
const choicesAllowed = 1000

export function openProber(options: ProberOptions): Prober {
  const {host, port, hold} = options
  const counts = {refused: 0, failed: 0}
  const ports = new Set<number>()
  // Refused connections leave nothing behind, so that one local port serves for all of them.
  let from = chooseLocalPort(options)
  let timer: NodeJS.Timeout | undefined
  let trying = false
  let had: ReturnType<Prober['connection']>
  let told: () => void = () => undefined

  async function tryToConnect(): Promise<void> {
    if (trying || had !== undefined) return
    trying = true
    const output = new PassThrough().resume()
    const client = netcat({host, port, ...from, output, hold})
    const {socket, connected} = client
    socket.setTimeout(giveUpAfterMilliseconds, () => {
      // On a crowded machine this process may have had no turn for a second, and the answer be there by now.
      setImmediate(() => {
        if (socket.connecting) socket.destroy(new Error('no answer'))
      })
    })
    try {
      await connected
      const at = monotonicSeconds()
      if (timer === undefined) resetSocket(socket)
      else {
        socket.setTimeout(0)
        // It is not known any more once the socket is destroyed.
        const {localPort = 0} = socket
        ports.add(localPort)
        had = {client, localPort, at}
        told()
      }
    } catch (error) {
      const {code} = error as NodeJS.ErrnoException
      if (code === 'ECONNREFUSED') counts.refused++
      else if (code === 'EADDRINUSE' || code === 'EADDRNOTAVAIL') {
        // Somebody else has that local port: no answer of the server's.
        from = chooseLocalPort(options)
      } else counts.failed++
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
      if (had !== undefined) resetSocket(had.client.socket)
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

/** Where to connect from; nothing, for a choice of the OS, where next to no port is left to choose from. */
function chooseLocalPort(options: ProberOptions): {from?: LocalPort} {
  const {host, port, ephemeralPorts, avoid} = options
  const [first, last] = ephemeralPorts
  for (let choices = 0; choices < choicesAllowed; choices++) {
    const choice = randomInt(first, last + 1)
    // From the very port TCP would connect the socket to itself.
    if (choice !== port && !avoid.has(choice)) {
      return {from: {opener: 'node', bind: nodeBindOption, address: host, port: choice}}
    }
  }
  return {}
}
