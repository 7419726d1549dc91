import {once} from 'node:events'
import type {Socket} from 'node:net'
import type {Readable, Writable} from 'node:stream'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {type LocalPort, startConnecting} from '../sockets/connect.ts'
import {finAcknowledged} from './acknowledged.ts'

export interface NetcatOptions {
  host: string
  port: number
  /** The local port to bind first; none: connect() chooses. */
  from?: LocalPort
  /** What to send; its end is sent on as a half-close (FIN). None: nothing is sent. */
  input?: Readable
  /** Where received bytes go. */
  output: Writable
  /** Keep the connection half-open when the server closes, instead of closing too. */
  hold: boolean
}

export interface Netcat {
  socket: Socket
  /** Resolved when connected; rejected with the SystemError of `connect`. */
  connected: Promise<void>
  /** Resolved when both sides have closed, with the time in which our own side did; rejected if reset. */
  closed: Promise<Bracket>
  /** Sends FIN, if that has not been done yet. */
  close(): void
}

/**
 * A client like nc(1): copies both ways, keeps a half-close, and closes when the server closes, once the server
 * knows that its FIN has arrived: TIME_WAIT might end at once else.
 * @throws SystemError of `bind`, if the local port is bound natively
 */
export function netcat({input, output, hold, ...where}: NetcatOptions): Netcat {
  const socket = startConnecting(where)
  let closingAt: number | undefined
  const close = () => {
    closingAt ??= monotonicSeconds()
    socket.end()
  }
  const connected = once(socket, 'connect').then(() => undefined)
  const closed = new Promise<Bracket>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('close', () => {
      const to = monotonicSeconds()
      resolve({from: closingAt ?? to, to})
    })
  })
  // Whoever awaits either of them hears of the error; nobody has to await both.
  connected.catch(() => undefined)
  closed.catch(() => undefined)

  socket.on('data', (chunk) => {
    // Back-pressure: a slow reader of our output must not make us buffer what a fast server sends.
    if (!output.write(chunk)) {
      socket.pause()
      output.once('drain', () => socket.resume())
    }
  })
  // Nobody reads our output any more: there is nothing left to do for.
  output.once('error', () => socket.destroy())
  socket.once('end', async () => {
    if (hold) return
    await finAcknowledged(socket)
    close()
  })
  if (input !== undefined) {
    input.pipe(socket, {end: false})
    input.once('end', close)
  }
  return {socket, connected, closed, close}
}
