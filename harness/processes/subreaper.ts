import {readdirSync, readFileSync} from 'node:fs'
import {createRequire} from 'node:module'
import {openRunningTime} from '../starvation.ts'
import {entriesBelow, readProcesses, signalProcess} from './process-table.ts'

/** include/uapi/linux/prctl.h and wait.h. */
const PR_SET_CHILD_SUBREAPER = 36
const WNOHANG = 1

const pauseMilliseconds = 1

interface Reaping {
  prctl(option: number, value: number, a: number, b: number, c: number): number
  waitpid(pid: number, status: null, options: number): number
  getsid(pid: number): number
}

/** Processes that could not be ended. */
export interface NotEnded {
  /** Another user's, which may not be sent signals. */
  refused: number[]
  /** They were killed, and are still there. */
  late: number[]
}

/** A process that every orphan among its descendants becomes a child of. */
export interface Subreaper {
  /**
   * Reaps the orphans that have ended, as init would: a server that looks for its predecessor's pid must
   * not find a zombie.
   * @param own children that libuv has started, and is to reap
   */
  reap(own: ReadonlySet<number>): void
  /**
   * Ends all children but those that are spared, and everything below them, until no such child is left. As
   * every orphan becomes a child, and only this process reaps its children, none of their pids can come to
   * mean another process before it is signalled.
   * @param withinSeconds in which they have a processor
   */
  endAll(withinSeconds: number, isSpared?: (pid: number) => boolean): NotEnded
  /** The session that a process is in; 0: this one. */
  sessionOf(pid: number): number
}

/**
 * Makes this process the parent of every orphan among its descendants (prctl(2),
 * PR_SET_CHILD_SUBREAPER), so that a server that daemonizes stays below it and can be ended with it.
 * @returns undefined if the OS does not have this, or there is no FFI
 */
export function becomeSubreaper(): Subreaper | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')
    const library = koffi.load(null)
    const c = {
      prctl: library.func('int prctl(int, ulong, ulong, ulong, ulong)'),
      waitpid: library.func('int waitpid(int, void *, int)'),
      getsid: library.func('int getsid(int)'),
    } as unknown as Reaping
    if (c.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) !== 0) return undefined
    const reapUnless = (isSpared: (pid: number) => boolean) => {
      for (const pid of childrenOfThisProcess()) {
        if (!isSpared(pid)) c.waitpid(pid, null, WNOHANG)
      }
    }
    return {
      reap: (own) => reapUnless((pid) => own.has(pid)),
      endAll: (withinSeconds, isSpared = () => false) =>
        endAll(withinSeconds, isSpared, () => reapUnless(isSpared)),
      sessionOf: (pid) => c.getsid(pid),
    }
  } catch {
    return undefined
  }
}

function endAll(
  withinSeconds: number,
  isSpared: (pid: number) => boolean,
  reap: () => void,
): NotEnded {
  const isOver = openRunningTime(withinSeconds, childrenOfThisProcess)
  const left = () => childrenOfThisProcess().filter((pid) => !isSpared(pid))
  for (;;) {
    // A child that ends hands its own children over in the same instant, and stays in this list until it is
    // reaped here. So, unlike one reading of all of /proc, an empty list proves that nothing is left.
    const children = left()
    if (children.length === 0) return {refused: [], late: []}
    const refused = children.filter((pid) => !send(pid, 'SIGKILL'))
    reap()
    // What is below another user's process may be ours to end even so.
    const below = refused.length > 0 ? refusedBelow(refused) : refused
    const isAllThatIsLeft = left().every((pid) => refused.includes(pid))
    if ((isAllThatIsLeft && below.length === 0) || isOver()) {
      return notEnded(left().flatMap((pid) => [pid, ...entriesBelow(pid).map((each) => each.pid)]))
    }
    pause()
  }
}

/** Of processes that were sent SIGKILL, which of them may be. */
export function notEnded(pids: readonly number[]): NotEnded {
  return {
    refused: pids.filter((pid) => !send(pid, 0)),
    late: pids.filter((pid) => send(pid, 0)),
  }
}

/** Ends what is below these; returns what it has signalled, and is about to end. */
function refusedBelow(parents: readonly number[]): number[] {
  return parents
    .flatMap((parent) => entriesBelow(parent))
    .filter((entry) => {
      try {
        return signalProcess(entry)
      } catch {
        return false
      }
    })
    .map(({pid}) => pid)
}

/** False if the process belongs to another user. */
function send(pid: number, signal: 'SIGKILL' | 0): boolean {
  try {
    process.kill(pid, signal)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM'
  }
}

/** Leaves the processor to the processes that are to end. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMilliseconds)
}

/** Those of all its threads. Also those that have ended, and nobody has reaped yet. */
export function childrenOfThisProcess(): number[] {
  try {
    // Each thread has children of its own.
    return readdirSync('/proc/self/task').flatMap((thread) => {
      const text = readFileSync(`/proc/self/task/${thread}/children`, 'latin1')
      return text.split(' ').flatMap((pid) => (pid.trim() === '' ? [] : Number(pid)))
    })
  } catch {
    // A kernel without CONFIG_PROC_CHILDREN. (A thread never ends while its process looks.)
    return readProcesses()
      .filter(({parent}) => parent === process.pid)
      .map(({pid}) => pid)
  }
}
