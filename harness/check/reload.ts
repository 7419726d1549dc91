import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import {type ProcessIdentity, readProcesses} from '../processes/process-table.ts'
import {openRunningClock, starvedAtMostSeconds} from '../starvation.ts'
import {tooSlow} from '../too-slow.ts'
import type {Ask} from '../traffic/ask.ts'
import {openTraffic, type Traffic} from '../traffic/clients.ts'
import type {Tally} from '../traffic/tally.ts'
import type {CheckContext, CheckListeners} from './context.ts'
import {CouldNotMeasure} from './could-not-measure.ts'
import {recogniseRuntime} from './fixes.ts'
import {openGenerationWatch} from './generation-watch.ts'
import {type GenerationsState, newProcesses, oldProcesses} from './generations.ts'
import {missingPorts} from './other-ports.ts'
import {reloadAdvice} from './reload-advice.ts'
import {documented, judged} from './reload-document.ts'
import {type FilledReloadOptions, fillReloadOptions, type ReloadOptions} from './reload-options.ts'
import {
  assertSomebodyListens,
  chooseAsk,
  type Server,
  startServer,
  unseenProblem,
} from './reload-server.ts'
import {openServingReader} from './serving.ts'
import {onStage, problemOf} from './stage.ts'
import {
  type Act,
  assertTriggersThere,
  cause,
  lookUntil,
  nothingYet,
  type Reload,
  runTriggers,
} from './trigger.ts'

const timeoutSeconds = 5
/** How long it is watched before the trigger, so that its workers are known; on a busy machine that takes longer. */
const baselineSeconds = {atLeast: 0.5, atMost: 5}
const baselineLooks = 10
const baselineAnswers = 20
/** So many clients have come and gone: a server that forks for each of them has shown it. */
const baselineVisits = 3
/** How long the other ports may take once the new server answers. */
const otherPortsSeconds = 3

/**
 * Has a server restart by itself while clients come, and says who answered them, and what was lost.
 * @param signal ends the check early, with the reason's name in the document's `problem`
 * @throws UsageError for options that cannot be, a command or trigger that cannot be started, a port that is taken, or
 * that nobody listens on
 */
export async function checkReload(
  options: ReloadOptions,
  listeners: CheckListeners = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckDocument> {
  const filled = fillReloadOptions(options)
  const {attaches} = filled
  assertTriggersThere(filled)
  const unmeasured = {reuseaddr: {set: null, because: 'the server was not stopped'}}
  const advised = (document: CheckDocument) => ({...document, advice: reloadAdvice(document)})
  return onStage(
    {options: filled, listeners, signal, attaches, unmeasured, advised},
    async (context, blank) => {
      if (attaches) await assertSomebodyListens(filled, context.look)
      const server = attaches ? undefined : await startServer(context)
      return measure(context, filled, {server, blank, act: runTriggers})
    },
  )
}

export interface Measure {
  server: Server
  blank: CheckDocument
  act: Act
  /** More that the document says, of what became of the clients that came since. */
  more?(tally: Tally, reload: Reload): Partial<CheckDocument>
}

/** Lets clients come, causes a new generation, and counts until all is over. */
export async function measure(
  context: CheckContext,
  options: FilledReloadOptions,
  {server, blank, act, more = () => ({})}: Measure,
): Promise<CheckDocument> {
  const {platform, look, signal} = context
  const {address: host, port, rate, idle, inFlight} = options
  const target = {host, port, timeoutSeconds}
  const asks = await chooseAsk(options, {...target, signal}, server, context.host)
  const watch = openGenerationWatch({look, reader: openServingReader(platform, port)})
  const origin = monotonicSeconds()
  let fault: Error | undefined
  // A client that waits for a server, or for us, while that waits for a processor says nothing of the server.
  const running = openRunningClock(() => [process.pid, ...livingPids(watch.state())])
  const kept = () => watch.looks(2)
  const onFault = (error: Error) => {
    fault ??= error
  }
  const waiting = {...target, clock: running.seconds}
  const traffic = openTraffic({target: waiting, ask: asks, rate, idle, inFlight, kept, onFault})
  const failIfStarved = () => {
    if (running.isOverdrawn()) throw new CouldNotMeasure(starvedProblem)
  }
  const failIfFaulty = () => {
    signal.throwIfAborted()
    if (fault !== undefined) throw fault
    const unseen = watch.unseen()
    if (unseen.length > 0) throw new CouldNotMeasure(unseenProblem(options, unseen))
    failIfStarved()
  }

  const reload = nothingYet()
  let missing: number[] = []
  let began = origin
  let stoppedAt: number | undefined
  async function play() {
    await traffic.start()
    began = monotonicSeconds()
    await lookUntil(watch, failIfFaulty, () => {
      const seconds = monotonicSeconds() - began
      const isKnown = isBaseline(watch.state(), traffic, asks.kind)
      return seconds > (isKnown ? baselineSeconds.atLeast : baselineSeconds.atMost)
    })
    // What the last of those clients has left behind is over by then.
    await watch.looks(2)
    const before = readProcesses()
    const {seconds} = running
    const stage = {...context, options, watch, traffic, server, running: seconds, failIfFaulty}
    await cause(stage, act, reload)
    await traffic.stop()
    stoppedAt = monotonicSeconds()
    failIfStarved()
    const isOld = (pid: number) => isOldHolder(pid, watch.state(), before)
    const until = seconds() + otherPortsSeconds
    missing = await missingPorts(context, undefined, () => seconds() > until, isOld)
  }

  try {
    // What was counted before an interruption is told all the same.
    reload.problem = (await problemIn([play(), watch.failure], signal)) ?? reload.problem
    const played = {reload, began, endedAt: stoppedAt ?? monotonicSeconds(), missing}
    const measured = documented(context, options, {origin, watch, traffic, asks, ...played})
    const runtime = runtimeOf(options, server, [...watch.state().seen.values()])
    const all = {...blank, ...measured, ...more(traffic.tally, reload), runtime}
    return judged(all, watch.isSameListener())
  } finally {
    traffic.end()
    await watch.end()
  }
}

/**
 * Waits for the first of them, or for an interruption.
 * @returns why it did not come to its end
 * @throws any other error
 */
async function problemIn(
  playing: readonly Promise<unknown>[],
  signal: AbortSignal,
): Promise<CheckProblem | undefined> {
  const interrupted = deferred<never>()
  const interrupt = () => interrupted.reject(signal.reason)
  signal.addEventListener('abort', interrupt)
  try {
    if (signal.aborted) interrupt()
    await Promise.race([...playing, interrupted.promise])
    return undefined
  } catch (error) {
    return problemOf(error, signal)
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}

/** Whether it is known who serves: who accepts for a master shows only by connections that are seen twice. */
function isBaseline(
  {looks, seen}: GenerationsState,
  {tally: {answers}, closedVisits}: Traffic,
  asks: Ask['kind'],
): boolean {
  const serves = [...seen.values()].some(({everServed}) => everServed)
  return (
    looks >= baselineLooks &&
    closedVisits() >= baselineVisits &&
    (serves || answers.length >= baselineAnswers || asks === 'nothing')
  )
}

/**
 * Whether a process that listens on another port is of the old server. One that stays is not if it is the master of the
 * new processes, or has started them.
 */
function isOldHolder(
  pid: number,
  state: GenerationsState,
  before: readonly ProcessIdentity[],
): boolean {
  const table = new Map(readProcesses().map((entry) => [entry.pid, entry]))
  const entry = table.get(pid)
  // It has just ended: the next look is without it.
  if (entry === undefined) return true
  const {started} = entry
  const isIt = (each: ProcessIdentity) => each.pid === pid && each.started === started
  const now = newProcesses(state)
  if (!before.some(isIt) || now.some(isIt)) return false
  if (oldProcesses(state).some(isIt)) return true
  const isAbove = (below: number | undefined): boolean => {
    const parent = below === undefined ? undefined : table.get(below)?.parent
    return parent !== undefined && parent !== 0 && (parent === pid || isAbove(parent))
  }
  return ![...state.seen.values()].some(isIt) && !now.some((each) => isAbove(each.pid))
}

const starvedProblem: CheckProblem = {
  kind: 'too-slow',
  message: tooSlow(
    `the server, or this check, waited for a CPU for more than ${starvedAtMostSeconds} s`,
  ),
  remedy: 'repeat the check when this machine is less busy',
}

function livingPids({seen}: GenerationsState): number[] {
  return [...seen.values()].flatMap(({pid, ended}) => (ended === undefined ? [pid] : []))
}

function runtimeOf(
  {attaches, command}: FilledReloadOptions,
  server: Server,
  seen: readonly {command: string}[],
): string | null {
  const own = attaches ? [] : [command.join(' ')]
  const holding = [...(server?.holders ?? []), ...seen].map((each) => each.command)
  return recogniseRuntime([...holding, ...own])?.name ?? null
}
