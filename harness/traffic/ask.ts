import {request} from 'node:http'
import type {Socket} from 'node:net'

/** What a client says on its connection, and by what it knows that it was answered. */
export type Ask =
  /** Nothing, and no answer is expected: that it was accepted is then not known. */
  | {kind: 'nothing'}
  /** Nothing: the server speaks first. */
  | {kind: 'greeting'}
  /** The first bytes that come back are the answer. */
  | {kind: 'text'; text: Buffer}
  /** A GET request on a connection that is kept: the answer is a whole response. */
  | {kind: 'http'; path: string}

export interface Answer {
  /** HTTP's. */
  status?: number
  /** The server has said that it closes the connection now. */
  isLast?: boolean
}

/** The connection ended before the answer was there. */
export class NoAnswer extends Error {
  override name = 'NoAnswer'
}

/**
 * Asks on an open connection, and waits for the whole answer.
 * @throws NoAnswer if the connection ends before
 */
export function ask(socket: Socket, what: Ask): Promise<Answer> {
  if (what.kind === 'nothing') return Promise.resolve({})
  return what.kind === 'http' ? askHttp(socket, what.path) : askBytes(socket, what)
}

function askBytes(
  socket: Socket,
  what: Extract<Ask, {kind: 'greeting' | 'text'}>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const ended = () => settle(() => reject(new NoAnswer('the connection ended')))
    const heard = () => settle(() => resolve({}))
    const settle = (then: () => void) => {
      socket.off('data', heard).off('end', ended).off('close', ended)
      then()
    }
    socket.on('data', heard).on('end', ended).on('close', ended)
    if (what.kind === 'text') socket.write(what.text)
  })
}

/** Node's own client, given a connection of ours, which it can neither replace nor close: nothing is hidden. */
function askHttp(socket: Socket, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new NoAnswer('the connection ended'))
    const {remoteAddress = 'localhost', remotePort} = socket
    const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress
    const asked = request({
      path,
      // Said expressly, it is kept: without an agent Node would ask for its end.
      headers: {host: `${host}:${remotePort}`, connection: 'keep-alive'},
      createConnection: () => socket,
    })
    asked.on('error', failed)
    asked.on('response', (response) => {
      response.on('aborted', failed).on('error', failed)
      response.on('end', () => {
        if (!response.complete) return failed()
        const {statusCode, httpVersion, headers} = response
        const said = headers.connection?.toLowerCase()
        const isLast = said === 'close' || (httpVersion === '1.0' && said !== 'keep-alive')
        resolve({isLast, ...(statusCode === undefined ? {} : {status: statusCode})})
      })
      response.resume()
    })
    asked.end()
  })
}
