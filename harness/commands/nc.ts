import {exitStatus} from '../errors.ts'
import {netcat} from '../processes/netcat.ts'
import {printable} from '../text.ts'

export interface NcOptions {
  hold?: boolean
}

/**
 * `rebind nc HOST PORT`: stdin to the socket, the socket to stdout; the end of stdin is sent on as FIN
 * while the socket is still read, and the server's FIN ends the program.
 */
export async function nc(host: string, port: number, {hold = false}: NcOptions): Promise<number> {
  const {closed} = netcat({host, port, input: process.stdin, output: process.stdout, hold})
  try {
    await closed
    return exitStatus.asExpected
  } catch (error) {
    process.stderr.write(`rebind: ${printable((error as Error).message)}\n`)
    return exitStatus.unexpected
  } finally {
    process.stdin.destroy()
  }
}
