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

type Held = Target & {handle: ProcessHandle}

const lookEveryMilliseconds = 20
/** A killed process that is still there then hangs in a system call. */
const killedWithinSeconds = 5

/**
 * Ends processes: SIGTERM to the first ones, and SIGKILL to all that are left after the timeout.
 * @returns what was done, and why it was not enough
 */
export async function endTargets(
  targets: readonly Target[],
  ending: Ending,
): Promise<{did: FreeStep[]; problem?: string}> {
  if (targets.length === 0) return {did: []}
  const held = targets.flatMap((target): Held[] => {
    const handle = openProcess(target.entry)
    return handle === undefined ? [] : [{...target, handle}]
  })
  const did: FreeStep[] = []
  try {
    // Whoever was asked has had time to answer: only what has the port still is ended.
    const holders = await ending.holders()
    const servers = held.filter(({role, handle}) => role !== 'wrapper' && holders.has(handle.pid))
    const wrappers = servers.length === 0 ? [] : held.filter(({role}) => role === 'wrapper')
    const problem = await signalled([...wrappers, ...servers], ending, did)
    return problem === undefined ? {did} : {did, problem}
  } finally {
    for (const {handle} of held) handle.close()
  }
}

async function signalled(
  held: readonly Held[],
  ending: Ending,
  did: FreeStep[],
): Promise<string | undefined> {
  const rounds = [
    {
      signal: 'SIGTERM',
      seconds: ending.timeoutSeconds,
      to: held.filter(({role}) => role !== 'worker'),
    },
    {signal: 'SIGKILL', seconds: killedWithinSeconds, to: held},
  ] as const
  for (const {signal, seconds, to} of rounds) {
    const alive = to.filter(({handle}) => handle.isAlive())
    if (alive.length === 0) continue
    const began = monotonicSeconds()
    const {sent, refused} = send(signal, alive)
    const gone = refused === undefined && (await areGone(held, seconds, ending))
    for (const {handle, command} of sent) {
      const took = handle.isAlive() ? null : monotonicSeconds() - began
      const step = {pid: handle.pid, command, signal, socket: null, seconds: took}
      did.push({what: 'signal', ...step})
    }
    if (refused !== undefined) return refused
    if (gone) break
    if (ending.signal.aborted) return 'interrupted'
  }
  const left = held.filter(({handle}) => handle.isAlive())
  return left.length === 0 || ending.isFree()
    ? undefined
    : `process ${left.map(({entry}) => entry.pid).join(', ')} did not end`
}

/** @returns who got it, and why somebody could not be signalled */
function send(
  signal: 'SIGTERM' | 'SIGKILL',
  targets: readonly Held[],
): {sent: Held[]; refused?: string} {
  const sent: Held[] = []
  for (const target of targets) {
    try {
      if (target.handle.signal(signal)) sent.push(target)
    } catch (error) {
      if (!isSystemError(error)) throw error
      return {sent, refused: `process ${target.handle.pid} cannot be signalled (${error.code})`}
    }
  }
  return {sent}
}

/** Waits until all have ended, or the port is free. */
async function areGone(
  held: readonly Held[],
  seconds: number,
  {signal, isFree}: Ending,
): Promise<boolean> {
  const deadline = monotonicSeconds() + seconds
  for (;;) {
    if (held.every(({handle}) => !handle.isAlive()) || isFree()) return true
    if (monotonicSeconds() > deadline || signal.aborted) return false
    await delay(lookEveryMilliseconds, undefined, {signal}).catch(() => undefined)
  }
}
