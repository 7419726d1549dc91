import {once} from 'node:events'
import type {Socket} from 'node:net'
import {PassThrough} from 'node:stream'
import {setTimeout as delay, setImmediate as nextTurn} from 'node:timers/promises'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {libc} from '../sockets/libc.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {fdOf, finAcknowledged} from './acknowledged.ts'
import {type Netcat, netcat} from './netcat.ts'
import type {Call, Connect, Counts, Handlers, TryToConnect} from './protocol.ts'
import type {Play, Tell} from './role.ts'
import {countAnswers, openQueued, type Queued, type Traffic, trafficTo} from './traffic.ts'

/** The netcat-like client of a scenario; what it receives it tells. */
export function openClient(tell: Tell) {
  let client: Netcat | undefined
  const crowd = openCrowd()
  /** The accepted end of the client's own connection. */
  let otherEnd: Socket | undefined

  function connectedClient(): Netcat {
    if (client === undefined) throw new Error('the client has not connected yet')
    return client
  }

  function connectAndPrint(where: Connect): Netcat {
    const output = new PassThrough()
    output
      .setEncoding('utf8')
      .on('data', (text: string) => void tell({notice: 'output', text}).catch(() => undefined))
    return netcat({...where, output})
  }

  const handlers = {
    async connect(params: Connect): Promise<Bracket> {
      const from = monotonicSeconds()
      client = connectAndPrint(params)
      const {socket} = client
      if (params.http === true) socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      // The greeting shows that the server has accepted; connect() alone only means a place in its queue.
      await Promise.all([client.connected, once(socket, 'data')])
      return {from, to: monotonicSeconds()}
    },

    async 'try-to-connect'(params: TryToConnect): Promise<Bracket & {calls: Call[]}> {
      const from = monotonicSeconds()
      const calls = await callsOfConnecting(params, (where) => {
        client = connectAndPrint(where)
        return client
      })
      return {from, to: monotonicSeconds(), calls}
    },

    async retry({times, ...where}): Promise<Bracket & {counts: Counts}> {
      const from = monotonicSeconds()
      let refusedConnections = 0
      while (client === undefined && refusedConnections < times) {
        client = await connectedOrRefused(connectAndPrint(where))
        if (client === undefined) refusedConnections++
      }
      const selfConnections = client !== undefined && isItsOwnPeer(client.socket) ? 1 : 0
      return {from, to: monotonicSeconds(), counts: {refusedConnections, selfConnections}}
    },

    async send({text}: {text: string}): Promise<Bracket> {
      const {socket} = connectedClient()
      const from = monotonicSeconds()
      await new Promise<void>((resolve, reject) => {
        socket.write(text, (error) => (error ? reject(error) : resolve()))
      })
      return {from, to: monotonicSeconds()}
    },

    async close(): Promise<Bracket> {
      const {close, closed, socket} = connectedClient()
      await finAcknowledged(socket)
      close()
      return closed
    },

    async 'send-fin'(): Promise<Bracket> {
      const {socket} = connectedClient()
      const from = monotonicSeconds()
      await new Promise<void>((resolve) => void socket.end(resolve))
      return {from, to: monotonicSeconds()}
    },

    async 'take-connection'(_params: null, socket?: Socket): Promise<Bracket> {
      const from = monotonicSeconds()
      if (socket === undefined) throw new Error('no connection came with the message')
      otherEnd = socket
      otherEnd.on('error', () => undefined)
      otherEnd.resume()
      return {from, to: monotonicSeconds()}
    },

    async 'close-both-ends'(): Promise<Bracket> {
      const {socket} = connectedClient()
      if (otherEnd === undefined) throw new Error('the client has its own end only')
      const from = monotonicSeconds()
      shutDownAtOnce([otherEnd, socket])
      const ended = [otherEnd, socket].map(
        (end) => new Promise<void>((resolve) => void end.end(resolve)),
      )
      await Promise.all(ended)
      return {from, to: monotonicSeconds()}
    },

    async abort(): Promise<Bracket> {
      const {socket} = connectedClient()
      const from = monotonicSeconds()
      const closed = once(socket, 'close')
      socket.resetAndDestroy()
      await closed
      return {from, to: monotonicSeconds()}
    },

    ...crowd.handlers,

    async exit(): Promise<{openConnections: number}> {
      return {openConnections: 0}
    },
  } satisfies Handlers

  return {
    handlers,
    close() {
      client?.socket.destroy()
      otherEnd?.destroy()
      crowd.close()
    },
  } satisfies Play
}

/** A client that makes many connections, each of which only finds out what becomes of it. */
function openCrowd() {
  let traffic: Traffic | undefined
  let queued: Queued | undefined
  const handlers = {
    async 'count-answers'({connections, ...where}): Promise<Bracket & {counts: Counts}> {
      const from = monotonicSeconds()
      const counts = await countAnswers(where, connections)
      return {from, to: monotonicSeconds(), counts}
    },

    async queue({connections, ...where}): Promise<Bracket> {
      const from = monotonicSeconds()
      queued = await openQueued(where, connections)
      return {from, to: monotonicSeconds()}
    },

    async 'count-queued'(): Promise<Bracket & {counts: Counts}> {
      if (queued === undefined) throw new Error('the client has no connection in a queue')
      const from = monotonicSeconds()
      const counts = await queued.count()
      return {from, to: monotonicSeconds(), counts}
    },

    async 'keep-connecting'(where: Connect): Promise<Bracket> {
      const from = monotonicSeconds()
      traffic = trafficTo(where)
      await traffic.answered
      return {from, to: monotonicSeconds()}
    },

    async 'stop-connecting'(): Promise<Bracket & {counts: Counts}> {
      if (traffic === undefined) throw new Error('the client does not keep connecting')
      const from = monotonicSeconds()
      const counts = await traffic.stop()
      return {from, to: monotonicSeconds(), counts}
    },
  } satisfies Handlers
  return {
    handlers,
    close() {
      queued?.close()
      void traffic?.stop().catch(() => undefined)
    },
  }
}

/** Undefined for one that is refused. @throws SystemError of `connect` for another reason */
async function connectedOrRefused(client: Netcat): Promise<Netcat | undefined> {
  try {
    await client.connected
    return client
  } catch (error) {
    if (isSystemError(error) && error.code === 'ECONNREFUSED') return undefined
    throw error
  }
}

function isItsOwnPeer({localAddress, localPort, remoteAddress, remotePort}: Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress
}

/** FIN from each, microseconds apart; Node's own end() takes a turn of its loop, and code between them. */
function shutDownAtOnce(sockets: Socket[]): void {
  const c = libc()
  for (const fd of sockets.map(fdOf)) c.shutdown(fd, c.constants.SHUT_WR)
}

/** Binds and connects; what the OS answers to each is reported, never thrown. */
async function callsOfConnecting(
  {withinSeconds, ...where}: TryToConnect,
  start: (where: Connect) => Netcat,
): Promise<Call[]> {
  const localPort = where.from?.port ?? 0
  const calls: Call[] = []
  let client: Netcat
  let began = monotonicSeconds()
  const answered = (call: Call['call'], outcome: string, errno?: number) => {
    const seconds = monotonicSeconds() - began
    calls.push({call, outcome, ...(errno === undefined ? {} : {errno}), localPort, seconds})
  }
  const refused = (error: unknown) => {
    if (!isSystemError(error)) throw error
    // With the native opener bind() is a call of its own; node tells of one error only, and names its call.
    answered(error.syscall === 'bind' ? 'bind' : 'connect', error.code, Math.abs(error.errno))
  }
  try {
    client = start(where)
  } catch (error) {
    refused(error)
    return calls
  }
  if (where.from?.opener === 'native') answered('bind', 'granted')
  began = monotonicSeconds()
  const {connected, socket} = client
  const giveUp = new AbortController()
  // Timers are asked first: an answer may lie ready that came while this process was kept from running.
  const unanswered = delay(withinSeconds * 1000, undefined, {signal: giveUp.signal})
    .then(() => nextTurn())
    .then(() => 'unanswered')
  unanswered.catch(() => undefined)
  try {
    const outcome = await Promise.race([connected.then(() => 'connected'), unanswered])
    answered('connect', outcome)
    if (outcome === 'unanswered') socket.destroy()
  } catch (error) {
    refused(error)
  } finally {
    giveUp.abort()
  }
  return calls
}
