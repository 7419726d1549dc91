import {setTimeout as delay} from 'node:timers/promises'
import {openRunningTime} from '../starvation.ts'
import type {CheckContext} from './context.ts'
import {CouldNotMeasure, notEndedProblem, notPermittedProblem} from './could-not-measure.ts'
import type {ServerStart} from './server.ts'

const killEveryMilliseconds = 10
/** A killed process that is still there then hangs in a system call, or may not be killed by us. */
const endWithinSeconds = 5

/** Tells when it is over: on a machine without a processor for it, or for us, it is not yet. */
export function openEndingTime(pids: () => readonly number[]): () => boolean {
  return openRunningTime(endWithinSeconds, () => [process.pid, ...pids()])
}

/**
 * Ends what a failed attempt has left: it must not be in the next one's way.
 * @throws CouldNotMeasure if it does not end; the reason of the signal when that is aborted
 */
export async function clearAway(
  context: Pick<CheckContext, 'host' | 'signal'>,
  start: ServerStart,
): Promise<void> {
  const {host, signal} = context
  const pids = () =>
    host.processes().flatMap((each) => (each.start === start.number ? each.pid : []))
  const isOver = openEndingTime(pids)
  for (;;) {
    const left = pids()
    if (left.length === 0 && start.ending() !== undefined) break
    const forbidden = host.kill(left)
    if (forbidden.length > 0) {
      throw new CouldNotMeasure(notPermittedProblem(context, forbidden, 'SIGKILL'))
    }
    if (isOver()) {
      throw new CouldNotMeasure(notEndedProblem(context, left.length > 0 ? left : [start.pid]))
    }
    await delay(killEveryMilliseconds, undefined, {signal})
  }
  // What it wrote arrives within a moment; a process outside of our reach may keep the pipe.
  const patience = new AbortController()
  await Promise.race([
    start.silent,
    delay(endWithinSeconds * 1000, undefined, {signal: patience.signal}),
  ]).finally(() => patience.abort())
  signal.throwIfAborted()
}
