import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckProblem} from '../documents/check-schema.ts'
import {UsageError} from '../errors.ts'
import type {CommandToStart} from '../processes/protocol.ts'
import type {Traffic} from '../traffic/clients.ts'
import type {CheckContext} from './context.ts'
import {CouldNotMeasure} from './could-not-measure.ts'
import {endingWords} from './errors-seen.ts'
import type {GenerationWatch} from './generation-watch.ts'
import {
  type GenerationsState,
  generationsOf,
  hasChanged,
  newProcesses,
  oldListeners,
  oldProcesses,
  type Seen,
} from './generations.ts'
import type {FilledReloadOptions} from './reload-options.ts'
import type {Server} from './reload-server.ts'
import type {ServerStart} from './server.ts'
import {assertProgramThere} from './start-failure.ts'
import {sendStop} from './stop.ts'

/**
 * How long the old generation is waited for once the new one answers, and how long the new one is watched. While the old
 * one takes clients, it is waited for as long as the server may take to change.
 */
const settleSeconds = {atLeast: 0.5, atMost: 3}
/** If the command has ended and nobody of it is left, nobody will answer any more. */
const endedSeconds = 1
/** Longer than this nobody waits for a server that has begun to change. */
const longestSeconds = 60

const pidPlaceholder = '{pid}'
const remedy = 'it runs without a shell; run it by hand while the server runs'

/** What came of the triggers. */
export interface Reload {
  /** When each trigger was started, monotonic; it grows. */
  triggeredAt: number[]
  /** When a new generation first had a client that it answered; undefined if none did. */
  answeredAt: number | undefined
  /** Old processes that listened on sockets of their own to the last. */
  oldListeners: readonly Seen[]
  problem: CheckProblem | undefined
}

export type Stage = Omit<CheckContext, 'options'> & {
  options: FilledReloadOptions
  watch: GenerationWatch
  traffic: Traffic
  server: Server
  /** Seconds in which neither the server nor this check was kept from running; limits count in these. */
  running(): number
  failIfFaulty(): void
}

/** What causes a new generation: told when it begins, each time that it does something. @returns why it could not */
export type Act = (stage: Stage, onBegin: () => void) => Promise<CheckProblem | undefined>

/** Runs the triggers, one after the other. */
export const runTriggers: Act = async (stage, onBegin) => {
  const {triggers} = stage.options
  if (triggers.length === 0) onBegin()
  for (const trigger of triggers) {
    onBegin()
    const problem = await runTrigger(stage, trigger)
    if (problem !== undefined) return problem
  }
  return undefined
}

export const nothingYet = (): Reload => ({
  ...{triggeredAt: [], answeredAt: undefined, oldListeners: [], problem: undefined},
})

/**
 * Causes a new generation, and waits for what comes of that.
 * @param reload gets what comes of it at once, so that it is known even if this is interrupted
 */
export async function cause(stage: Stage, act: Act, reload: Reload): Promise<void> {
  const {options, watch, traffic, server, host, running, failIfFaulty} = stage
  const {triggerTimeoutSeconds, limitSeconds} = options
  watch.cause()
  const began = running()
  let answeredSince = began
  let oldAcceptedSince = began
  let endedSince: number | undefined
  let isChanged = false
  let isOldAccepting = false
  const note = (ran: number) => {
    isChanged ||= hasChanged(watch.state())
    const {answeredAt} = reload
    if (answeredAt === undefined) {
      if (!isAnswered(watch, traffic)) return
      reload.answeredAt = monotonicSeconds()
      answeredSince = ran
      oldAcceptedSince = ran
    } else if (doesOldAccept(watch, traffic, answeredAt)) oldAcceptedSince = ran
  }
  let isActing = true
  const acting = act(stage, () => reload.triggeredAt.push(monotonicSeconds())).finally(() => {
    isActing = false
  })
  // It is waited for below, whatever comes first.
  acting.catch(() => undefined)
  await lookUntil(watch, failIfFaulty, () => {
    note(running())
    return !isActing
  })
  reload.problem = await acting
  if (reload.problem !== undefined) return
  const isOver = () => {
    const ran = running()
    const state = watch.state()
    note(ran)
    if (reload.answeredAt !== undefined) {
      const since = ran - answeredSince
      const isOldGone = generationsOf(state).every(({cause: by, to}) => by > 0 || to !== undefined)
      if (isOldGone) {
        isOldAccepting = false
        reload.oldListeners = []
        return since > settleSeconds.atLeast
      }
      isOldAccepting = ran - oldAcceptedSince <= settleSeconds.atMost
      reload.oldListeners = oldListeners(state, watch.reached())
      if (!isOldAccepting && reload.oldListeners.length === 0) return true
      return since > Math.max(settleSeconds.atMost, triggerTimeoutSeconds)
    }
    if (!isChanged) return ran - began > triggerTimeoutSeconds
    const isGone = server !== undefined && host.processes().length === 0
    endedSince = isGone ? (endedSince ?? ran) : undefined
    if (endedSince !== undefined && ran - endedSince > endedSeconds) return true
    return ran - began > Math.max(triggerTimeoutSeconds, Math.min(limitSeconds, longestSeconds))
  }
  await lookUntil(watch, failIfFaulty, isOver)
  if (!isChanged) {
    reload.problem = nothingRestartedProblem(options, watch.state())
  } else if (isOldAccepting && reload.oldListeners.length === 0) {
    reload.problem = oldAcceptsProblem(options)
  }
}

/** Whether an old process has a client that came when a new one had answered already. */
function doesOldAccept(watch: GenerationWatch, {answeredPorts}: Traffic, since: number): boolean {
  const ports = answeredPorts()
  const {lastLook} = watch.state()
  return oldProcesses(watch.state()).some(
    ({last, clients}) =>
      last.to === lastLook?.to && clients.some((client) => (ports.get(client) ?? 0) > since),
  )
}

/**
 * Whether a process that came after the trigger has a connection that is answered. One that closes each connection at
 * once is not seen to have any: there it is enough that those that listened before have ceased to when a client that was
 * answered came. Where no worker listens, but their master alone, a new one that does is one that is only just being
 * started: until execve(2) it has what its parent has.
 */
function isAnswered(watch: GenerationWatch, {answeredPorts, tally}: Traffic): boolean {
  const ports = answeredPorts()
  const current = newProcesses(watch.state())
  if (current.some(({clients}) => clients.some((client) => ports.has(client)))) return true
  if (!current.some(({everListened}) => everListened)) return false
  const old = oldProcesses(watch.state()).filter(({everListened}) => everListened)
  if (old.length === 0) return false
  const alone = Math.max(...old.map(({to}) => to?.to ?? Number.POSITIVE_INFINITY))
  return (tally.answers.at(-1)?.from ?? 0) > alone
}

/**
 * Makes sure, as far as that can be known, that their programs are there before a server is started because of them.
 * @throws UsageError
 */
export function assertTriggersThere(options: FilledReloadOptions): void {
  for (const [index, words] of options.triggers.entries()) {
    const asked = triggerCommand(options, words)
    // It shows only once the server runs, as with /proc/{pid}/exe, or the trigger before may build it.
    const isMadeLater = index > 0 && asked.command.includes('/')
    if (isMadeLater || asked.command.includes(pidPlaceholder)) continue
    assertProgramThere(asked)
  }
}

/** @param pid of the server, if we have started it */
function triggerCommand(
  {port, cwd, triggerEnv = ownEnvironment()}: FilledReloadOptions,
  words: readonly string[],
  pid?: number,
): CommandToStart {
  const [command = '', ...args] = words.map((word) =>
    word
      .replaceAll('{port}', String(port))
      .replaceAll(pidPlaceholder, String(pid ?? pidPlaceholder)),
  )
  return {command, args, cwd, env: {...triggerEnv, PORT: String(port)}}
}

/** @returns why it did not do what it should */
async function runTrigger(
  {host, options, server, signal}: Stage,
  words: readonly string[],
): Promise<CheckProblem | undefined> {
  const {triggerTimeoutSeconds} = options
  const text = words.join(' ')
  const start = await host
    .start(triggerCommand(options, words, server?.start.pid))
    .catch((error: Error) => {
      // Also where it is the first that we start: clients have come, and were counted.
      if (!(error instanceof CouldNotMeasure || error instanceof UsageError)) throw error
      throw new CouldNotMeasure({
        kind: 'trigger-failed',
        message: `the trigger failed: ${text}: ${error.message}`,
        remedy,
      })
    })
  const timer = new AbortController()
  const either = AbortSignal.any([timer.signal, signal])
  const ending = await Promise.race([
    start.ended,
    delay(triggerTimeoutSeconds * 1000, undefined, {signal: either}),
  ]).finally(() => timer.abort())
  if (ending === undefined) {
    // What it has started is the user's; of a server of ours, all ends with the check.
    const isLeft = server === undefined && !(await mayBeStopped({host}, start))
    const left = isLeft
      ? `; this one still runs, as another user: end it with sudo kill ${start.pid}`
      : ''
    return {
      kind: 'trigger-failed',
      message: `the trigger did not end within ${triggerTimeoutSeconds} s: ${text}`,
      remedy: `raise --trigger-timeout, or use a command that returns${left}`,
    }
  }
  if (ending.code === 0) return undefined
  await start.silent
  const said = start.lines.errorLines().join(' / ')
  return {
    kind: 'trigger-failed',
    message: `the trigger ${endingWords(ending)}: ${text}${said === '' ? '' : `; its output: ${said}`}`,
    remedy,
  }
}

/** Sends SIGTERM. @returns false if it is another user's, as with sudo */
async function mayBeStopped(of: Pick<Stage, 'host'>, start: ServerStart): Promise<boolean> {
  try {
    await sendStop(of, start, 'SIGTERM')
    return true
  } catch (error) {
    if (error instanceof CouldNotMeasure) return false
    throw error
  }
}

function ownEnvironment(): Record<string, string> {
  const {NODE_OPTIONS: _, ...env} = process.env
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function nothingRestartedProblem(
  {triggers, triggerTimeoutSeconds: seconds}: FilledReloadOptions,
  {seen}: GenerationsState,
): CheckProblem {
  const what =
    triggers.length === 0
      ? `nothing restarted within ${seconds} s`
      : `the trigger restarted nothing within ${seconds} s`
  const isForking = [...seen.values()].some(({forks}) => forks === true)
  return {
    kind: 'nothing-restarted',
    message: isForking
      ? `${what}, as far as can be seen: this server's processes come and go all the time, so that a new one shows nothing, unless it is the one that listens`
      : what,
    remedy:
      'check that it does what restarts the server (a watcher needs a file that it watches), or raise --trigger-timeout',
  }
}

/** With a socket that old and new processes share, their clients alone show who accepts. */
function oldAcceptsProblem({triggerTimeoutSeconds: seconds}: FilledReloadOptions): CheckProblem {
  return {
    kind: 'old-still-accepts',
    message: `a new process answered, but old ones went on taking new clients for ${seconds} s: either they are being replaced slowly, or nothing reloaded and there is just one more`,
    remedy: 'if its processes are replaced one by one, raise --trigger-timeout',
  }
}

/** Goes on from look to look until that is so. */
export async function lookUntil(
  watch: GenerationWatch,
  failIfFaulty: () => void,
  isOver: () => boolean,
): Promise<void> {
  for (;;) {
    failIfFaulty()
    if (isOver()) return
    await watch.looks(1)
  }
}
