import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import {describeHost} from '../documents/host.ts'
import {UsageError} from '../errors.ts'
import {detectPlatform} from '../platforms/detect.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {compileActor} from '../processes/compile.ts'
import {isOutOfFiles} from '../sockets/system-error.ts'
import {tooSlow} from '../too-slow.ts'
import type {Ask} from '../traffic/ask.ts'
import {openTraffic, type Traffic} from '../traffic/clients.ts'
import {connect, Failed, type Target} from '../traffic/connection.ts'
import type {CheckListeners} from './context.ts'
import {
  blindnessOf,
  CouldNotMeasure,
  notPermittedProblem,
  outOfFilesProblem,
} from './could-not-measure.ts'
import {endingWords} from './errors-seen.ts'
import {recogniseRuntime} from './fixes.ts'
import {type GenerationWatch, openGenerationWatch} from './generation-watch.ts'
import {generationsOf, hasChanged} from './generations.ts'
import {openListened} from './listened.ts'
import {openListenerJudge} from './listeners.ts'
import {awaitListening} from './listening.ts'
import {explainLosses, withoutListenerSeconds} from './losses.ts'
import {commandToStart} from './options.ts'
import {endWords, holdersOf, type PortView, viewPort} from './port-view.ts'
import {assertNobodyListens, startProblem, unreachableProblem} from './problems.ts'
import {reloadAdvice} from './reload-advice.ts'
import {type FilledReloadOptions, fillReloadOptions, type ReloadOptions} from './reload-options.ts'
import {openServerHost, type ServerHost, type ServerStart} from './server.ts'
import {openServingReader} from './serving.ts'
import {judgeThresholds} from './thresholds.ts'

const timeoutSeconds = 5
/** A server that speaks first does so within this. */
const greetsWithinMilliseconds = 300
/** How long it is watched before the trigger, so that its workers are known. */
const baselineSeconds = 0.5
/** How long the old generation is waited for once the new one answers, and how long the new one is watched. */
const settleSeconds = {atLeast: 0.5, atMost: 3}
/** If the command has ended and nobody of it is left, nobody will answer any more. */
const endedSeconds = 1
const lookEveryMilliseconds = 10
/** By how much a client may be late. */
const punctualSeconds = 0.1
const elsewhereSeconds = 5

/**
 * Has a server restart by itself while clients come, and says who answered them, and what was lost.
 * @param signal ends the check early, with the reason's name in the document's `problem`
 * @throws UsageError for options that cannot be, a command that cannot be started, a port that is taken, or that
 * nobody listens on
 */
export async function checkReload(
  options: ReloadOptions,
  listeners: CheckListeners = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckDocument> {
  const filled = fillReloadOptions(options)
  const {address, port} = filled
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const blank: CheckDocument = {
    format: 'rebind-check',
    version: 1,
    host: describeHost(platform, settings),
    command: filled.attaches ? [] : [...filled.command],
    port,
    address,
    stop: filled.stop,
    safe: false,
    runtime: null,
    reuseaddr: {set: null, because: 'the server was not stopped'},
    rounds: [],
    advice: [],
  }
  const blindness = await blindnessOf(platform, port)
  if (blindness !== undefined) return withProblem(blank, blindness)
  const look = async () =>
    viewPort((await platform.readSockets?.({ports: [port], listeners: true})) ?? [], address, port)
  if (filled.attaches) await assertSomebodyListens(filled, look)
  const before = filled.attaches ? [] : await assertNobodyListens(filled, platform, look)
  const program = await compileActor()
  try {
    const host = await openServerHost(
      program,
      (output) => listeners.onOutput?.(output),
      (pid) => listeners.onSilent?.(pid),
    )
    let left: readonly number[] = []
    const context = {
      ...{options: filled, platform, settings, look, host, before, signal},
      listeners,
    }
    const document = await play(context, blank).finally(async () => {
      left = await host.close()
    })
    if (left.length === 0 || document.problem !== undefined) return document
    return withProblem(document, notPermittedProblem({host}, left, 'SIGKILL'))
  } finally {
    await program.dispose()
  }
}

interface ReloadContext {
  options: FilledReloadOptions
  platform: Platform
  settings: Settings
  look(): Promise<PortView>
  host: ServerHost
  before: Awaited<ReturnType<typeof assertNobodyListens>>
  signal: AbortSignal
  listeners: CheckListeners
}

async function play(context: ReloadContext, blank: CheckDocument): Promise<CheckDocument> {
  const {signal} = context
  try {
    const server = await serverOf(context)
    const measured = await measure(context, server)
    return completed({...blank, ...measured, runtime: runtimeOf(context, server, measured)})
  } catch (error) {
    if (signal.aborted) {
      const message = `interrupted by ${signal.reason}`
      return withProblem(blank, {kind: 'interrupted', message, remedy: 'run it again'})
    }
    if (error instanceof CouldNotMeasure) return withProblem(blank, error.problem)
    if (isOutOfFiles(error)) return withProblem(blank, outOfFilesProblem(error))
    throw error
  }
}

/** Undefined for one that was not started by us. */
type Server = {start: ServerStart; holders: Holder[]} | undefined

async function serverOf(context: ReloadContext): Promise<Server> {
  const {options, look, host, platform} = context
  if (options.attaches) return undefined
  const start = await host.start(commandToStart(options))
  const judge = openListenerJudge(context, start, openListened())
  const outcome = await awaitListening({
    ...{context, server: start, judge, prober: undefined},
    ...{deadline: start.startedAt + options.startTimeoutSeconds},
    ...{elsewhereSeconds, lookEveryMilliseconds},
  })
  switch (outcome.kind) {
    case 'listening':
      return {start, holders: outcome.holders}
    case 'daemonised':
      throw new CouldNotMeasure({
        kind: 'daemonised',
        message: `the server daemonizes: the command has exited, and pid ${outcome.holders.map(({pid}) => pid).join(', ')} listens`,
        remedy: 'start it yourself, and measure it with --attach instead of a command',
      })
    case 'unseen':
      throw new CouldNotMeasure(unseenProblem(options, outcome.sockets))
    case 'beside-old':
    case 'not-let-in':
    case 'stopped-listening':
    case 'ended-after-listening':
      throw new Error(`a first start cannot have ${outcome.kind}`)
    default: {
      if (outcome.kind === 'exited') await start.silent
      const {connections} = await look()
      const problem = startProblem(outcome, start, options, connections)
      // `pm2 start` leaves its servers to a process of its own.
      const holders = await holdersOf(platform, options.port, (await look()).listeners)
      throw new CouldNotMeasure(
        outcome.kind === 'exited' && outcome.ending.code === 0 && holders.length > 0
          ? {...problem, remedy: 'use --attach for a server that leaves its command, as pm2 does'}
          : problem,
      )
    }
  }
}

async function assertSomebodyListens(
  {port, address}: FilledReloadOptions,
  look: () => Promise<PortView>,
): Promise<void> {
  const {listeners, listenersOnOtherAddresses} = await look()
  if (listeners.length > 0) return
  const elsewhere = listenersOnOtherAddresses.map(({local}) => endWords(local))
  throw new UsageError(
    elsewhere.length > 0
      ? `nobody listens on ${address}:${port}, but on ${elsewhere.join(', ')}; pass that address with --host`
      : `nobody listens on port ${port}; start the server first, or give its command after --`,
  )
}

function unseenProblem(
  {port}: Pick<FilledReloadOptions, 'port'>,
  sockets: readonly {local: {address: string; port: number}}[],
): CheckProblem {
  const where = [...new Set(sockets.map(({local}) => endWords(local)))].join(', ')
  return {
    kind: 'unseen',
    message: `cannot see who answers on ${where}: the server is another user's, or hides its sockets`,
    remedy: `run the check as the server's user, or with sudo (rebind why ${port} shows more)`,
  }
}

/** What each client asks; proven once, before anything is counted. @throws CouldNotMeasure */
async function chooseAsk({options}: ReloadContext, target: Target, server: Server): Promise<Ask> {
  const {http, send} = options
  const wanted: Ask =
    http !== undefined
      ? {kind: 'http', path: http}
      : send.length > 0
        ? {kind: 'text', text: send}
        : {kind: 'greeting'}
  try {
    const connection = await connect(target)
    try {
      const answer = connection.ask(wanted)
      answer.catch(() => undefined)
      if (wanted.kind !== 'greeting') {
        await answer
        return wanted
      }
      return await Promise.race([
        answer.then((): Ask => wanted),
        delay(greetsWithinMilliseconds).then((): Ask => ({kind: 'nothing'})),
      ])
    } finally {
      connection.close()
    }
  } catch (error) {
    if (!(error instanceof Failed)) throw error
    // It closes without a word: that it was accepted is all that can be known.
    if (wanted.kind === 'greeting' && error.failure === 'cut-off') return {kind: 'nothing'}
    if (wanted.kind === 'text' && error.failure === 'unanswered') return {kind: 'nothing'}
    if (server !== undefined) {
      throw new CouldNotMeasure(unreachableProblem(error, options, server.start))
    }
    throw new CouldNotMeasure({
      kind: 'unreachable',
      message: `the server does not answer on ${options.address}:${options.port} (${error.message})`,
      remedy: 'check --host, and --http or --send',
    })
  }
}

type MeasuredParts = Pick<
  CheckDocument,
  'trigger' | 'traffic' | 'lossless' | 'losses' | 'thresholds' | 'problem'
> & {commands: string[]; isSameListener: boolean}

async function measure(context: ReloadContext, server: Server): Promise<MeasuredParts> {
  const {options, platform, look, signal} = context
  const {address: host, port, rate, idle, inFlight} = options
  const target = {host, port, timeoutSeconds}
  const asks = await chooseAsk(context, target, server)
  const reader = openServingReader(platform, port)
  const watch = openGenerationWatch({look, reader})
  const origin = monotonicSeconds()
  let fault: Error | undefined
  const kept = () => watch.looks(2)
  const onFault = (error: Error) => {
    fault ??= error
  }
  const traffic = openTraffic({target, ask: asks, rate, idle, inFlight, kept, onFault})
  const failIfFaulty = () => {
    signal.throwIfAborted()
    if (fault !== undefined) throw fault
    const unseen = watch.unseen()
    if (unseen.length > 0) throw new CouldNotMeasure(unseenProblem(options, unseen))
  }
  try {
    const played = async () => {
      await traffic.start()
      const began = monotonicSeconds()
      await lookUntil(watch, failIfFaulty, () => monotonicSeconds() - began > baselineSeconds)
      const reload = await cause({...context, origin, watch, traffic, server, failIfFaulty})
      await traffic.stop()
      const seconds = monotonicSeconds() - began
      return {reload, seconds}
    }
    const {reload, seconds} = await Promise.race([played(), watch.failure])
    return {
      ...documented(context, {origin, watch, traffic, asks, seconds, reload}),
      isSameListener: watch.isSameListener(),
      commands: [...watch.state().seen.values()].map(({command}) => command),
    }
  } finally {
    traffic.end()
    await watch.end()
  }
}

/** Goes on from look to look until that is so. */
async function lookUntil(
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

interface Reload {
  /** When each trigger was started, monotonic. */
  triggeredAt: number[]
  /** When a new generation first had a client that it answered; undefined if none did. */
  answeredAt: number | undefined
  problem: CheckProblem | undefined
}

type Stage = ReloadContext & {
  origin: number
  watch: GenerationWatch
  traffic: Traffic
  server: Server
  failIfFaulty(): void
}

/** Runs the triggers, and waits for what comes of them. */
async function cause(stage: Stage): Promise<Reload> {
  const {options, watch, traffic, server, host, failIfFaulty} = stage
  const {triggers, triggerTimeoutSeconds, limitSeconds} = options
  const triggeredAt: number[] = []
  watch.cause()
  if (triggers.length === 0) triggeredAt.push(monotonicSeconds())
  for (const trigger of triggers) {
    triggeredAt.push(monotonicSeconds())
    const problem = await runTrigger(stage, trigger)
    if (problem !== undefined) return {triggeredAt, answeredAt: undefined, problem}
  }
  const began = triggeredAt[0] ?? monotonicSeconds()
  let answeredAt: number | undefined
  let changedAt: number | undefined
  let endedSince: number | undefined
  const isOver = () => {
    const now = monotonicSeconds()
    const state = watch.state()
    if (hasChanged(state)) changedAt ??= now
    if (answeredAt === undefined && isAnswered(watch, traffic)) answeredAt = now
    if (answeredAt !== undefined) {
      const since = now - answeredAt
      const isOldGone = generationsOf(state).every(({cause: by, to}) => by > 0 || to !== undefined)
      return since > settleSeconds.atMost || (isOldGone && since > settleSeconds.atLeast)
    }
    if (changedAt === undefined) return now - began > triggerTimeoutSeconds
    const isGone = server !== undefined && host.processes().length === 0
    endedSince = isGone ? (endedSince ?? now) : undefined
    if (endedSince !== undefined && now - endedSince > endedSeconds) return true
    return now - began > Math.max(triggerTimeoutSeconds, Math.min(limitSeconds, 60))
  }
  await lookUntil(watch, failIfFaulty, isOver)
  const problem =
    changedAt === undefined ? nothingRestartedProblem(options, triggerTimeoutSeconds) : undefined
  return {triggeredAt, answeredAt, problem}
}

/** Whether a process that came after the trigger has a connection that is answered. */
function isAnswered(watch: GenerationWatch, traffic: Traffic): boolean {
  const {seen} = watch.state()
  const ports = traffic.answeredPorts()
  return [...seen.values()].some(
    ({cause: by, to, clients, looks}) =>
      by > 0 && looks > 1 && to === undefined && clients.some((client) => ports.has(client)),
  )
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
  const {NODE_OPTIONS: _, ...env} = process.env
  const inherited = Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  const start = await host.start({
    ...{command, args, cwd},
    env: {...inherited, PORT: String(port)},
  })
  const timer = new AbortController()
  const ending = await Promise.race([
    start.ended,
    delay(triggerTimeoutSeconds * 1000, undefined, {signal: timer.signal}),
  ]).finally(() => timer.abort())
  signal.throwIfAborted()
  const text = words.join(' ')
  if (ending === undefined) {
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

interface MeasuredReload {
  origin: number
  watch: GenerationWatch
  traffic: Traffic
  asks: Ask
  /** How long clients came. */
  seconds: number
  reload: Reload
}

function documented(
  {options, settings, platform}: ReloadContext,
  {origin, watch, traffic, asks, seconds, reload}: MeasuredReload,
): Omit<MeasuredParts, 'commands' | 'isSameListener'> {
  const {tally} = traffic
  const state = watch.state()
  const moment = (at: number) => Math.max(0, at - origin)
  const [triggeredAt = origin] = reload.triggeredAt
  const answeredAfterSeconds =
    reload.answeredAt === undefined ? null : Math.max(0, reload.answeredAt - triggeredAt)
  const migrates = platform.stack === 'linux' ? (settings.tcp_migrate_req ?? null) : null
  const losses = explainLosses(tally.losses, {
    ...{state, sighting: watch.sighting, mostListeners: watch.mostListeners()},
    migratesQueues:
      migrates === null ? (platform.stack === 'linux' ? false : null) : migrates === 1,
  })
  const lost = Object.values(tally.lanes).reduce(
    (sum, {refused, reset, cutOff, unanswered}) => sum + refused + reset + cutOff + unanswered,
    0,
  )
  const lossless = lost > 0 ? false : asks.kind === 'nothing' ? null : true
  const gap = tally.longestGapSeconds(origin + seconds)
  const without = withoutListenerSeconds(state)
  const thresholds = judgeThresholds(options, {
    maxOutageSeconds: gap,
    maxLost: asks.kind === 'nothing' && lost === 0 ? null : lost,
    maxWaitSeconds: answeredAfterSeconds,
  })
  const {lanes} = tally
  return {
    trigger: {
      command: options.triggers.map((words) => words.join(' ')),
      at: reload.triggeredAt.map(moment),
      reloaded: reload.answeredAt !== undefined,
      answeredAfterSeconds,
      withoutListenerSeconds: [without.atLeast, without.atMost],
      generations: generationsOf(state).map(({processes, from, to}) => ({
        processes: processes.map(({pid, started, command}) => ({
          ...{pid, startedAt: started, command},
        })),
        from: [moment(from.from), moment(from.to)],
        to: to === undefined ? null : [moment(to.from), moment(to.to)],
      })),
    },
    traffic: {
      ...{asks: asks.kind, rate: options.rate, seconds},
      ...{new: {...lanes.new}, idle: {...lanes.idle}, inFlight: {...lanes['in-flight']}},
      idleClosed: tally.idleClosed,
      statusClasses: tally.statusClasses,
      withoutPort: tally.withoutPort,
      latestSeconds: traffic.latestSeconds(),
      longestGapSeconds: gap,
    },
    lossless,
    losses: losses.map((each) => ({...each})),
    ...(thresholds.length === 0 ? {} : {thresholds}),
    ...(reload.problem === undefined ? {} : {problem: reload.problem}),
  }
}

/** With the verdict, by what was measured. */
function completed(parts: CheckDocument & Pick<MeasuredParts, 'commands' | 'isSameListener'>) {
  const {commands: _, isSameListener, ...document} = parts
  const {thresholds = [], trigger, lossless, problem} = document
  const unmeasured = thresholds.find(({measured}) => measured === null)
  const own: CheckProblem | undefined =
    problem ??
    (isSameListener ? undefined : tooSlowToTell(document)) ??
    (unmeasured === undefined || trigger?.reloaded !== true
      ? undefined
      : {
          kind: 'threshold-not-measured',
          message: `--${unmeasured.name} cannot be judged: the server answers nothing that a client could wait for`,
          remedy: 'give it something to answer, with --http PATH or --send TEXT',
        })
  const safe =
    own === undefined &&
    trigger?.reloaded === true &&
    lossless !== false &&
    thresholds.every(({met}) => met)
  const judged = {...document, safe, ...(own === undefined ? {} : {problem: own})}
  return {...judged, advice: reloadAdvice(judged)}
}

/** Who came too late may have missed an outage; what was lost is lost all the same. */
function tooSlowToTell({traffic, lossless}: CheckDocument): CheckProblem | undefined {
  const {latestSeconds = 0} = traffic ?? {}
  if (lossless === false || latestSeconds <= punctualSeconds) return undefined
  return {
    kind: 'too-slow',
    message: tooSlow(
      `a client came ${latestSeconds.toFixed(2)} s late, so that an outage of that length would not have been seen`,
    ),
    remedy: 'repeat the check when this machine is less busy, or with a lower --rate',
  }
}

function withProblem(document: CheckDocument, problem: CheckProblem): CheckDocument {
  const judged = {...document, safe: false, problem}
  return {...judged, advice: reloadAdvice(judged)}
}

function runtimeOf(
  {options}: ReloadContext,
  server: Server,
  {commands}: MeasuredParts,
): string | null {
  const own = options.attaches ? [] : [options.command.join(' ')]
  const holding = server?.holders.map(({command}) => command) ?? []
  return recogniseRuntime([...holding, ...commands, ...own])?.name ?? null
}
