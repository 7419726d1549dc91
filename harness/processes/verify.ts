import {once} from 'node:events'
import {PassThrough} from 'node:stream'
import {type Address, clientHost} from '../sockets/address.ts'
import {resetSocket} from '../sockets/reset.ts'
import {withinRunningSeconds} from '../too-slow.ts'
import {netcat} from './netcat.ts'

const answerWithinSeconds = 30

/**
 * Proves that the restart worked: a client connects and is greeted by the successor. It then aborts, so
 * that the proof leaves no residue of its own on the port.
 * @param greeting what the successor says, and nobody else: who it is, the restart's own word, its pid
 * @throws TooSlow if nobody answers, Error if somebody else does
 */
export async function verifyAccepting(
  address: Address,
  port: number,
  greeting: string,
): Promise<void> {
  const output = new PassThrough()
  const {socket, connected} = netcat({host: clientHost(address), port, output, hold: true})
  try {
    const [said] = await withinRunningSeconds(
      answerWithinSeconds,
      'nobody answered on the restarted port',
      async (signal) => {
        await connected
        return once(output, 'data', {signal})
      },
    )
    if (String(said).trim() !== greeting) {
      throw new Error(`the restarted port answered "${String(said).trim()}", not "${greeting}"`)
    }
  } finally {
    resetSocket(socket)
  }
}
