import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckProblem} from '../documents/check-schema.ts'
import type {Traffic} from '../traffic/clients.ts'
import type {CheckContext} from './context.ts'
import {endingWords} from './errors-seen.ts'
import type {GenerationWatch} from './generation-watch.ts'
import {generationsOf, hasChanged, oldProcesses} from './generations.ts'
import type {FilledReloadOptions} from './reload-options.ts'
import type {Server} from './reload-server.ts'

/** How long the old generation is waited for once the new one answers, and how long the new one is watched. */
const settleSeconds = {atLeast: 0.5, atMost: 3}
/** If the command has ended and nobody of it is left, nobody will answer any more. */
const endedSeconds = 1
/** Longer than this nobody waits for a server that has begun to change. */
const longestSeconds = 60

/** What came of the triggers. */
export interface Reload {
  /** When each trigger was started, monotonic. */
  triggeredAt: number[]
  /** When a new generation first had a client that it answered; undefined if none did. */
  answeredAt: number | undefined
  problem: CheckProblem | undefined
}

export type Stage = Omit<CheckContext, 'options'> & {
  options: FilledReloadOptions
  watch: GenerationWatch
  traffic: Traffic
  server: Server
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

/** Causes a new generation, and waits for what comes of that. */
export async function cause(stage: Stage, act: Act): Promise<Reload> {
  const {options, watch, traffic, server, host, failIfFaulty} = stage
  const {triggerTimeoutSeconds, limitSeconds} = options
  const triggeredAt: number[] = []
  watch.cause()
  let answeredAt: number | undefined
  let changedAt: number | undefined
  let endedSince: number | undefined
  const note = (now: number) => {
    if (hasChanged(watch.state())) changedAt ??= now
    if (answeredAt === undefined && isAnswered(watch, traffic)) answeredAt = now
  }
  let isActing = true
  const acting = act(stage, () => triggeredAt.push(monotonicSeconds())).finally(() => {
    isActing = false
  })
  // It is waited for below, whatever comes first.
  acting.catch(() => undefined)
  await lookUntil(watch, failIfFaulty, () => {
    note(monotonicSeconds())
    return !isActing
  })
  const impossible = await acting
  if (impossible !== undefined) return {triggeredAt, answeredAt: undefined, problem: impossible}
  const began = triggeredAt[0] ?? monotonicSeconds()
  const isOver = () => {
    const now = monotonicSeconds()
    const state = watch.state()
    note(now)
    if (answeredAt !== undefined) {
      const since = now - answeredAt
      const isOldGone = generationsOf(state).every(({cause: by, to}) => by > 0 || to !== undefined)
      return since > settleSeconds.atMost || (isOldGone && since > settleSeconds.atLeast)
    }
    if (changedAt === undefined) return now - began > triggerTimeoutSeconds
    const isGone = server !== undefined && host.processes().length === 0
    endedSince = isGone ? (endedSince ?? now) : undefined
    if (endedSince !== undefined && now - endedSince > endedSeconds) return true
    return now - began > Math.max(triggerTimeoutSeconds, Math.min(limitSeconds, longestSeconds))
  }
  await lookUntil(watch, failIfFaulty, isOver)
  const problem =
    changedAt === undefined ? nothingRestartedProblem(options, triggerTimeoutSeconds) : undefined
  return {triggeredAt, answeredAt, problem}
}

/**
 * Whether a process that came after the trigger has a connection that is answered. One that closes each connection at
 * once is not seen to have any: there it is enough that nobody else has listened any more when a client that was
 * answered came.
 */
function isAnswered(watch: GenerationWatch, {answeredPorts, tally}: Traffic): boolean {
  const seen = [...watch.state().seen.values()]
  const ports = answeredPorts()
  const current = seen.filter(({cause: by, to, looks}) => by > 0 && looks > 1 && to === undefined)
  if (current.some(({clients}) => clients.some((client) => ports.has(client)))) return true
  if (!current.some(({everListened}) => everListened)) return false
  const old = oldProcesses(watch.state()).filter(({everListened}) => everListened)
  const ends = old.map(({to}) => to?.to ?? Number.POSITIVE_INFINITY)
  const alone = Math.max(0, ...ends)
  return tally.answers.some(({from}) => from > alone)
}

/** @returns why it did not do what it should */
async function runTrigger(
  {host, options, server, signal}: Stage,
  words: readonly string[],
): Promise<CheckProblem | undefined> {
  const {port, triggerTimeoutSeconds, cwd} = options
  const pid = server?.start.pid
  const [command = '', ...args] = words.map((word) =>
    word.replaceAll('{port}', String(port)).replaceAll('{pid}', String(pid ?? '{pid}')),
  )
  const {triggerEnv = ownEnvironment()} = options
  const env = {...triggerEnv, PORT: String(port)}
  const start = await host.start({command, args, cwd, env})
  const timer = new AbortController()
  const either = AbortSignal.any([timer.signal, signal])
  const ending = await Promise.race([
    start.ended,
    delay(triggerTimeoutSeconds * 1000, undefined, {signal: either}),
  ]).finally(() => timer.abort())
  const text = words.join(' ')
  if (ending === undefined) {
    // What it has started is the user's; of a server of ours, all ends with the check.
    if (server === undefined) await host.signal(start, 'SIGTERM')
    return {
      kind: 'trigger-failed',
      message: `the trigger did not end within ${triggerTimeoutSeconds} s: ${text}`,
      remedy: 'raise --trigger-timeout, or use a command that returns',
    }
  }
  if (ending.code === 0) return undefined
  await start.silent
  const said = start.lines.errorLines().join(' / ')
  return {
    kind: 'trigger-failed',
    message: `the trigger ${endingWords(ending)}: ${text}${said === '' ? '' : `; its output: ${said}`}`,
    remedy: 'it runs without a shell; run it by hand while the server runs',
  }
}

function ownEnvironment(): Record<string, string> {
  const {NODE_OPTIONS: _, ...env} = process.env
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

function nothingRestartedProblem({triggers}: FilledReloadOptions, seconds: number): CheckProblem {
  return {
    kind: 'nothing-restarted',
    message:
      triggers.length === 0
        ? `nothing restarted within ${seconds} s`
        : `the trigger restarted nothing within ${seconds} s`,
    remedy:
      'check that it does what restarts the server (a watcher needs a file that it watches), or raise --trigger-timeout',
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
