import {nativeOpenerProblem} from '../sockets/libc.ts'
import {readProcNetTcp} from './proc-net-tcp.ts'
import {NoSockDiag, readSockDiag} from './sock-diag.ts'
import type {SocketEntry, SocketQuery} from './socket-table.ts'

/** Once a kernel has said no it is not asked again: for a missing module it would look for that each time. */
let answersNetlink = true

/**
 * The socket table of this network namespace: through netlink where the kernel answers that, else from /proc, which
 * cannot be filtered and takes ten times as long. Both say the same, but for the times of TIME_WAIT: milliseconds
 * and hundredths of a second.
 */
export async function readLinuxSockets(query?: SocketQuery): Promise<SocketEntry[]> {
  if (!answersNetlink || nativeOpenerProblem() !== undefined) return readProcNetTcp()
  try {
    return readSockDiag(query)
  } catch (error) {
    if (error instanceof NoSockDiag) answersNetlink = false
    return readProcNetTcp()
  }
}
