import type {CheckDocument, CheckProblem, CheckRound} from '../documents/check-schema.ts'
import {describeHost, kernelOf} from '../documents/host.ts'
import {detectPlatform, ruleTexts} from '../platforms/detect.ts'
import type {Platform} from '../platforms/platform.ts'
import {compileActor} from '../processes/compile.ts'
import {resetSocket} from '../sockets/reset.ts'
import {isOutOfFiles} from '../sockets/system-error.ts'
import {adviceFor} from './advice.ts'
import type {CheckContext, CheckListeners, RunningServer} from './context.ts'
import {
  blindnessOf,
  CouldNotMeasure,
  notPermittedProblem,
  outOfFilesProblem,
  unseenProblem,
} from './could-not-measure.ts'
import {recogniseRuntime} from './fixes.ts'
import {inferReuseaddr} from './inference.ts'
import {openListened} from './listened.ts'
import {openListenerJudge} from './listeners.ts'
import {awaitListening} from './listening.ts'
import {type CheckOptions, commandToStart, fillOptions} from './options.ts'
import {viewPort} from './port-view.ts'
import {assertNobodyListens, startProblem} from './problems.ts'
import {playRound} from './round.ts'
import {isSafe} from './safe.ts'
import {openServerHost, starvedSeconds} from './server.ts'
import {judgeThresholds, type Measured} from './thresholds.ts'

const lookEveryMilliseconds = 10
/** An admin port, or a slow second listener, is not a reason to give up on a starting server. */
const elsewhereSeconds = 5

/**
 * Starts a server, restarts it under open connections, and says what became of its port.
 * @param signal ends the check early, with the reason's name in the document's `problem`
 * @returns the document that `rebind check --json` prints; its `problem` tells why it could not be measured
 * @throws UsageError for options that cannot be, a command that cannot be started, a port that is taken
 */
export async function checkRestart(
  options: CheckOptions,
  listeners: CheckListeners = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckDocument> {
  const filled = fillOptions(options)
  const {address, port, command, stop} = filled
  const platform = detectPlatform()
  const settings = await platform.readSettings()
  const blank: CheckDocument = {
    format: 'rebind-check',
    version: 1,
    host: describeHost(platform, settings),
    command: [...command],
    port,
    address,
    stop,
    safe: false,
    runtime: null,
    reuseaddr: {set: null, because: 'nothing was measured'},
    rounds: [],
    advice: [],
  }
  const blindness = await blindnessOf(platform, port)
  if (blindness !== undefined) return couldNotMeasure(blank, blindness, platform)
  const look = async () =>
    viewPort((await platform.readSockets?.({ports: [port], listeners: true})) ?? [], address, port)
  const before = await assertNobodyListens(filled, platform, look)
  const program = await compileActor()
  try {
    const host = await openServerHost(
      program,
      (output) => listeners.onOutput?.(output),
      (pid) => listeners.onSilent?.(pid),
    )
    const usedPorts = new Set<number>()
    const shared = {options: filled, platform, settings, look, host, before, usedPorts, signal}
    const context = {...listeners, ...shared}
    let left: readonly number[] = []
    const document = await play(context, blank).finally(async () => {
      left = await host.close()
    })
    if (left.length === 0 || document.problem !== undefined) return document
    return couldNotMeasure(document, notPermittedProblem(context, left, 'SIGKILL'), platform)
  } finally {
    await program.dispose()
  }
}

async function play(context: CheckContext, blank: CheckDocument): Promise<CheckDocument> {
  const {options, platform, signal} = context
  const rounds: CheckRound[] = []
  const commands = [options.command.join(' ')]
  let problem: CheckProblem | undefined
  let server: RunningServer | undefined
  try {
    const first = await startFirst(context)
    if ('problem' in first) problem = first.problem
    else server = first.running
    // What listens tells more than what was called: `npm start` is a Node server.
    commands.unshift(...(server?.holders.map(({command}) => command) ?? []))
    while (server !== undefined && rounds.length < options.rounds) {
      const played = await playRound(context, rounds.length + 1, server)
      if ('problem' in played) {
        problem = played.problem
        break
      }
      rounds.push(played.round)
      server = played.successor
    }
    if (server?.waiting !== undefined) resetSocket(server.waiting.client.socket)
  } catch (error) {
    if (signal.aborted) {
      const message = `interrupted by ${signal.reason}`
      const remedy = 'run it again, perhaps with a smaller --limit'
      problem = {kind: 'interrupted', message, remedy}
    } else if (error instanceof CouldNotMeasure) problem = error.problem
    else if (isOutOfFiles(error)) problem = outOfFilesProblem(error)
    else throw error
  }
  const thresholds = judgeThresholds(options, measuredIn(rounds, options.rounds))
  const reuseaddr = inferReuseaddr(rounds, platform, options.address, kernelOf(blank.host))
  const document: CheckDocument = {
    ...blank,
    safe:
      problem === undefined &&
      rounds.length === options.rounds &&
      rounds.every(isSafe) &&
      thresholds.every(({met}) => met),
    ...(problem === undefined ? {} : {problem}),
    runtime: recogniseRuntime(commands)?.name ?? null,
    reuseaddr,
    rules: ruleTexts(platform.rules, reuseaddr.rule === undefined ? [] : [reuseaddr.rule]),
    rounds,
    ...(thresholds.length === 0 ? {} : {thresholds}),
  }
  return {...document, advice: adviceFor(document, platform)}
}

/** The worst of all rounds; null where one had no end, or was not played. */
function measuredIn(rounds: readonly CheckRound[], asked: number): Measured {
  const worst = (values: (number | null)[]) =>
    values.length < asked || values.includes(null)
      ? null
      : Math.max(...values.map((value) => value ?? 0))
  return {
    maxOutageSeconds: worst(rounds.map(({outageSeconds}) => outageSeconds)),
    maxLost:
      rounds.length < asked
        ? null
        : rounds.reduce((sum, each) => sum + each.refusedConnections + each.failedConnections, 0),
    maxWaitSeconds: worst(rounds.map(({waitSeconds}) => waitSeconds)),
  }
}

/** Starts the command for the first time. Nothing connects to it before it listens, where that shows. */
async function startFirst(
  context: CheckContext,
): Promise<{running: RunningServer} | {problem: CheckProblem}> {
  const {options, host, look, signal} = context
  const left = (await look()).connections
  for (const {entry} of left) context.usedPorts.add(entry.remote.port)
  signal.throwIfAborted()
  const start = await host.start(commandToStart(options))
  const {pid, startedAt} = start
  context.onEvent?.('process', {at: startedAt, role: 'predecessor', pid, change: 'started'})
  const listened = openListened()
  const outcome = await awaitListening({
    context,
    server: start,
    judge: openListenerJudge(context, start, listened),
    prober: undefined,
    deadline: startedAt + options.startTimeoutSeconds,
    elsewhereSeconds,
    lookEveryMilliseconds,
  })
  switch (outcome.kind) {
    case 'listening': {
      const startupSeconds = Math.max(0, outcome.at - startedAt)
      const first = {
        startedAt,
        startupSeconds,
        atLeastSeconds: Math.max(0, outcome.notBefore - startedAt - starvedSeconds(host, start)),
        readsAsInUse: start.lines.readsAsInUse(),
      }
      const {holders} = outcome
      const {spans} = listened
      return {running: {start, startupSeconds, first, spans, holders, waiting: undefined}}
    }
    case 'unseen':
      return {problem: unseenProblem(context, start, outcome)}
    case 'beside-old':
    case 'not-let-in':
    case 'stopped-listening':
    case 'ended-after-listening':
      throw new Error(`a first start cannot have ${outcome.kind}`)
    default:
      if (outcome.kind === 'exited') await start.silent
      return {problem: startProblem(outcome, start, options, left)}
  }
}

function couldNotMeasure(
  blank: CheckDocument,
  problem: CheckProblem,
  platform: Platform,
): CheckDocument {
  const document = {...blank, safe: false, problem}
  return {...document, advice: adviceFor(document, platform)}
}
