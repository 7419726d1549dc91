import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import {connect, Failed, type Target} from '../traffic/connection.ts'
import {clearAway} from './clear-away.ts'
import type {CheckContext, CheckListeners} from './context.ts'
import {CouldNotMeasure} from './could-not-measure.ts'
import {endingWords} from './errors-seen.ts'
import {recogniseRuntime} from './fixes.ts'
import {type CheckOptions, commandToStart, type FilledOptions, fillOptions} from './options.ts'
import {openPatience, secondsLike} from './patience.ts'
import {endWords, holdersOf, holdersOfEach} from './port-view.ts'
import {startServer, unseenProblem} from './reload-server.ts'
import type {ServerStart} from './server.ts'
import {onStage, problemOf} from './stage.ts'
import {twiceAdvice} from './twice-advice.ts'

export type SecondVerdict = NonNullable<CheckDocument['twice']>[number]['verdict']

/** What a second start is tried with: the address that takes the place of `{host}`, or null for the command as it is. */
const addresses = ['127.0.0.1', '0.0.0.0', '::'] as const
const hostPlaceholder = '{host}'

/** So many clients come once both listen, if that does not take too long. */
const clients = 100
const timeoutSeconds = 5
const lookEveryMilliseconds = 20
/** One that both have is seen in two looks: the first may be taken by surprise and end. */
const staysSeconds = 0.5
/** Client's connection is looked up while it is open; accept(2) may come a moment after the handshake. */
const acceptsWithinSeconds = 1
const acceptedEveryMilliseconds = 10
/** After so long no more of them come: nobody accepts them, or the queues are full. */
const clientsWithinSeconds = 20

/**
 * Starts a server a second time beside itself, and says what the second one does: it should fail, and say why.
 * @throws UsageError for options that cannot be, a command that cannot be started, a port that is taken
 */
export async function checkSecondInstance(
  options: CheckOptions,
  listeners: CheckListeners = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckDocument> {
  const filled = fillOptions(options)
  const unmeasured = {reuseaddr: {set: null, because: 'the server was not stopped'}}
  const advised = (document: CheckDocument) => ({...document, advice: twiceAdvice(document)})
  return onStage({options: filled, listeners, signal, unmeasured, advised}, play)
}

async function play(context: CheckContext, blank: CheckDocument): Promise<CheckDocument> {
  const {options} = context
  const takesHost = [...options.command, ...Object.values(options.env)].some((word) =>
    word.includes(hostPlaceholder),
  )
  const asFirst = {...context, options: atHost(options, options.address)}
  const {start, holders} = await startServer(asFirst)
  const first = {start, seconds: monotonicSeconds() - start.startedAt}
  const twice: NonNullable<CheckDocument['twice']> = []
  let problem: CheckProblem | undefined
  try {
    for (const address of takesHost ? addresses : [null]) {
      context.signal.throwIfAborted()
      const asked = atHost(options, address ?? options.address)
      const {answeredBy, ...second} = await startSecond({...context, options: asked}, first)
      const hasEnded = start.ending() !== undefined
      const verdict = hasEnded && second.verdict === 'refuses' ? 'hijacks' : second.verdict
      twice.push({address, answeredBy: answeredBy && {...answeredBy}, ...second, verdict})
      if (hasEnded) break
    }
  } catch (error) {
    problem = problemOf(error, context.signal)
  }
  const commands = [...holders.map(({command}) => command), options.command.join(' ')]
  return {
    ...blank,
    ...(problem === undefined ? {} : {problem}),
    ...(problem !== undefined && twice.length === 0 ? {} : {twice}),
    runtime: recogniseRuntime(commands)?.name ?? null,
    safe: problem === undefined && twice.every(({verdict}) => verdict === 'refuses'),
  }
}

/** The command with this address in place of `{host}`. */
function atHost(options: FilledOptions, host: string): FilledOptions {
  const replaced = (word: string) => word.replaceAll(hostPlaceholder, host)
  const env = Object.entries(options.env).map(([name, value]) => [name, replaced(value)])
  return {...options, command: options.command.map(replaced), env: Object.fromEntries(env)}
}

interface Second {
  verdict: SecondVerdict
  answeredBy: {first: number; second: number; nobody: number} | null
  status: number | null
  what: string
  lines: string[]
  ports: number[]
}

/** The server that has the port, and what it took to listen. */
interface First {
  start: ServerStart
  seconds: number
}

async function startSecond(context: CheckContext, first: First): Promise<Second> {
  const {host, options} = context
  const second = await host.start(commandToStart(options))
  try {
    const seen = await watchSecond(context, second, first.seconds)
    const {status} = seen
    if (seen.kind === 'listens') return await whoAnswers(context, {first: first.start, second})
    const said = {status, lines: second.lines.errorLines(), ports: seen.ports}
    const nobody = {answeredBy: null, what: seen.what}
    if (seen.kind === 'ended') {
      // It may have ended the first one, and itself be told to start again.
      const verdict = (await keepsPort(context, first.start)) ? 'refuses' : 'hijacks'
      return {verdict, ...nobody, ...said}
    }
    return {verdict: seen.kind === 'elsewhere' ? 'moves' : 'hangs', ...nobody, ...said}
  } finally {
    await clearAway(context, second)
  }
}

type SeenOfSecond = {
  kind: 'ended' | 'listens' | 'elsewhere' | 'nowhere'
  what: string
  status: number | null
  ports: number[]
}

/** Waits until the second one ends, listens, or has had its time. */
async function watchSecond(
  context: CheckContext,
  second: ServerStart,
  firstSeconds: number,
): Promise<SeenOfSecond> {
  const {look, host, platform, options, signal} = context
  const usual = secondsLike(firstSeconds)
  const isUsuallyThere = openPatience(host, second, usual, 'listen on its port')
  const longest = Math.max(usual, options.startTimeoutSeconds / 3)
  const isOver = openPatience(host, second, longest, 'listen or end')
  const isSeconds = ({pid}: Holder) => host.startOf(pid) === second.number
  let listensSince: number | undefined
  let unseenSince: number | undefined
  for (;;) {
    signal.throwIfAborted()
    const ending = second.ending()
    if (ending !== undefined) return endedAs(second, ending)
    const at = monotonicSeconds()
    const view = await look()
    const known = new Set(context.before.map(({local}) => endWords(local)))
    const sockets = view.allListeners.filter(
      ({local}) => local.port === options.port || !known.has(endWords(local)),
    )
    const holders = await holdersOfEach(platform, options.port, sockets)
    host.processes()
    const own = sockets.filter((_, index) => (holders[index] ?? []).some(isSeconds))
    const here = own.filter(({local}) => local.port === options.port)
    const unseen = sockets.filter(
      ({local}, index) => local.port === options.port && (holders[index] ?? []).length === 0,
    )
    unseenSince = unseen.length > 0 ? (unseenSince ?? at) : undefined
    if (unseenSince !== undefined && at - unseenSince > staysSeconds) {
      throw new CouldNotMeasure(unseenProblem(options, unseen))
    }
    listensSince = here.length > 0 ? (listensSince ?? at) : undefined
    if (listensSince !== undefined && at - listensSince > staysSeconds) {
      return {kind: 'listens', what: 'listens, too', status: null, ports: [options.port]}
    }
    const ports = [...new Set(own.map(({local}) => local.port))]
    if (here.length === 0 && ports.length > 0 && isUsuallyThere()) {
      const what = `listens on port ${ports.join(' and ')} instead`
      return {kind: 'elsewhere', what, status: null, ports}
    }
    if (isOver()) {
      return {kind: 'nowhere', what: 'runs, and listens nowhere', status: null, ports: []}
    }
    const wake = new AbortController()
    await Promise.race([
      second.ended,
      delay(lookEveryMilliseconds, undefined, {signal: wake.signal}),
    ]).finally(() => wake.abort())
  }
}

async function endedAs(second: ServerStart, ending: CommandEnding): Promise<SeenOfSecond> {
  await second.silent
  return {kind: 'ended', what: endingWords(ending), status: ending.code, ports: []}
}

/** Whether the first one still listens a while after the second has ended: told to stop, it takes a moment to obey. */
async function keepsPort(
  {look, host, platform, options, signal}: CheckContext,
  first: ServerStart,
): Promise<boolean> {
  const isOver = openPatience(host, first, staysSeconds, 'show whether it goes on')
  while (first.ending() === undefined && !isOver()) {
    const wake = new AbortController()
    await Promise.race([
      first.ended,
      delay(lookEveryMilliseconds, undefined, {signal: AbortSignal.any([signal, wake.signal])}),
    ]).finally(() => wake.abort())
  }
  const holders = await holdersOf(platform, options.port, (await look()).listeners)
  host.processes()
  return holders.some(({pid}) => host.startOf(pid) === first.number)
}

/** Both listen: which of them gets the clients that come. */
async function whoAnswers(
  {options, look, host, platform, signal}: CheckContext,
  {first, second}: {first: ServerStart; second: ServerStart},
): Promise<Second> {
  const target: Target = {host: options.address, port: options.port, timeoutSeconds}
  const answeredBy = {first: 0, second: 0, nobody: 0}
  const until = monotonicSeconds() + clientsWithinSeconds
  for (let client = 0; client < clients && monotonicSeconds() < until; client++) {
    signal.throwIfAborted()
    const owner = await ownerOf()
    if (owner === first.number) answeredBy.first++
    else if (owner === second.number) answeredBy.second++
    else answeredBy.nobody++
  }
  // Of one that closes each connection at once, nobody is seen to have any.
  const isHijacked = answeredBy.first === 0 && answeredBy.second > 0
  const verdict: SecondVerdict = isHijacked ? 'hijacks' : 'shares'
  return {
    ...{verdict, answeredBy, status: null, what: 'listens, too'},
    ...{lines: second.lines.errorLines(), ports: [options.port]},
  }

  /** The start whose process accepted a new connection. */
  async function ownerOf(): Promise<number | undefined> {
    let connection: Awaited<ReturnType<typeof connect>>
    try {
      connection = await connect(target)
    } catch (error) {
      if (error instanceof Failed) return undefined
      throw error
    }
    try {
      const deadline = monotonicSeconds() + acceptsWithinSeconds
      while (monotonicSeconds() < deadline && connection.ended() === undefined) {
        signal.throwIfAborted()
        const {connections} = await look()
        const ends = connections.flatMap(({endpoint, entry}) =>
          endpoint === 'server' && entry.remote.port === connection.localPort ? [entry] : [],
        )
        const [holders = []] = await holdersOfEach(platform, options.port, ends)
        host.processes()
        for (const {pid} of holders) {
          const start = host.startOf(pid)
          if (typeof start === 'number') return start
        }
        await delay(acceptedEveryMilliseconds, undefined, {signal})
      }
      return undefined
    } finally {
      connection.close()
    }
  }
}
