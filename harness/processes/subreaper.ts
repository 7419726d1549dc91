import {readFileSync} from 'node:fs'
import {createRequire} from 'node:module'

/** include/uapi/linux/prctl.h and wait.h. */
const PR_SET_CHILD_SUBREAPER = 36
const WNOHANG = 1

interface Reaping {
  prctl(option: number, value: number, a: number, b: number, c: number): number
  waitpid(pid: number, status: null, options: number): number
}

/**
 * Makes this process the parent of every orphan among its descendants (prctl(2),
 * PR_SET_CHILD_SUBREAPER), so that a server which daemonises stays below it and can be ended with it.
 * @returns what reaps those orphans when they have ended, as init would: a server that looks for its
 * predecessor's pid must not find a zombie. Undefined where the OS has no such thing, or there is no FFI.
 */
export function becomeSubreaper(): ((own: ReadonlySet<number>) => void) | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const library = koffi.load(null)
    const c = {
      prctl: library.func('int prctl(int, ulong, ulong, ulong, ulong)'),
      waitpid: library.func('int waitpid(int, void *, int)'),
    } as unknown as Reaping
    if (c.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) return undefined
    return (own) => {
      for (const pid of childrenOfThisProcess()) {
        // Its own children are libuv's to reap.
        if (!own.has(pid)) c.waitpid(pid, null, WNOHANG)
      }
    }
  } catch {
    return undefined
  }
}

function childrenOfThisProcess(): number[] {
  try {
    const text = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1')
    return text
      .split(' ')
      .filter((pid) => pid !== '')
      .map(Number)
  } catch {
    return []
  }
}
