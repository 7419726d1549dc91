import {once} from 'node:events'
import {createServer, type Server, type Socket} from 'node:net'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {openPort} from '../sockets/opener.ts'
import {finAcknowledged} from './acknowledged.ts'
import type {Handlers, ServerToOpen} from './protocol.ts'
import type {Play, Tell} from './role.ts'

/**
 * The server before the restart. It greets each client, then does what the scenario's script says. Other
 * servers that only have to be there do the same.
 */
export function openServer(tell: Tell) {
  const open = new Set<Socket>()
  let server: Server | undefined
  let accepted: Promise<Socket> | undefined

  async function onConnection(act: (socket: Socket) => Promise<void>): Promise<Bracket> {
    if (accepted === undefined) throw new Error('the server does not listen yet')
    const socket = await accepted
    const from = monotonicSeconds()
    await act(socket)
    return {from, to: monotonicSeconds()}
  }

  const handlers = {
    async listen(params: ServerToOpen): Promise<Bracket> {
      const from = monotonicSeconds()
      const listener = createServer({pauseOnConnect: !params.reads, allowHalfOpen: true})
      server = listener
      listener.on('connection', (socket) => {
        open.add(socket)
        socket.once('close', () => open.delete(socket))
        // A client's RST is part of some stories; what it does to the port is read from the socket table.
        socket.on('error', () => undefined)
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

    async exit(): Promise<{openConnections: number}> {
      return {openConnections: open.size}
    },
  } satisfies Handlers

  return {
    handlers,
    close() {
      server?.close()
      for (const socket of open) socket.destroy()
    },
  } satisfies Play
}

/** What a server tells its clients: who it is, by a word that nobody else knows, and by its process. */
export function greetingLine(greeting: string): string {
  return `${greeting} ${process.pid}\n`
}

async function closedAfter(socket: Socket, act: () => void): Promise<void> {
  const closed = once(socket, 'close')
  act()
  await closed
}
