import {setTimeout as delay} from 'node:timers/promises'
import pRetry from 'p-retry'
import {monotonicSeconds} from '../clock.ts'
import type {CheckProblem, CheckRound, Survivor} from '../reports/check-schema.ts'
import {residueOf} from '../restart/observer.ts'
import {pacingFor} from '../restart/pacing.ts'
import {asOpenConnection, type OpenConnection, openConnections} from './connections.ts'
import type {CheckContext, RunningServer} from './context.ts'
import {collectErrors, outcomeWords} from './errors-seen.ts'
import {awaitListening} from './listening.ts'
import {commandToStart} from './options.ts'
import {holdersOf} from './port-view.ts'
import {openProber, type Prober} from './prober.ts'
import {daemonProblem, unreachableProblem} from './problems.ts'
import type {ServerStart} from './server.ts'
import {stopServer} from './stop.ts'

type PlayedRound =
  | {round: CheckRound; successor: RunningServer | undefined}
  | {problem: CheckProblem}

/** While the prober runs it is the prober that notices; the table is for what it cannot see. */
const lookEveryMilliseconds = 50
const settleWithinSeconds = 0.2
const settleEveryMilliseconds = 10
/** How long a client is given to get in, once the table shows a listener. */
const connectWithinSeconds = 1
const minimumAttemptSeconds = 10
/** A server that retries for itself, and silently, shows by taking this much longer than at first. */
const silentRetrySeconds = 5

const seldomSeconds = 1
const denseSeconds = 0.02
const processHeldSeconds = 0.25
const goneSeconds = 0.05

/** One restart: connections are open, the server is stopped, and started again until it listens. */
export async function playRound(
  context: CheckContext,
  number: number,
  server: RunningServer,
): Promise<PlayedRound> {
  const {options, look, signal} = context
  const {address, port, hold, connections: count, send} = options
  const {start} = server
  let opened: {connections: OpenConnection[]; accepted: number | null}
  try {
    opened = await openConnections({
      count,
      host: address,
      port,
      hold,
      send,
      look: async () => (look === null ? null : look()),
      have: server.waiting === undefined ? [] : [server.waiting],
      signal,
    })
  } catch (error) {
    signal.throwIfAborted()
    return {problem: unreachableProblem(error as Error, options, start)}
  }
  const {connections, accepted} = opened
  for (const {localPort} of connections) context.usedPorts.add(localPort)
  const prober = proberFor(context)
  try {
    const stop = await stopServer(context, start, prober)
    if (stop.kind === 'daemonised') return {problem: daemonProblem(stop.holders)}
    const restarted = await restart(context, number, server, connections, prober)
    const {successor, attempts, errors, firstAttemptAt, grantedAt, survivors} = restarted
    // A client sees the port again when it is let in; the table shows the listener a little earlier.
    const acceptsAt = prober.connection()?.at ?? grantedAt
    const waited = grantedAt === null ? null : Math.max(0, grantedAt - firstAttemptAt)
    const verdict = grantedAt === null ? 'blocked' : errors.length === 0 ? 'immediate' : 'delayed'
    const round: CheckRound = {
      startupSeconds: server.startupSeconds,
      exitSeconds: Math.max(0, stop.ending.seconds - stop.stoppedAt),
      exitedBy: stop.exitedBy,
      exitStatus: stop.ending.code,
      exitSignal: stop.ending.signal,
      stopTimedOut: stop.timedOut,
      connections: {
        open: connections.length,
        accepted,
        endedByServer: connections.filter((each) => each.endedByServer()).length,
        reset: connections.filter((each) => each.wasReset()).length,
      },
      residue: await restarted.residue,
      verdict,
      attempts,
      outageSeconds:
        acceptsAt === null || grantedAt === null
          ? null
          : Math.max(0, acceptsAt - stop.stoppedAcceptingAt),
      waitSeconds: verdict === 'immediate' ? 0 : waited,
      refusedConnections: prober.counts.refused,
      failedConnections: prober.counts.failed,
      errors,
      survivors,
    }
    context.onEvent?.('result', {at: monotonicSeconds(), scenario: `round-${number}`, ...round})
    return {round, successor}
  } finally {
    prober.pause()
    for (const used of prober.ports) context.usedPorts.add(used)
    for (const {client} of connections) client.socket.resetAndDestroy()
  }
}

/** The client that tries to connect during a restart. */
export function proberFor({options, platform, settings, usedPorts}: CheckContext): Prober {
  const {address, port, hold} = options
  const ephemeralPorts = platform.ephemeralPorts(settings)
  return openProber({host: address, port, hold, ephemeralPorts, avoid: usedPorts})
}

interface Restarted {
  successor: RunningServer | undefined
  attempts: number
  errors: CheckRound['errors']
  firstAttemptAt: number
  grantedAt: number | null
  survivors: Survivor[]
  residue: Promise<CheckRound['residue']>
}

class AttemptFailed extends Error {}

/** Starts the command until it listens, or until the limit. */
async function restart(
  context: CheckContext,
  round: number,
  predecessor: RunningServer,
  connections: readonly OpenConnection[],
  prober: Prober,
): Promise<Restarted> {
  const {options, host, look, platform, before, signal} = context
  const {address, port, limitSeconds} = options
  const scenario = `round-${round}`
  const beganAt = monotonicSeconds()
  const deadline = beganAt + limitSeconds
  const attemptSeconds = Math.max(minimumAttemptSeconds, 5 * predecessor.startupSeconds)
  const patienceSeconds = Math.max(1, 3 * predecessor.startupSeconds)
  const errors = collectErrors()
  // Whatever of the old server is still alive now has outlived it.
  const old = new Set(host.processes())
  let firstAttemptAt = beganAt
  let attempts = 0
  let residue: Restarted['residue'] | undefined
  let survivors: Promise<Survivor[]> | undefined
  let successor: RunningServer | undefined
  let grantedAt: number | null = null

  async function tryOnce(attempt: number): Promise<void> {
    attempts = attempt
    const start = await host.start(commandToStart(options))
    const {pid, startedAt} = start
    context.onEvent?.('process', {
      at: startedAt,
      scenario,
      role: 'successor',
      pid,
      change: 'started',
    })
    if (attempt === 1) {
      firstAttemptAt = startedAt
      survivors = describeSurvivors(context, old)
    }
    residue ??= readResidue(context, connections, old)
    prober.resume()
    const outcome = await awaitListening({
      server: start,
      platform,
      address,
      port,
      look,
      processes: host.processes,
      old,
      before,
      prober,
      deadline: Math.min(deadline, startedAt + attemptSeconds),
      elsewhereSeconds: patienceSeconds,
      lookEveryMilliseconds,
      signal,
    })
    await residue
    if (outcome.kind === 'listening') {
      await letClientIn(prober, start)
      grantedAt = Math.min(outcome.at, prober.connection()?.at ?? outcome.at)
      const had = prober.connection()
      const waiting = had === undefined ? undefined : asOpenConnection(had.client)
      const startupSeconds = Math.max(0, grantedAt - startedAt)
      successor = {start, startupSeconds, holders: outcome.holders, waiting}
      // nginx tries five times within one attempt; that is no immediate restart.
      const tookLong = startupSeconds > silentRetrySeconds + 3 * predecessor.startupSeconds
      const wasInTheWay = (await residue)?.some(({endpoint}) => endpoint === 'server') ?? false
      if (start.lines.namesAddressInUse() || (tookLong && wasInTheWay)) {
        errors.add(attempt, outcome, start)
      }
      context.onEvent?.('bind-attempt', {at: grantedAt, scenario, attempt, outcome: 'granted'})
      return
    }
    const ranSeconds = monotonicSeconds() - startedAt
    await clearAway(start)
    // One that the limit cut off while it was starting has not failed yet.
    const cutOff = outcome.kind === 'never-listened' && ranSeconds < patienceSeconds
    if (!cutOff || errors.list.length === 0) errors.add(attempt, outcome, start)
    const code = errors.list.at(-1)?.code ?? undefined
    const what = outcomeWords(outcome)
    const at = monotonicSeconds()
    context.onEvent?.('bind-attempt', {at, scenario, attempt, outcome: 'refused', code, what})
    if (attempt === 1) context.onWaiting?.(round, code ?? what)
    throw new AttemptFailed(what)
  }

  /** A failed attempt must not be in the next one's way. */
  async function clearAway(start: ServerStart): Promise<void> {
    host.kill(host.processes().filter((pid) => !old.has(pid)))
    await start.ended
    await start.silent
  }

  try {
    await pRetry(tryOnce, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      shouldRetry: ({error}) => error instanceof AttemptFailed && monotonicSeconds() < deadline,
      // p-retry's own pauses grow by a factor; ours follow what is left on the port.
      async onFailedAttempt({error}) {
        if (!(error instanceof AttemptFailed)) return
        const portRefused = errors.list.at(-1)?.code === 'EADDRINUSE'
        const seconds = await pauseSeconds(context, prober, old, beganAt, portRefused)
        const left = deadline - monotonicSeconds()
        await delay(Math.max(0, Math.min(seconds, left)) * 1000, undefined, {signal})
      },
    })
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof AttemptFailed)) throw error
  }
  return {
    successor,
    attempts,
    errors: errors.list,
    firstAttemptAt,
    grantedAt,
    survivors: (await survivors) ?? [],
    residue: residue ?? Promise.resolve(null),
  }
}

/** The outage ends when a client is let in, which the listener alone does not prove. */
async function letClientIn(prober: Prober, start: ServerStart): Promise<void> {
  prober.resume()
  const timeout = new AbortController()
  await Promise.race([
    prober.next(),
    start.ended,
    delay(connectWithinSeconds * 1000, undefined, {signal: timeout.signal}),
  ]).finally(() => timeout.abort())
  prober.pause()
}

/** What is left once nothing is in flight any more; null where the OS does not show it. */
async function readResidue(
  {look, platform, options}: CheckContext,
  connections: readonly OpenConnection[],
  old: ReadonlySet<number>,
): Promise<CheckRound['residue']> {
  if (look === null) return null
  const deadline = monotonicSeconds() + settleWithinSeconds
  const ports = new Set(connections.map(({localPort}) => localPort))
  let before = ''
  for (;;) {
    const view = await look()
    const holders = old.size === 0 ? [] : await holdersOf(platform, options.port, view.listeners)
    const oldListeners = holders.some(({pid}) => old.has(pid)) ? view.listeners : []
    // Only what the connections left: others that come now are clients of the successor.
    const ours = view.connections.filter(
      ({entry}) => ports.has(entry.remote.port) || ports.has(entry.local.port),
    )
    const residue = residueOf([
      ...oldListeners.map((entry) => ({
        endpoint: 'server' as const,
        socket: 'listener' as const,
        entry,
      })),
      ...ours,
    ])
    // A socket that turns into TIME_WAIT while the table is read may be missing from it.
    const now = JSON.stringify(residue)
    const passing = ours.some(({entry}) => /SYN|FIN_WAIT1|CLOSING|LAST_ACK/.test(entry.state))
    const closing = !options.hold && connections.some(({client}) => !client.socket.destroyed)
    const settled = !passing && !closing && now === before
    if (settled || monotonicSeconds() > deadline) {
      const ofServer = residue.some(({endpoint}) => endpoint === 'server')
      return !ofServer && platform.hiddenStates.length > 0 ? null : residue
    }
    before = now
    await delay(settleEveryMilliseconds)
  }
}

/** The processes of the stopped server that are alive at the restart, and which of them still listens. */
async function describeSurvivors(
  {host, look, platform, options}: CheckContext,
  old: ReadonlySet<number>,
): Promise<Survivor[]> {
  if (old.size === 0) return []
  const {port} = options
  const view = look === null ? undefined : await look()
  const listening = await holdersOf(platform, port, view?.listeners ?? [])
  return [...old].flatMap((pid) => {
    const command = host.commandOf(pid)
    if (command === undefined) return []
    return [{pid, command, listening: listening.some((holder) => holder.pid === pid)}]
  })
}

/** Until the next attempt: seldom while the kernel's timers say that it is in vain. */
async function pauseSeconds(
  {look, platform, settings, host}: CheckContext,
  prober: Prober,
  old: ReadonlySet<number>,
  beganAt: number,
  portRefused: boolean,
): Promise<number> {
  const now = monotonicSeconds()
  const proportional = Math.min(seldomSeconds, Math.max(0.1, (now - beganAt) / 20))
  if (!portRefused) return proportional
  if (host.processes().some((pid) => old.has(pid))) return processHeldSeconds
  const view = look === null ? null : await look()
  const left = view?.connections.filter(
    ({endpoint, entry}) => endpoint === 'server' && !prober.ports.has(entry.remote.port),
  )
  const hidden = platform.hiddenStates.includes('TIME_WAIT')
  // Refused a moment ago, and nothing is left now: it has just gone.
  if (left?.length === 0 && !hidden) return goneSeconds
  if (left === undefined && !hidden) return proportional
  const pacing = pacingFor({
    platform,
    settings,
    sockets: left ?? null,
    assumed: hidden ? 'TIME_WAIT' : 'none',
    appearedAt: beganAt,
  })
  if (pacing.kind === 'proportional') return proportional
  return Math.min(seldomSeconds, Math.max(denseSeconds, pacing.at - now))
}
