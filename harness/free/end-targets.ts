import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {FreeStep} from '../documents/free-schema.ts'
import {openProcess, type ProcessHandle} from '../processes/process-handle.ts'
import {isSystemError} from '../sockets/system-error.ts'
import type {Target} from './targets.ts'

interface Ending {
  timeoutSeconds: number
  signal: AbortSignal
  /** Whether a plain bind is granted: then nothing more has to end. */
  isFree(): boolean
  /** The pids of those who hold a listening socket of the port now. */
  holders(): Promise<ReadonlySet<number>>
}

/** A process that is to end, by a handle that never means another one. */
export interface Held extends Target {
  handle: ProcessHandle
  /** The last signal that it got, and when. */
  sent?: {step: FreeStep; at: number}
}

const lookEveryMilliseconds = 20
/** A killed process that is still there then hangs in a system call. */
const killedWithinSeconds = 5

/** Those of them that have not ended; each handle has to be closed. */
export function openTargets(targets: readonly Target[]): Held[] {
  return targets.flatMap((target): Held[] => {
    const handle = openProcess(target.entry)
    return handle === undefined ? [] : [{...target, handle}]
  })
}

/**
 * Ends processes that listen: servers first, and each worker that still has the socket when its server has not. Each
 * gets SIGTERM, and after the timeout SIGKILL if it still listens: one that does not is left to finish its work.
 * @param did what was done is added
 * @returns why it was not enough
 */
export async function endTargets(
  held: readonly Held[],
  ending: Ending,
  did: FreeStep[],
): Promise<string | undefined> {
  while (!ending.signal.aborted) {
    if (held.length === 0) return undefined
    const holders = await ending.holders()
    if (ending.signal.aborted) break
    const due = held.filter(
      ({handle, starter, sent}) =>
        sent === undefined &&
        holders.has(handle.pid) &&
        (starter === null || !holders.has(starter)),
    )
    if (due.length === 0) return undefined
    const problem = await end(due, ending, did)
    if (problem !== undefined) return problem
  }
  return 'interrupted'
}

async function end(
  due: readonly Held[],
  ending: Ending,
  did: FreeStep[],
): Promise<string | undefined> {
  const refused = send('SIGTERM', due, did)
  if (refused !== undefined) return refused
  if (await areGone(due, ending.timeoutSeconds, ending)) return undefined
  const holders = await ending.holders()
  if (ending.signal.aborted) return 'interrupted'
  const listening = due.filter(({handle}) => handle.isAlive() && holders.has(handle.pid))
  const problem = send('SIGKILL', listening, did)
  if (problem !== undefined || (await areGone(listening, killedWithinSeconds, ending))) {
    return problem
  }
  const left = listening.filter(({handle}) => handle.isAlive())
  return `process ${left.map(({handle}) => handle.pid).join(', ')} did not end`
}

/** @returns why one could not be signalled */
function send(
  signal: 'SIGTERM' | 'SIGKILL',
  targets: readonly Held[],
  did: FreeStep[],
): string | undefined {
  for (const target of targets) {
    const {handle, command} = target
    try {
      if (!handle.signal(signal)) continue
    } catch (error) {
      if (!isSystemError(error)) throw error
      return `process ${handle.pid} cannot be signalled (${error.code})`
    }
    const step: FreeStep = {
      ...{what: 'signal', pid: handle.pid, command, signal, socket: null, seconds: null},
    }
    target.sent = {step, at: monotonicSeconds()}
    did.push(step)
  }
  return undefined
}

/** Says of each that has ended how long its last signal took. */
export function noteEnds(held: readonly Held[]): void {
  for (const {handle, sent} of held) {
    if (sent !== undefined && sent.step.seconds === null && !handle.isAlive()) {
      sent.step.seconds = monotonicSeconds() - sent.at
    }
  }
}

/** Waits until all have ended, or the port is free. */
async function areGone(
  held: readonly Held[],
  seconds: number,
  {signal, isFree}: Ending,
): Promise<boolean> {
  const deadline = monotonicSeconds() + seconds
  for (;;) {
    noteEnds(held)
    if (held.every(({handle}) => !handle.isAlive()) || isFree()) return true
    if (monotonicSeconds() > deadline || signal.aborted) return false
    await delay(lookEveryMilliseconds, undefined, {signal}).catch(() => undefined)
  }
}
