import {once} from 'node:events'
import {PassThrough} from 'node:stream'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import type {Connect, Handlers} from './messages.ts'
import {type Netcat, netcat} from './netcat.ts'

let client: Netcat | undefined

/** The netcat-like client of a scenario; what it receives it prints. */
export const clientHandlers = {
  async connect({host, port, hold}: Connect): Promise<Bracket> {
    const from = monotonicSeconds()
    const output = new PassThrough()
    output.pipe(process.stdout, {end: false})
    client = netcat({host, port, output, hold})
    const {socket} = client
    // The greeting shows that the server has accepted; connect() alone only means a place in its queue.
    await Promise.all([client.connected, once(socket, 'data')])
    return {from, to: monotonicSeconds()}
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
    const {close, closed} = connectedClient()
    close()
    return closed
  },

  async abort(): Promise<Bracket> {
    const {socket} = connectedClient()
    const from = monotonicSeconds()
    const closed = once(socket, 'close')
    socket.resetAndDestroy()
    await closed
    return {from, to: monotonicSeconds()}
  },
} satisfies Handlers

function connectedClient(): Netcat {
  if (client === undefined) throw new Error('the client has not connected yet')
  return client
}
