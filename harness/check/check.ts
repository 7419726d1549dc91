import {monotonicSeconds} from '../clock.ts'
import type {CheckDocument, CheckProblem, CheckRound} from '../documents/check-schema.ts'
import {kernelOf} from '../documents/host.ts'
import {platformOf, ruleTexts} from '../platforms/detect.ts'
import {resetSocket} from '../sockets/reset.ts'
import {adviceFor} from './advice.ts'
import {awaitListening} from './await-listening.ts'
import type {CheckContext, CheckListeners, RunningServer} from './context.ts'
import {unseenProblem} from './could-not-measure.ts'
import {recogniseRuntime} from './fixes.ts'
import {inferReuseaddr} from './inference.ts'
import {openListened} from './listened.ts'
import {openListenerJudge} from './listeners.ts'
import {type CheckOptions, commandToStart, fillOptions} from './options.ts'
import {missingPorts} from './other-ports.ts'
import {missingPortsProblem, startProblem} from './problems.ts'
import {playRound} from './round.ts'
import {isSafe} from './safe.ts'
import {starvedSeconds} from './server.ts'
import {onStage, problemOf} from './stage.ts'
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
  const unmeasured = {reuseaddr: {set: null, because: 'nothing was measured'}}
  const advised = (document: CheckDocument) => ({
    ...document,
    advice: adviceFor(document, platformOf(document.host.stack)),
  })
  return onStage({options: fillOptions(options), listeners, signal, unmeasured, advised}, play)
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
      if (played.round.interrupted === true) signal.throwIfAborted()
      server = played.successor
    }
    if (server?.waiting !== undefined) resetSocket(server.waiting.client.socket)
  } catch (error) {
    problem = problemOf(error, signal)
  }
  const thresholds = judgeThresholds(options, measuredIn(rounds, options.rounds))
  const reuseaddr = inferReuseaddr(rounds, platform, options.address, kernelOf(blank.host))
  return {
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
      const until = startedAt + options.startTimeoutSeconds
      const missing = await missingPorts(context, start, () => monotonicSeconds() > until)
      if (missing.length > 0) return {problem: missingPortsProblem(missing, start, options)}
      const startupSeconds = Math.max(0, outcome.at - startedAt)
      const first = {
        startedAt,
        startupSeconds,
        allPortsSeconds: Math.max(startupSeconds, monotonicSeconds() - startedAt),
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
    case 'not-on-all-ports':
    case 'not-let-in':
    case 'stopped-listening':
    case 'ended-after-listening':
      throw new Error(`a first start cannot have ${outcome.kind}`)
    default:
      if (outcome.kind === 'exited') await start.silent
      return {problem: startProblem(outcome, start, options, left)}
  }
}
