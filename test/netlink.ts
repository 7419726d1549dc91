import {NoSockDiag, readSockDiag} from '../harness/platforms/sock-diag.ts'
import {nativeOpenerProblem} from '../harness/sockets/libc.ts'

/** Why netlink is not tried here; undefined where it answers. */
export const netlinkProblem =
  process.platform === 'linux' ? (nativeOpenerProblem() ?? whyNot()) : 'not Linux'

function whyNot(): string | undefined {
  try {
    readSockDiag({ports: [0]})
    return undefined
  } catch (error) {
    if (error instanceof NoSockDiag) return error.message
    throw error
  }
}
