import {setTimeout as delay} from 'node:timers/promises'
import pRetry from 'p-retry'
import {monotonicSeconds} from '../clock.ts'
import type {CheckRound, Survivor} from '../reports/check-schema.ts'
import {asOpenConnection, type OpenConnection} from './connections.ts'
import type {CheckContext, RunningServer} from './context.ts'
import {collectErrors, outcomeWords} from './errors-seen.ts'
import {awaitListening} from './listening.ts'
import {commandToStart} from './options.ts'
import {pauseSeconds} from './pause.ts'
import type {Prober} from './prober.ts'
import {describeSurvivors, readResidue} from './residue.ts'
import type {ServerStart} from './server.ts'

/** While the prober runs it is the prober that notices; the table is for what it cannot see. */
const lookEveryMilliseconds = 50
/** How long a client is given to get in, once the table shows a listener. */
const connectWithinSeconds = 5
const minimumAttemptSeconds = 10
/** A server that retries for itself, and silently, shows by taking this much longer than at first. */
const silentRetrySeconds = 5

export interface Restarted {
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
export async function restart(
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
