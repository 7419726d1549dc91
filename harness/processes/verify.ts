import {once} from 'node:events'
import {PassThrough} from 'node:stream'
import {type Address, clientHost} from '../sockets/address.ts'
import {netcat} from './netcat.ts'

const answerWithinMilliseconds = 10_000

/**
 * Proves that the restart worked: a client connects and is greeted by the successor. It then aborts, so
 * that the proof leaves no residue of its own on the port.
 * @throws Error if nobody answers, or somebody else.
 */
export async function verifyAccepting(address: Address, port: number, pid: number): Promise<void> {
  const output = new PassThrough()
  const {socket, connected} = netcat({host: clientHost(address), port, output, hold: true})
  try {
    await connected
    const [greeting] = await once(output, 'data', {
      signal: AbortSignal.timeout(answerWithinMilliseconds),
    })
    const expected = `successor ${pid}`
    if (String(greeting).trim() !== expected) {
      throw new Error(`the restarted port answered "${String(greeting).trim()}", not "${expected}"`)
    }
  } finally {
    socket.resetAndDestroy()
  }
}
