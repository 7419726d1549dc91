import {randomUUID} from 'node:crypto'
import {setTimeout as delay, setImmediate as nextTurn} from 'node:timers/promises'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import type {Result, ServerReport} from '../documents/report-schema.ts'
import type {Namespace} from '../namespaces/surroundings.ts'
import type {Role} from '../processes/launch.ts'
import type {ServerToOpen} from '../processes/protocol.ts'
import {verifyAccepting} from '../processes/verify.ts'
import type {NodeServer, Scenario, ServerSpec} from '../scenario.ts'
import {bindNative, closeNative} from '../sockets/native.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {type Cast, openCast, ScriptOver} from './cast.ts'
import {type Closers, openClosers} from './closers.ts'
import type {RestartContext} from './context.ts'
import {NotReproduced, openNetwork} from './network.ts'
import {recordPackets} from './packets.ts'
import {openPortWatch, type PortWatch} from './port-watch.ts'
import type {Recording} from './recording.ts'
import {judgedResult} from './result.ts'
import {openScript} from './script.ts'
import {openTrial, type Trial} from './trial.ts'

const endToldWithinMilliseconds = 1000
/** How many ports may be lost to somebody else between the proof and the use. */
const portLossesAllowed = 5

/** What to do about errors that are the machine's rather than the story's. */
const remedies: Record<string, string> = {
  EADDRNOTAVAIL: 'this address is not configured here',
  EAFNOSUPPORT: 'this machine has no IPv6',
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENETUNREACH: 'is the loopback interface up? (ip link set lo up)',
}

/** One scenario on its stage: the machine as it is, or a namespace of its own. */
export interface PlayOptions {
  scenario: Scenario
  context: RestartContext
  namespace: Namespace | undefined
  blank: Result
  recording: Recording
}

interface Stage {
  cast: Cast
  watch: PortWatch
  trial: Trial
  /** Aborted when the outcome is known. */
  over: AbortController
  greeting(role: Role): string
}

/**
 * Plays one scenario, from the predecessor's start to the successor's grant.
 * @returns the result; what goes wrong becomes one with status `failed`
 * @throws NotReproduced where the packets did something else, and playing it again may help
 */
export async function play(options: PlayOptions): Promise<Result> {
  const {context, blank, scenario, recording, namespace} = options
  const {interruption} = context
  const began = monotonicSeconds()
  const closers = openClosers()
  const judged = (waited: boolean) =>
    judgedResult(blank, scenario, recording.observation(), {
      ...context,
      waited,
      heldUpSeconds: context.holdUps.longestSince(began),
    })
  let cast: Cast | undefined
  try {
    interruption.throwIfAborted()
    const listener = await supervisedListener(options, closers)
    const stage = setStage(options, listener?.fd, closers)
    cast = stage.cast
    await enterAll(cast)
    const interrupted = interruptedBy(interruption, stage, closers)
    const place = await listen(options, stage, listener?.port)
    const {granted} = await Promise.race([
      tell(options, stage, place),
      cast.failure,
      interrupted,
      ...(namespace === undefined ? [] : [namespace.failure]),
    ])
    await stage.watch.look()
    stage.watch.end()
    await recordPackets(options, place.port)
    // That a worker answers is for the script to see: its pid is its primary's to know.
    if (granted && !isWorker(scenario.successor)) await verify(options, stage, place.port)
    const result = judged(context.wait)
    // Where a process has been killed, that explains the rest; it may be reported only now.
    const cause = result.status === 'unexpected' && (await causeOf(null, [namespace, cast]))
    if (cause instanceof Error) throw cause
    return result
  } catch (error) {
    if (interruption.aborted) {
      return {...judged(false), status: 'skipped', reason: `interrupted by ${interruption.reason}`}
    }
    if (error instanceof NotReproduced) throw error
    const {message, code = ''} = (await causeOf(error, [namespace, cast])) as NodeJS.ErrnoException
    const remedy = remedies[code]
    return {...judged(false), status: 'failed', reason: remedy ? `${message}; ${remedy}` : message}
  } finally {
    await closers.close()
  }
}

/** The socket that the servers inherit, where they do; it is the harness that keeps it. */
async function supervisedListener(
  {blank: {predecessor}, context, namespace, recording}: PlayOptions,
  closers: Closers,
): Promise<{fd: number; port: number} | undefined> {
  if (predecessor.inherited !== true) return undefined
  const takePort = namespace?.takePort ?? context.ports.take
  const {port, result: fd} = await onFreePort(takePort, recording, async (free) =>
    bindNative({...predecessor, port: free}),
  )
  closers.add(() => closeNative(fd))
  return {fd, port}
}

/** All that a scenario is played with. */
function setStage(
  {scenario, context, namespace, blank, recording}: PlayOptions,
  listener: number | undefined,
  closers: Closers,
): Stage {
  const over = new AbortController()
  const hosts = namespace?.hosts ?? context.hosts
  const cast = openCast({
    ...{program: context.program, hosts, listener, namespace, recording},
    hosted: scenario.predecessor.hosted ?? false,
    otherUser: scenario.predecessor.otherUser ?? false,
    over: over.signal,
  })
  closers.add(() => cast.end())
  const watch = openPortWatch({...context, recording})
  closers.add(() => watch.end())
  const trial = openTrial({
    ...{...context, scenario, hosts: context.hosts, cast, watch, recording},
    takePort: context.ports.take,
  })
  closers.add(() => trial.end())
  closers.add(() => over.abort())
  const nonce = randomUUID()
  const greeting = (role: Role) => `${role} ${blank.scenario} ${context.repetition} ${nonce}`
  return {cast, watch, trial, over, greeting}
}

/** The processes that every scenario has. */
async function enterAll(cast: Cast): Promise<void> {
  const roles: readonly Role[] = ['predecessor', 'successor', 'client']
  const entered = await Promise.allSettled(roles.map((role) => cast.enter(role)))
  const problem = entered.find((result) => result.status === 'rejected')
  if (problem !== undefined) throw problem.reason
}

/** Rejected when the run is interrupted; everybody is ended at once then. */
function interruptedBy(
  interruption: AbortSignal,
  {cast, over}: Stage,
  closers: Closers,
): Promise<never> {
  const {promise, reject} = deferred<never>()
  promise.catch(() => undefined)
  const interrupt = () => {
    reject(new Error('interrupted'))
    over.abort()
    void cast.end()
  }
  interruption.addEventListener('abort', interrupt)
  closers.add(() => interruption.removeEventListener('abort', interrupt))
  if (interruption.aborted) interrupt()
  return promise
}

/** Has the predecessor listen, on the scenario's port or on one that is free. */
async function listen(
  {scenario, context, namespace, blank, recording}: PlayOptions,
  {cast, watch, greeting}: Stage,
  inheritedPort: number | undefined,
): Promise<{address: string; port: number}> {
  const {predecessor} = blank
  const server = toOpen(predecessor, scenario.predecessor, greeting('predecessor'))
  const open = (port: number) => cast.of('predecessor').request('listen', {...server, port})
  const ownPort = scenario.namespace === undefined ? undefined : scenario.predecessor.port
  const given = inheritedPort ?? (namespace === undefined ? undefined : ownPort)
  const takePort = namespace?.takePort ?? context.ports.take
  const {port, result} =
    given === undefined
      ? await onFreePort(takePort, recording, open)
      : {port: given, result: await open(given)}
  const {from, to} = result
  recording.append({event: 'listening', port, tookSeconds: Math.max(0, to - from)}, to)
  watch.open(port)
  await watch.look()
  return {address: predecessor.address, port}
}

/** Plays the script; resolved with the outcome, once all that the story is about is done. */
async function tell(
  {scenario, context, namespace, blank, recording}: PlayOptions,
  {cast, watch, trial, over, greeting}: Stage,
  place: {address: string; port: number},
): Promise<{granted: boolean}> {
  const clientRestarts = scenario.successor === undefined
  const script = openScript({
    ...{cast, watch, trial, recording, place, greeting, clientRestarts},
    network: openNetwork(namespace, watch, recording),
    successor: {
      ...toOpen(blank.successor, scenario.successor, greeting('successor')),
      port: place.port,
    },
    clientSocket: blank.client,
    http: isHttp(scenario.predecessor),
    takePort: namespace?.takePort ?? context.ports.take,
    over: over.signal,
  })
  const told = scenario.script(script).then(
    () => {
      recording.append({event: 'script-done'})
      if (clientRestarts) trial.settle({granted: false})
      else if (recording.observation().waitingSince === undefined) {
        trial.fail(new Error('its script ended before successor.start() was awaited'))
      }
    },
    (error: Error) => {
      if (!(error instanceof ScriptOver)) throw error
    },
  )
  // Once the outcome is known the rest of the script is moot, unless it is the point.
  const close = () => over.abort()
  if (scenario.playsOn !== true) trial.outcome.then(close, close)
  const [outcome] = await Promise.all([trial.outcome, told.then(() => trial.witnessed())])
  return outcome
}

/** Proves that it is the successor of this very restart who answers. */
async function verify(
  {namespace, blank: {successor}}: PlayOptions,
  {cast, greeting}: Stage,
  port: number,
): Promise<void> {
  const prove = namespace?.verifyAccepting ?? verifyAccepting
  await prove(successor.address, port, `${greeting('successor')} ${cast.of('successor').pid}`)
}

/**
 * Where a process is killed, what another one does next breaks before that end is reported: a client is refused,
 * a channel is closed. The end is the reason then.
 */
async function causeOf(
  error: unknown,
  processes: readonly ({failure: Promise<never>} | undefined)[],
): Promise<unknown> {
  const ends = processes.flatMap((each) => each?.failure.catch((failure: Error) => failure) ?? [])
  return ends.length === 0
    ? error
    : // After another turn: where all was held up, the end lies ready behind the timer.
      Promise.race([
        ...ends,
        delay(endToldWithinMilliseconds)
          .then(() => nextTurn())
          .then(() => error),
      ])
}

function toOpen(
  {opener, bind, address, inherited = false}: ServerReport,
  spec: ServerSpec | undefined,
  greeting: string,
): Omit<ServerToOpen, 'port'> {
  return {
    opener,
    bind,
    address,
    inherited,
    reads: spec?.reads ?? true,
    ...kindOf(spec),
    greeting,
  }
}

/** What kind of server it is, where that is more than one that accepts and greets. */
function kindOf(spec: ServerSpec | undefined): Pick<ServerToOpen, 'accepts' | keyof NodeServer> {
  const {accepts, http, cluster, reusePort}: Pick<ServerSpec, 'accepts'> & NodeServer = spec ?? {}
  return {
    ...(accepts === undefined ? {} : {accepts}),
    ...(http === undefined ? {} : {http}),
    ...(cluster === undefined ? {} : {cluster}),
    ...(reusePort === undefined ? {} : {reusePort}),
  }
}

function isWorker(spec: (ServerSpec & NodeServer) | undefined): boolean {
  return spec?.cluster === true
}

function isHttp(spec: ServerSpec & NodeServer): boolean {
  return spec.http === true
}

/** Opens a free port, or another one if it was lost to somebody else after its proof. */
async function onFreePort<Opened extends number | Bracket>(
  takePort: () => Promise<number>,
  recording: Recording,
  open: (port: number) => Promise<Opened>,
): Promise<{port: number; result: Opened}> {
  for (let losses = 0; ; losses++) {
    const port = await takePort()
    try {
      return {port, result: await open(port)}
    } catch (error) {
      const lost = isSystemError(error) && error.code === 'EADDRINUSE'
      if (!lost || losses === portLossesAllowed) throw error
      recording.append({event: 'port-lost', port})
    }
  }
}
