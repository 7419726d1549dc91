import type {ChildProcess} from 'node:child_process'
import {subscribe} from 'node:diagnostics_channel'
import {becomeSubreaper, childrenOfThisProcess, type Subreaper} from './subreaper.ts'

const endWithinSeconds = 1

/** Those that this process has started, and libuv is to reap. */
const own = new Set<ChildProcess>()
let isOurProgram = false
let subreaper: Subreaper | undefined

/**
 * Called by the command line before it starts any process: what a killed guardian leaves behind is then
 * ended by the command line. Another program that uses this package may have orphans of its own.
 */
export function offerToEndOrphans(): void {
  // What a program has started that then became this one (`server & exec rebind ...` in a shell) is not ours.
  if (process.platform !== 'linux' || childrenOfThisProcess().length > 0) return
  isOurProgram = true
  subscribe('child_process', (message) => {
    const {process: child} = message as {process: ChildProcess}
    own.add(child)
    child.once('exit', () => own.delete(child))
    child.once('error', () => {
      // It could not be started at all. (A kill that fails is an 'error', too.)
      if (child.pid === undefined) own.delete(child)
    })
  })
  process.once('exit', endOrphans)
}

/** Called before a guardian starts. */
export function adoptOrphans(): void {
  if (isOurProgram) subreaper ??= becomeSubreaper()
}

/** Called when a guardian was killed, or failed: what it has not ended is a child of this process by now. */
export function endOrphans(): void {
  if (subreaper === undefined) return
  const pids = new Set([...own].map(({pid}) => pid))
  const {endAll, sessionOf} = subreaper
  const ownSession = sessionOf(0)
  // A guardian leads a session, and nothing below it can come back to ours. Here is what a worker thread has
  // started, such as that of tsx, which compiles.
  endAll(endWithinSeconds, (pid) => pids.has(pid) || sessionOf(pid) === ownSession)
}
