import {once} from 'node:events'
import {createServer as createHttpServer} from 'node:http'
import {createServer, type Server, type Socket} from 'node:net'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {libc} from '../sockets/libc.ts'
import {closeNative} from '../sockets/native.ts'
import {listenNative, openPort} from '../sockets/opener.ts'
import {finAcknowledged} from './acknowledged.ts'
import {type Cluster, openCluster} from './cluster.ts'
import {greetingLine} from './greeting.ts'
import type {Handlers, ServerToOpen} from './protocol.ts'
import type {Play, Tell} from './role.ts'

/**
 * The server before the restart. It greets each client, then does what the scenario's script says. Other
 * servers that only have to be there do the same.
 */
export function openServer(tell: Tell) {
  const open = new Set<Socket>()
  let server: Server | undefined
  let cluster: Cluster | undefined
  /** The listening socket of a server that accepts nobody. */
  let queue: number | undefined
  let accepted: Promise<Socket> | undefined

  async function onConnection(act: (socket: Socket) => Promise<void>): Promise<Bracket> {
    if (accepted === undefined) throw new Error('the server does not listen yet')
    const socket = await accepted
    const from = monotonicSeconds()
    await act(socket)
    return {from, to: monotonicSeconds()}
  }

  const handlers = {
    async 'become-user'({user}) {
      // What is loaded on demand, the other user may not be allowed to read.
      libc()
      process.setgroups?.([])
      process.setgid?.(user)
      process.setuid?.(user)
      return null
    },

    async listen(params: ServerToOpen): Promise<Bracket> {
      const from = monotonicSeconds()
      if (params.accepts === false) {
        queue = listenNative(params)
        return {from, to: monotonicSeconds()}
      }
      if (params.cluster === true) {
        cluster = openCluster(params)
        await cluster.accepts
        return {from, to: monotonicSeconds()}
      }
      const listener =
        params.http === true
          ? createHttpServer((_, response) => response.end(greetingLine(params.greeting)))
          : createServer({pauseOnConnect: !params.reads, allowHalfOpen: true})
      server = listener
      listener.on('connection', (socket) => {
        open.add(socket)
        socket.once('close', () => open.delete(socket))
        // A client's RST is part of some stories; what it does to the port is read from the socket table.
        socket.on('error', () => undefined)
        // A server of node:http closes its connections itself.
        if (params.http === true) return
        socket.once('end', async () => {
          await finAcknowledged(socket)
          socket.end()
        })
        if (params.reads) socket.resume()
        socket.write(greetingLine(params.greeting))
      })
      accepted = once(listener, 'connection').then(([socket]) => socket as Socket)
      accepted.catch(() => undefined)
      await openPort(listener, params.opener, params)
      return {from, to: monotonicSeconds()}
    },

    async 'close-connection'(): Promise<Bracket> {
      return onConnection((socket) => new Promise((resolve) => socket.end(resolve)))
    },

    async 'destroy-connection'(): Promise<Bracket> {
      return onConnection((socket) => closedAfter(socket, () => socket.destroy()))
    },

    async 'abort-connection'(): Promise<Bracket> {
      return onConnection((socket) => closedAfter(socket, () => socket.resetAndDestroy()))
    },

    async 'hand-over-connection'(): Promise<Bracket> {
      return onConnection(async (socket) => {
        await tell({notice: 'connection'}, socket)
        open.delete(socket)
      })
    },

    async 'replace-worker'({greeting}): Promise<Bracket> {
      if (cluster === undefined) throw new Error('the server is not a cluster')
      const from = monotonicSeconds()
      await cluster.replaceWorker(greeting)
      return {from, to: monotonicSeconds()}
    },

    async 'stop-listening'(): Promise<Bracket> {
      const from = monotonicSeconds()
      // It calls close(2) before it returns; what it tells of later is the end of the last connection.
      server?.close()
      return {from, to: monotonicSeconds()}
    },

    async exit(): Promise<{openConnections: number}> {
      return {openConnections: open.size}
    },
  } satisfies Handlers

  return {
    handlers,
    close() {
      server?.close()
      if (queue !== undefined) closeNative(queue)
      queue = undefined
      cluster?.close()
      for (const socket of open) socket.destroy()
    },
  } satisfies Play
}

async function closedAfter(socket: Socket, act: () => void): Promise<void> {
  const closed = once(socket, 'close')
  act()
  await closed
}
