import {monotonicSeconds} from '../clock.ts'
import type {CheckDocument} from '../documents/check-schema.ts'
import type {Ask} from '../traffic/ask.ts'
import {openTraffic} from '../traffic/clients.ts'
import type {Tally} from '../traffic/tally.ts'
import type {CheckContext, CheckListeners} from './context.ts'
import {CouldNotMeasure} from './could-not-measure.ts'
import {recogniseRuntime} from './fixes.ts'
import {openGenerationWatch} from './generation-watch.ts'
import type {GenerationsState} from './generations.ts'
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
import {onStage} from './stage.ts'
import {type Act, cause, lookUntil, type Reload, runTriggers} from './trigger.ts'

const timeoutSeconds = 5
/** How long it is watched before the trigger, so that its workers are known; on a busy machine that takes longer. */
const baselineSeconds = {atLeast: 0.5, atMost: 5}
const baselineLooks = 10
const baselineAnswers = 20
/** How long the other ports may take once the new server answers. */
const otherPortsSeconds = 3

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
  const {attaches} = filled
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
  const asks = await chooseAsk(options, target, server)
  const watch = openGenerationWatch({look, reader: openServingReader(platform, port)})
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

  async function play() {
    await traffic.start()
    const began = monotonicSeconds()
    await lookUntil(watch, failIfFaulty, () => {
      const seconds = monotonicSeconds() - began
      const isKnown = isBaseline(watch.state(), traffic.tally, asks.kind)
      return seconds > (isKnown ? baselineSeconds.atLeast : baselineSeconds.atMost)
    })
    const reload = await cause({...context, options, watch, traffic, server, failIfFaulty}, act)
    await traffic.stop()
    const seconds = monotonicSeconds() - began
    // What started is a trigger or a watcher's child: whoever listens is taken for it.
    const missing = await missingPorts(context, undefined, monotonicSeconds() + otherPortsSeconds)
    return {reload, seconds, missing}
  }

  try {
    const played = await Promise.race([play(), watch.failure])
    const measured = documented(context, options, {origin, watch, traffic, asks, ...played})
    const runtime = runtimeOf(options, server, [...watch.state().seen.values()])
    const all = {...blank, ...measured, ...more(traffic.tally, played.reload), runtime}
    return judged(all, watch.isSameListener())
  } finally {
    traffic.end()
    await watch.end()
  }
}

/** Whether it is known who serves: who accepts for a master shows only by connections that are seen twice. */
function isBaseline({looks, seen}: GenerationsState, {answers}: Tally, asks: Ask['kind']): boolean {
  const serves = [...seen.values()].some(({everServed}) => everServed)
  return (
    looks >= baselineLooks && (serves || answers.length >= baselineAnswers || asks === 'nothing')
  )
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
