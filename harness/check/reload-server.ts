import {setTimeout as delay, setImmediate as nextTurn} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckProblem} from '../documents/check-schema.ts'
import {UsageError} from '../errors.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {Ask} from '../traffic/ask.ts'
import {connect, Failed, type Target} from '../traffic/connection.ts'
import {awaitListening} from './await-listening.ts'
import type {CheckContext} from './context.ts'
import {CouldNotMeasure} from './could-not-measure.ts'
import {openListened} from './listened.ts'
import {openListenerJudge} from './listeners.ts'
import {commandToStart, type FilledOptions} from './options.ts'
import {missingPorts} from './other-ports.ts'
import {openPatience} from './patience.ts'
import {endWords, holdersOf, type PortView} from './port-view.ts'
import {missingPortsProblem, startProblem, unreachableProblem} from './problems.ts'
import type {ServerStart} from './server.ts'

/** A server that speaks first does so within this. */
const greetsWithinSeconds = 0.3
const lookEveryMilliseconds = 10
const elsewhereSeconds = 5

/** Undefined for one that was not started by us. */
export type Server = {start: ServerStart; holders: Holder[]} | undefined

/** Starts the command, and waits until it listens. @throws CouldNotMeasure */
export async function startServer(context: CheckContext): Promise<NonNullable<Server>> {
  const {options, look, host, platform} = context
  const start = await host.start(commandToStart(options))
  const judge = openListenerJudge(context, start, openListened())
  const outcome = await awaitListening({
    ...{context, server: start, judge, prober: undefined},
    ...{deadline: start.startedAt + options.startTimeoutSeconds},
    ...{elsewhereSeconds, lookEveryMilliseconds},
  })
  switch (outcome.kind) {
    case 'listening': {
      const until = start.startedAt + options.startTimeoutSeconds
      const missing = await missingPorts(context, start, () => monotonicSeconds() > until)
      if (missing.length > 0) {
        throw new CouldNotMeasure(missingPortsProblem(missing, start, options))
      }
      return {start, holders: outcome.holders}
    }
    case 'daemonised':
      throw new CouldNotMeasure({
        kind: 'daemonised',
        message: `the server daemonizes: the command has exited, and pid ${outcome.holders.map(({pid}) => pid).join(', ')} listens`,
        remedy: 'start it yourself, and measure it with --attach instead of a command',
      })
    case 'unseen':
      throw new CouldNotMeasure(unseenProblem(options, outcome.sockets))
    case 'beside-old':
    case 'not-on-all-ports':
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

/** @throws UsageError */
export async function assertSomebodyListens(
  {port, alsoPorts, address}: FilledOptions,
  look: () => Promise<PortView>,
): Promise<void> {
  const {listeners, listenersOnOtherAddresses, allListeners} = await look()
  const silent = alsoPorts.find((each) => !allListeners.some(({local}) => local.port === each))
  if (listeners.length > 0 && silent !== undefined) {
    throw new UsageError(`nobody listens on port ${silent}; leave that --port out`)
  }
  if (listeners.length > 0) return
  const elsewhere = listenersOnOtherAddresses.map(({local}) => endWords(local))
  throw new UsageError(
    elsewhere.length > 0
      ? `nobody listens on ${address}:${port}, but on ${elsewhere.join(', ')}; pass that address with --host`
      : `nobody listens on port ${port}; start the server first, or give its command after --`,
  )
}

export function unseenProblem(
  {port}: Pick<FilledOptions, 'port'>,
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
export async function chooseAsk(
  options: FilledOptions & {http?: string},
  target: Target,
  server: Server,
  host: CheckContext['host'],
): Promise<Ask> {
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
      return (await isGreeted(host, server, answer)) ? wanted : {kind: 'nothing'}
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

/** Whether a server says something by itself. What it, or we, waited for a processor does not count. */
async function isGreeted(
  host: CheckContext['host'],
  server: Server,
  answer: Promise<unknown>,
): Promise<boolean> {
  const isOver =
    server === undefined
      ? () => true
      : openPatience(host, server.start, greetsWithinSeconds, 'say anything')
  for (;;) {
    const said = await Promise.race([
      answer.then(() => true),
      // An answer that is there already comes with the next turn.
      delay(greetsWithinSeconds * 1000).then(() => nextTurn(false)),
    ])
    if (said) return true
    if (isOver()) return false
  }
}
