import {createConnection, type Socket} from 'node:net'
import {monotonicSeconds} from '../clock.ts'
import {type Answer, type Ask, ask, NoAnswer} from './ask.ts'

/** How a connection, or a request on it, ended other than by an answer. */
export type Failure = 'refused' | 'reset' | 'cut-off' | 'unanswered' | 'no-port'

export interface Target {
  host: string
  port: number
  /** How long a connection, and an answer, is waited for. */
  timeoutSeconds: number
  /** The seconds that count towards it, from any moment on; by default all that pass. */
  clock?: () => number
  /** Aborted when nobody waits for it any more. */
  signal?: AbortSignal
}

/** A connection of ours to the server. */
export interface Connection {
  socket: Socket
  localPort: number
  /** Undefined while nothing has ended it. */
  ended(): 'reset' | 'closed' | undefined
  /** @throws Failed */
  ask(what: Ask): Promise<Answer>
  /** FIN first, as a client that is done; what the server then still sends is not waited for. */
  close(): void
}

/** Tells what became of it in place of an answer. */
export class Failed extends Error {
  override name = 'Failed'
  readonly failure: Failure

  constructor(failure: Failure, message: string) {
    super(message)
    this.failure = failure
  }
}

const closeWithinMilliseconds = 1000

/** @throws Failed; SystemError for what is our fault, e.g. EMFILE */
export function connect({host, port, ...waits}: Target): Promise<Connection> {
  const socket = createConnection({host, port, allowHalfOpen: true, noDelay: true})
  return whenConnected(socket, waits)
}

/**
 * Goes on with a socket that is being connected.
 * @throws as `connect` does
 */
export async function whenConnected(
  socket: Socket,
  {timeoutSeconds, clock = monotonicSeconds, signal}: Omit<Target, 'host' | 'port'>,
): Promise<Connection> {
  closeOn(signal, socket)
  let ended: 'reset' | 'closed' | undefined
  let problem: NodeJS.ErrnoException | undefined
  socket.on('error', (error: NodeJS.ErrnoException) => {
    problem ??= error
    ended ??= 'reset'
  })
  // Node's client of HTTP closes it by itself after what the server says is its last answer.
  for (const event of ['end', 'close']) {
    socket.on(event, () => {
      ended ??= 'closed'
    })
  }
  await new Promise<void>((resolve, reject) => {
    const stopWaiting = whenLate(timeoutSeconds, clock, () => {
      reject(new Failed('unanswered', `no connection within ${timeoutSeconds} s`))
      socket.destroy()
    })
    socket.once('connect', () => {
      stopWaiting()
      if (!isItsOwnPeer(socket)) return resolve()
      reject(refused())
      socket.resetAndDestroy()
    })
    socket.once('close', () => {
      stopWaiting()
      reject(connectFailure(problem))
    })
  })
  // From here on what comes is waited for by whoever asks; an end that nobody waits for must be seen, too.
  socket.resume()
  const {localPort = 0} = socket
  return {
    socket,
    localPort,
    ended: () => ended,
    async ask(what) {
      if (ended !== undefined) throw failureOf(ended)
      let stopWaiting = () => {}
      const late = new Promise<never>((_, reject) => {
        stopWaiting = whenLate(timeoutSeconds, clock, () =>
          reject(new Failed('unanswered', `no answer within ${timeoutSeconds} s`)),
        )
      })
      const answer = ask(socket, what)
      answer.catch(() => undefined)
      try {
        return await Promise.race([answer, late])
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error
        throw failureOf(ended ?? 'closed')
      } finally {
        stopWaiting()
      }
    },
    close() {
      if (socket.destroyed) return
      socket.end()
      // What comes is read to its end, as an unread rest would make a RST of it.
      socket.resume()
      const timer = setTimeout(() => socket.destroy(), closeWithinMilliseconds)
      socket.once('close', () => clearTimeout(timer))
      if (ended === 'closed') socket.once('finish', () => socket.destroy())
      else socket.once('end', () => socket.destroy())
    },
  }
}

/**
 * Calls when the time is over, a turn later: where this process was kept from running, what came in time lies ready
 * behind the timer, and a slow machine is not to be told as a server that does not answer.
 * @returns what ends the waiting
 */
function whenLate(seconds: number, clock: () => number, onLate: () => void): () => void {
  const until = clock() + seconds
  let timer: NodeJS.Timeout | undefined
  let turn: NodeJS.Immediate | undefined
  const wait = (left: number) => {
    timer = setTimeout(() => {
      turn = setImmediate(() => {
        const rest = until - clock()
        if (rest > 0) wait(rest)
        else onLate()
      })
    }, left * 1000)
  }
  wait(seconds)
  return () => {
    clearTimeout(timer)
    clearImmediate(turn)
  }
}

/** As Node's own option `signal` does, which leaves a listener behind for each socket. */
function closeOn(signal: AbortSignal | undefined, socket: Socket): void {
  if (signal === undefined) return
  const close = () => socket.destroy()
  if (signal.aborted) close()
  signal.addEventListener('abort', close)
  socket.once('close', () => signal.removeEventListener('abort', close))
}

/**
 * Whether TCP has connected it to itself (RFC 9293: simultaneous open): nobody listened, and connect() chose the very
 * port that it was to reach. It would be in the way of the server that comes.
 */
function isItsOwnPeer({localPort, remotePort, localAddress, remoteAddress}: Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress
}

function refused(): Failed {
  return new Failed('refused', 'the connection was refused')
}

function failureOf(ended: 'reset' | 'closed'): Failed {
  return ended === 'reset'
    ? new Failed('reset', 'the connection was reset')
    : new Failed('cut-off', 'the server closed the connection before it had answered')
}

/** What is not the server's answer is passed on as it is. */
function connectFailure(error: NodeJS.ErrnoException | undefined): Error {
  if (error === undefined) return new Failed('unanswered', 'no connection')
  switch (error.code) {
    case 'ECONNREFUSED':
      return refused()
    case 'ECONNRESET':
    case 'EPIPE':
      return new Failed('reset', 'the connection was reset')
    case 'ETIMEDOUT':
      return new Failed('unanswered', 'no connection')
    case 'EADDRNOTAVAIL':
    case 'EADDRINUSE':
      return new Failed('no-port', 'this machine has no local port left for a connection')
    default:
      return error
  }
}
