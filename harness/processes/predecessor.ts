import {once} from 'node:events'
import {createServer, type Socket} from 'node:net'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {openPort} from '../sockets/opener.ts'
import type {Handlers, Notice, ServerToOpen} from './messages.ts'

const open = new Set<Socket>()
let accepted: Promise<Socket> | undefined

/**
 * The server before the restart. It greets each client, then does what the scenario's script says. Other
 * servers that only have to be there do the same.
 */
export const predecessorHandlers = {
  async listen(takes: ServerToOpen): Promise<Bracket> {
    const from = monotonicSeconds()
    const server = createServer({pauseOnConnect: !takes.reads})
    server.on('connection', (socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      // A client's RST is part of some stories; what it does to the port is read from the socket table.
      socket.on('error', () => undefined)
      if (takes.reads) socket.resume()
      socket.write(`${process.argv[2]} ${process.pid}\n`)
    })
    accepted = once(server, 'connection').then(([socket]) => socket as Socket)
    accepted.catch(() => undefined)
    await openPort(server, takes.opener, takes)
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
    const notice: Notice = {notice: 'connection'}
    return onConnection(
      (socket) =>
        new Promise((resolve, reject) => {
          process.send?.(notice, socket, {}, (error) => {
            if (error) reject(error)
            else {
              open.delete(socket)
              resolve()
            }
          })
        }),
    )
  },

  async exit(): Promise<{openConnections: number}> {
    return {openConnections: open.size}
  },
} satisfies Handlers

async function onConnection(act: (socket: Socket) => Promise<void>): Promise<Bracket> {
  if (accepted === undefined) throw new Error('the predecessor does not listen yet')
  const socket = await accepted
  const from = monotonicSeconds()
  await act(socket)
  return {from, to: monotonicSeconds()}
}

async function closedAfter(socket: Socket, act: () => void): Promise<void> {
  const closed = once(socket, 'close')
  act()
  await closed
}
