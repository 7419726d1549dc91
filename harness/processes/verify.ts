import {once} from 'node:events'
import {PassThrough} from 'node:stream'
import {type Address, clientHost} from '../sockets/address.ts'
import {withinRunningSeconds} from '../too-slow.ts'
import {netcat} from './netcat.ts'

const answerWithinSeconds = 30

/**
 * Proves that the restart worked: a client connects and is greeted by the successor. It then aborts, so
 * that the proof leaves no residue of its own on the port.
 * @throws TooSlow if nobody answers, Error if somebody else does
 */
export async function verifyAccepting(address: Address, port: number, pid: number): Promise<void> {
  const output = new PassThrough()
  const {socket, connected} = netcat({host: clientHost(address), port, output, hold: true})
  try {
    const [greeting] = await withinRunningSeconds(
      answerWithinSeconds,
      'nobody answered on the restarted port',
      async (signal) => {
        await connected
        return once(output, 'data', {signal})
      },
    )
    const expected = `successor ${pid}`
    if (String(greeting).trim() !== expected) {
      throw new Error(`the restarted port answered "${String(greeting).trim()}", not "${expected}"`)
    }
  } finally {
    socket.resetAndDestroy()
  }
}
