import {setTimeout as delay} from 'node:timers/promises'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import type {OpenSurroundings} from '../namespaces/open-surroundings.ts'
import {
  type Namespace,
  SettingsLeftChanged,
  type Surroundings,
  SurroundingsUnavailable,
} from '../namespaces/surroundings.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {SocketTableReader} from '../platforms/socket-table.ts'
import type {Ending, Role} from '../processes/launch.ts'
import type {BindAttempt, Counts, RestartOutcome, ServerToOpen} from '../processes/messages.ts'
import type {Pacing} from '../processes/pacing.ts'
import {verifyAccepting} from '../processes/verify.ts'
import type {EventLog} from '../reports/events.ts'
import type {ClientReport, Expected, ReportedCall, Result, ServerReport} from '../reports/schema.ts'
import type {Scenario, ServerSpec, SocketSpec} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {bindNative, closeNative, isPlainBindGranted} from '../sockets/native.ts'
import {nodeBindOption} from '../sockets/opener.ts'
import type {PortPool} from '../sockets/ports.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {tooSlow, withinRunningSeconds} from '../too-slow.ts'
import {overshootOf, summariseAttempts, witnessed} from './attempts.ts'
import {expectation, lastsAtLeast} from './expectation.ts'
import type {HoldUps} from './hold-ups.ts'
import {judgement} from './judgement.ts'
import {observePort, residueOf, type SeenSocket, type StateChange} from './observer.ts'
import {lookAgainMilliseconds, pacingFor} from './pacing.ts'
import {NotReproduced, openStage, ScriptOver, type Stage} from './stage.ts'
import {openWitness} from './witness.ts'

/** What the restarts of one run have in common. */
export interface RestartContext {
  platform: Platform
  settings: Settings
  /** Null where the OS shows no socket table. */
  readSockets: SocketTableReader | null
  /** The compiled program of the processes. */
  program: string
  ports: PortPool
  log: EventLog
  /** Monotonic seconds at which the run began. */
  origin: number
  limitSeconds: number
  wait: boolean
  /** Makes what a scenario with kernel settings of its own runs in. */
  openSurroundings: OpenSurroundings
  holdUps: HoldUps
  /** Aborted, with the signal's name as its reason, when the run is interrupted. */
  interruption: AbortSignal
}

/** What can be said of a scenario while it runs. */
export interface RestartProgress {
  phase: 'setting-up' | 'waiting'
  expected: Expected | null
  residue: Result['residue']
  firstError: string | null
  attempts: number
  /** Monotonic seconds of the first attempt. */
  waitingSince: number | null
  /** Monotonic seconds of the earliest release that the kernel's timer or the platform's range tells. */
  releaseFrom: number | null
}

export interface Restart {
  /** Resolved when the successor has made its first attempt, or when it never will. */
  underWay: Promise<void>
  /** Never rejected: what goes wrong becomes a result with status `failed`. */
  result: Promise<Result>
  progress: RestartProgress
}

/** How long a server's own way of retrying may go on asking in vain: a run is not to last longer for it. */
const overshootAllowedSeconds = 6
/** What a machine that keeps up may make a process wait. */
const usualHoldUpSeconds = 0.1
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

/** Plays one scenario, from the predecessor's start to the successor's grant. */
export function restart(id: string, scenario: Scenario, context: RestartContext): Restart {
  const blank = blankResult(id, scenario, context)
  const progress: RestartProgress = {
    phase: 'setting-up',
    expected: blank.expected,
    residue: null,
    firstError: null,
    attempts: 0,
    waitingSince: null,
    releaseFrom: null,
  }
  const firstAttempt = deferred<void>()
  const problem = skipReason(blank)
  const result =
    problem === undefined
      ? playInSurroundings(scenario, context, blank, progress, firstAttempt.resolve)
      : Promise.resolve<Result>({...blank, reason: problem})
  return {
    underWay: Promise.race([firstAttempt.promise, result.then(() => undefined)]),
    result,
    progress,
  }
}

/** A result before anything was observed: what is asked, of whom, and what the platform expects. */
export function blankResult(
  id: string,
  scenario: Scenario,
  context: Pick<RestartContext, 'platform' | 'settings' | 'limitSeconds'>,
): Result {
  const {title, claim, residue, counts, atLeast, namespace} = scenario
  const predecessor = serverReport(scenario.predecessor)
  const successor = serverReport(scenario.successor ?? scenario.predecessor)
  const client = scenario.client === undefined ? {} : {client: socketReport(scenario.client)}
  const clientRestarts = scenario.successor === undefined
  const expected = expectation({
    ...context,
    settings: {...context.settings, ...namespace?.settings, ...namespace?.onMacos},
    ...client,
    residue,
    predecessor,
    successor,
    clientRestarts,
  })
  return {
    scenario: id,
    title,
    claim,
    status: 'skipped',
    predecessor,
    successor,
    ...client,
    residue: null,
    ...(residue.amidTraffic === true ? {amidTraffic: true} : {}),
    bind: null,
    outageSeconds: null,
    expected:
      expected === null
        ? null
        : {
            ...expected,
            ...(counts === undefined ? {} : {counts}),
            ...(atLeast === undefined ? {} : {atLeast}),
          },
    timeline: [],
  }
}

function serverReport(spec: ServerSpec): ServerReport {
  const inherited = spec.inherited === undefined ? {} : {inherited: true}
  return {...socketReport(spec), address: spec.address ?? '127.0.0.1', ...inherited}
}

function socketReport(spec: SocketSpec): ClientReport {
  return 'opener' in spec
    ? {opener: 'node', bind: nodeBindOption}
    : {opener: 'native', bind: spec.bind}
}

function skipReason({predecessor, successor, client}: Result): string | undefined {
  const native = [predecessor, successor, client].some((socket) => socket?.opener === 'native')
  const problem = native ? nativeOpenerProblem() : undefined
  if (problem !== undefined) return `needs the native opener: ${problem}`
  if (nativeOpenerProblem() !== undefined) return undefined
  // With IPv6 switched off `::` can still be bound, and only what connects to it finds out.
  const addresses = [predecessor, successor].flatMap(({address}) => [address, clientHost(address)])
  const missing = addresses.find((address) => !isPlainBindGranted(address, 0))
  return missing === undefined ? undefined : `the address ${missing} cannot be had here`
}

/** How often a scenario is begun anew whose packets did not do what it is to show. */
const reproductionsAllowed = 5

/** Makes what the scenario asks for, plays it in there, and undoes it; or says why that cannot be had. */
async function playInSurroundings(
  scenario: Scenario,
  context: RestartContext,
  blank: Result,
  progress: RestartProgress,
  onFirstAttempt: () => void,
): Promise<Result> {
  if (scenario.namespace === undefined) {
    return play(scenario, context, undefined, blank, progress, onFirstAttempt)
  }
  const {log, interruption, holdUps} = context
  const {scenario: id} = blank
  const began = monotonicSeconds()
  for (let round = 1; ; round++) {
    try {
      const surroundings = await context.openSurroundings(scenario.namespace, {
        onProcess: (role, pid, ending) => logProcess(log, id, role, pid, ending),
      })
      try {
        return await playInside(surroundings)
      } finally {
        await surroundings.close()
      }
    } catch (error) {
      const {message} = error as Error
      if (interruption.aborted && !(error instanceof SettingsLeftChanged)) {
        return {...blank, reason: `interrupted by ${interruption.reason}`}
      }
      if (error instanceof SurroundingsUnavailable) return {...blank, reason: message}
      if (!(error instanceof NotReproduced)) return {...blank, status: 'failed', reason: message}
      if (round === reproductionsAllowed) {
        const heldUp = holdUps.longestSince(began) > usualHoldUpSeconds
        return {...blank, status: 'failed', reason: heldUp ? tooSlow(message) : message}
      }
      log.write('warning', {scenario: id, at: monotonicSeconds(), message, round})
    }
  }

  function playInside(surroundings: Surroundings): Promise<Result> {
    const {namespace} = surroundings
    const settings = {...context.settings, ...surroundings.settings}
    const inside: RestartContext = {
      ...context,
      settings,
      ...(namespace === undefined ? {} : {readSockets: namespace.readSockets}),
    }
    log.write('settings', {scenario: id, at: monotonicSeconds(), settings: surroundings.settings})
    const judged = {...blankResult(id, scenario, inside), settings: surroundings.settings}
    progress.expected = judged.expected
    return play(scenario, inside, namespace, judged, progress, onFirstAttempt)
  }
}

async function play(
  scenario: Scenario,
  context: RestartContext,
  namespace: Namespace | undefined,
  blank: Result,
  progress: RestartProgress,
  onFirstAttempt: () => void,
): Promise<Result> {
  const {interruption, log, origin} = context
  const {scenario: id, predecessor, successor, client, expected} = blank
  const began = monotonicSeconds()
  const attempts: BindAttempt[] = []
  const timeline: StateChange[] = []
  const firstAttempt = deferred<void>()
  const outcome = deferred<RestartOutcome>()
  const done = deferred<void>()
  const calls: ReportedCall[] = []
  let measurements: Counts = {}
  let port = namespace === undefined ? undefined : scenario.predecessor.port
  let supervisedFd: number | undefined
  /** When a successor that inherits its socket accepted connections, monotonic seconds. */
  let inheritedAt: number | undefined
  let listening: Bracket | undefined
  let observe: ReturnType<typeof observePort> | undefined
  let residue: Result['residue'] = null
  let stage: Stage | undefined
  let watch: NodeJS.Timeout | undefined
  let timerRestarts = 0
  let scriptDone = false
  let over = false
  /** The port was free, and the successor's own way of retrying let it lie for too long. */
  let tooLate = false
  /** When what the first attempt meets had appeared, and when it was looked at; monotonic seconds. */
  let metSince: number | undefined
  let residueSeenAt: number | undefined
  /** How old TIME_WAIT may have been when the client came back to its old port. */
  let calledAfterSeconds: number | undefined
  const witness = openWitness({
    ...context,
    takePort: context.ports.take,
    onRelease: ({port: at, attempts, lastRefusedAt, grantedAt}) => {
      const seconds = grantedAt ?? monotonicSeconds()
      const since = lastRefusedAt === null ? null : seconds - lastRefusedAt
      log.write('release', {
        scenario: id,
        at: seconds,
        port: at,
        attempts,
        uncertaintySeconds: since,
      })
      // In seconds in which this process runs: else it would be its own stop that is told of.
      const notNoticed = 'the successor did not notice that its port was free'
      void withinRunningSeconds(overshootAllowedSeconds, notNoticed, () => done.promise).catch(
        () => {
          tooLate = true
          outcome.resolve({granted: false})
        },
      )
    },
  })

  const takePort = namespace?.takePort ?? context.ports.take

  /** What has been observed up to now, judged if there is something to judge it by. */
  function result(waited: boolean): Result {
    const stopped = stage?.stoppedAccepting()
    const appeared = scenario.residue.server === 'none' ? undefined : residueAppeared()
    const summary = summariseAttempts(attempts, appeared, waited)
    const {bind, grantedAt, residueTime} = witnessed(summary, witness.release())
    const acceptsAt = inheritedAt ?? grantedAt
    const observed: Result = {
      ...blank,
      ...(port === undefined ? {} : {port}),
      residue,
      bind: attempts[0] === undefined ? null : {...bind, ...moments(attempts[0], appeared)},
      ...(calls.length === 0 ? {} : {calls}),
      ...measured({...measurements, ...overshootOf(attempts, witness.release())}),
      outageSeconds:
        stopped === undefined || acceptsAt === null ? null : Math.max(0, acceptsAt - stopped.from),
      timeline: timeline.map((change) => ({...change, seconds: change.seconds - origin})),
    }
    if (expected === null) {
      return {...observed, reason: `not judged: no rules for ${context.platform.title}`}
    }
    const age = (moment: number | undefined) =>
      moment === undefined || metSince === undefined ? undefined : moment - metSince
    return {
      ...observed,
      ...judgement(expected, {
        ...observed,
        residueTime,
        scriptDone,
        met: {
          lastsSeconds: lastsAtLeast(expected.residue, context),
          seen: age(residueSeenAt),
          tried: age(attempts[0]?.seconds),
        },
        called: {lastsSeconds: lastsAtLeast('TIME_WAIT', context), tried: calledAfterSeconds},
        refusedAfterwards: refusedAfter(stage),
        tooLate,
        heldUpSeconds: context.holdUps.longestSince(began),
      }),
    }
  }

  /** Whether the last attempt began after the last step that lets go of the port, and was refused. */
  function refusedAfter(played: Stage | undefined): boolean | undefined {
    const steps = [played?.lastWireStep(), played?.stoppedAccepting()].flatMap(
      (step) => step?.to ?? [],
    )
    const last = attempts.at(-1)
    if (steps.length === 0 || last === undefined) return undefined
    return last.outcome === 'refused' && (last.askedAt ?? last.seconds) > Math.max(...steps)
  }

  /** What the durations count from, for whoever draws them. */
  function moments(first: BindAttempt, appeared: Bracket | undefined) {
    const firstAttemptAtSeconds = first.seconds - origin
    return appeared === undefined
      ? {firstAttemptAtSeconds}
      : {firstAttemptAtSeconds, residueAtSeconds: Math.max(0, appeared.from - origin)}
  }

  /** The last step that changed the connection; without one, the listener is all there is. */
  function residueAppeared(): Bracket | undefined {
    return stage?.lastWireStep() ?? listening
  }

  async function look(): Promise<SeenSocket[] | null> {
    if (context.readSockets === null || observe === undefined) return null
    const askedAt = monotonicSeconds()
    return observe(await context.readSockets(), askedAt)
  }

  /** Looks again and again, and tells the successor when its next attempts are due. */
  function keepPace(pacing: Pacing): void {
    // An interruption may have ended everything meanwhile; nobody would end the watch then.
    if (over) return
    watch = setTimeout(
      async () => {
        const sockets = await look().catch(() => null)
        progress.residue = visibleResidue(context, sockets)
        const next = pacingNow(sockets)
        stage?.successor.pace(next)
        keepPace(next)
      },
      lookAgainMilliseconds(pacing, monotonicSeconds()),
    )
  }

  function pacingNow(sockets: SeenSocket[] | null): Pacing {
    const {server, later} = scenario.residue
    const appeared = residueAppeared() ?? {from: monotonicSeconds()}
    const changed = progress.waitingSince !== null && appeared.from > progress.waitingSince
    const pacing = pacingFor({
      platform: context.platform,
      settings: context.settings,
      sockets,
      assumed: changed ? (later ?? server) : server,
      appearedAt: appeared.from,
    })
    progress.releaseFrom = pacing.kind === 'dense-from' ? pacing.at : null
    return pacing
  }

  /** Looks at what is left on the port, for the result. */
  async function lookAtResidue(): Promise<SeenSocket[] | null> {
    metSince = scenario.residue.server === 'none' ? undefined : residueAppeared()?.from
    const sockets = await look()
    residueSeenAt = monotonicSeconds()
    residue = visibleResidue(context, sockets)
    progress.residue = residue
    return sockets
  }

  async function startSuccessor(opened: Stage): Promise<void> {
    const sockets = await lookAtResidue()
    const server = {...toOpen(successor, scenario.successor), port: port ?? 0}
    const pacing = pacingNow(sockets)
    progress.phase = 'waiting'
    progress.waitingSince = monotonicSeconds()
    if (successor.inherited === true) {
      const {to} = await opened.successor.request('listen', server)
      inheritedAt = to
      outcome.resolve({granted: true})
      return
    }
    opened.successor
      .request('restart', {
        server,
        ...(scenario.successor?.retry === undefined ? {} : {retry: scenario.successor.retry}),
        limitSeconds: context.limitSeconds,
        wait: context.wait,
        pacing,
      })
      .then(outcome.resolve, outcome.reject)
    await Promise.race([firstAttempt.promise, outcome.promise])
    if (context.wait) keepPace(pacing)
  }

  function onAttempts(made: BindAttempt[]): void {
    for (const made_ of made) {
      const {attempt, seconds, outcome, error} = made_
      attempts.push(made_)
      const cause = error === undefined ? {} : {code: error.code, errno: error.errno}
      log.write('bind-attempt', {scenario: id, at: seconds, attempt, outcome, ...cause})
    }
    progress.attempts = attempts.length
    progress.firstError = attempts[0]?.error?.code ?? null
    firstAttempt.resolve()
    onFirstAttempt()
  }

  const interrupted = deferred<never>()
  const interrupt = () => {
    interrupted.reject(new Error('interrupted'))
    void stage?.end()
  }
  interruption.addEventListener('abort', interrupt)
  try {
    interruption.throwIfAborted()
    if (predecessor.inherited === true) {
      const supervised = await onFreePort(takePort, log, async (free) =>
        bindNative({...predecessor, port: free}),
      )
      port = supervised.port
      supervisedFd = supervised.result
    }
    const opened = await openStage({
      program: context.program,
      ...(supervisedFd === undefined ? {} : {listener: supervisedFd}),
      namespace,
      clientSocket: client,
      takePort,
      leaveWitness: () => (context.wait ? witness.leave() : Promise.resolve()),
      beforeReconnecting: async () => {
        // Where it is the client that restarts, this is the first thing to be tried.
        if (scenario.successor === undefined && calls.length === 0) await lookAtResidue()
      },
      place: () => ({address: predecessor.address, port: port ?? 0}),
      restart: () => startSuccessor(opened),
      look: async () => (await look()) ?? [],
      timerRestarts: () => timerRestarts,
      listeners: {
        onAttempts,
        onStep: (step, {from, to}) =>
          log.write('step', {scenario: id, at: to, step, tookSeconds: to - from}),
        onProcess: (role, pid, ending) => logProcess(log, id, role, pid, ending),
        onCalls: (from, made, {to}) => {
          calls.push(...made.map((call) => ({from, ...call})))
          if (from === 'the same port') {
            calledAfterSeconds = to - (residueAppeared()?.from ?? began)
          }
          for (const call of made) {
            log.write('call', {scenario: id, at: monotonicSeconds(), from, ...call})
          }
        },
        onCounts: (counts) => {
          measurements = {...measurements, ...counts}
          log.write('counts', {scenario: id, at: monotonicSeconds(), ...counts})
        },
        onOutput: (role, stream, text) =>
          log.write('output', {scenario: id, at: monotonicSeconds(), role, stream, text}),
      },
    })
    stage = opened
    interruption.throwIfAborted()
    const server = toOpen(predecessor, scenario.predecessor)
    const listen = (at: number) => opened.predecessor.request('listen', {...server, port: at})
    if (port === undefined) {
      const place = await onFreePort(takePort, log, listen)
      port = place.port
      listening = place.result
    } else {
      listening = await listen(port)
    }
    observe = observePort(port, (change) => {
      if (isTimerRestart(timeline, change)) timerRestarts++
      timeline.push(change)
      const {seconds: at, ...what} = change
      log.write('state', {scenario: id, at, ...what})
    })
    await look()

    const told = scenario.script(opened.script).then(
      () => {
        scriptDone = true
        if (scenario.successor === undefined) outcome.resolve({granted: false})
        else if (progress.waitingSince === null) {
          outcome.reject(new Error('its script ended before successor.start() was awaited'))
        }
      },
      (error: Error) => {
        if (!(error instanceof ScriptOver)) throw error
      },
    )
    // Once the outcome is known the rest of the script is moot, unless it is the point.
    if (scenario.playsOn !== true) outcome.promise.then(opened.close, opened.close)
    const [{granted}] = await Promise.race([
      Promise.all([outcome.promise, told.then(() => witness.done())]),
      opened.failure,
      interrupted.promise,
      ...(namespace === undefined ? [] : [namespace.failure]),
    ])
    await look()
    const verify = namespace?.verifyAccepting ?? verifyAccepting
    if (granted) await verify(successor.address, port, opened.successor.pid)
    const judged = result(context.wait && !tooLate)
    // Where a process has been killed, that is why the rest went otherwise; it may be told only now.
    const cause = judged.status === 'unexpected' && (await causeOf(null, [namespace, stage]))
    if (cause instanceof Error) throw cause
    return judged
  } catch (error) {
    if (error instanceof NotReproduced && !interruption.aborted) throw error
    if (interruption.aborted) {
      return {...result(false), status: 'skipped', reason: `interrupted by ${interruption.reason}`}
    }
    const {message, code = ''} = (await causeOf(error, [namespace, stage])) as NodeJS.ErrnoException
    const remedy = remedies[code]
    return {...result(false), status: 'failed', reason: remedy ? `${message}; ${remedy}` : message}
  } finally {
    over = true
    done.resolve()
    clearTimeout(watch)
    witness.end()
    interruption.removeEventListener('abort', interrupt)
    await stage?.end()
    if (supervisedFd !== undefined) closeNative(supervisedFd)
  }
}

/**
 * Where a process is killed, what another one does next breaks before that end is told: a client is refused,
 * a channel is closed. The end is the reason then.
 */
async function causeOf(
  error: unknown,
  processes: readonly ({failure: Promise<never>} | undefined)[],
): Promise<unknown> {
  const ends = processes.flatMap((each) => each?.failure.catch((failure: Error) => failure) ?? [])
  return ends.length === 0
    ? error
    : Promise.race([...ends, delay(endToldWithinMilliseconds, error)])
}

function logProcess(
  log: EventLog,
  scenario: string,
  role: Role,
  pid: number,
  ending: Ending | undefined,
): void {
  log.write('process', {
    scenario,
    at: ending?.seconds ?? monotonicSeconds(),
    role,
    pid,
    change: ending === undefined ? 'started' : 'ended',
    ...(ending === undefined ? {} : {status: ending.code, signal: ending.signal}),
  })
}

/** The same end of the connection was told of before, in the same state. */
function isTimerRestart(timeline: readonly StateChange[], change: StateChange): boolean {
  if (change.expiresInSeconds === undefined) return false
  const before = timeline.findLast(
    ({endpoint, connection}) => endpoint === change.endpoint && connection === change.connection,
  )
  return before?.state === change.state
}

function toOpen(
  {opener, bind, address, inherited = false}: ServerReport,
  spec: ServerSpec | undefined,
): Omit<ServerToOpen, 'port'> {
  return {opener, bind, address, inherited, reads: spec?.reads ?? true}
}

/** Opens a free port, or another one if it was lost to somebody else after its proof. */
async function onFreePort<Opened>(
  takePort: () => Promise<number>,
  log: EventLog,
  open: (port: number) => Promise<Opened>,
): Promise<{port: number; result: Opened}> {
  for (let losses = 0; ; losses++) {
    const port = await takePort()
    try {
      return {port, result: await open(port)}
    } catch (error) {
      const lost = isSystemError(error) && error.code === 'EADDRINUSE'
      if (!lost || losses === portLossesAllowed) throw error
      log.write('port-lost', {at: monotonicSeconds(), port})
    }
  }
}

/** Null where nothing of the server's is seen on an OS that leaves the states in question out. */
function visibleResidue(
  {platform}: RestartContext,
  sockets: SeenSocket[] | null,
): Result['residue'] {
  if (sockets === null) return null
  const residue = residueOf(sockets)
  const ofServer = residue.some(({endpoint}) => endpoint === 'server')
  return !ofServer && platform.hiddenStates.length > 0 ? null : residue
}

function measured(measurements: Counts): Pick<Result, 'measurements'> {
  return Object.keys(measurements).length === 0 ? {} : {measurements}
}
