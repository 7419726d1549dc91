import {setTimeout as delay} from 'node:timers/promises'
import pRetry from 'p-retry'
import {monotonicSeconds} from '../clock.ts'
import type {CheckError, CheckRound, Survivor} from '../documents/check-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {clearAway} from './clear-away.ts'
import {asOpenConnection, type OpenConnection} from './connections.ts'
import type {CheckContext, RunningServer} from './context.ts'
import {CouldNotMeasure, tooSlowProblem, unseenProblem} from './could-not-measure.ts'
import {collectErrors, outcomeWords} from './errors-seen.ts'
import {isKnown, isStarting, isStarved, mayBeLate, surelyLate} from './late-start.ts'
import type {Listened} from './listened.ts'
import {openListenerJudge} from './listeners.ts'
import {awaitListening, hadListened, type StartOutcome} from './listening.ts'
import {commandToStart} from './options.ts'
import {pauseSeconds} from './pause.ts'
import type {Prober} from './prober.ts'
import {describeSurvivors, holdsPort, isAnyLeft, type LeftOver, readResidue} from './residue.ts'
import {type ServerStart, starvedSeconds} from './server.ts'
import {staysUp} from './stays-up.ts'

/** While the prober runs it is the prober that notices; the table is for what it cannot see. */
const lookEveryMilliseconds = 50
const minimumAttemptSeconds = 10
/** How soon after a start the first look is over, on a machine that keeps up. */
const usuallySeenWithinSeconds = 0.25

export interface Restarted {
  successor: RunningServer | undefined
  attempts: number
  errors: CheckRound['errors']
  firstAttemptAt: number
  grantedAt: number | null
  survivors: Survivor[]
  residue: Promise<CheckRound['residue']>
}

interface Stopped {
  prober: Prober
  listened: Listened
  listenedToTheEnd: boolean
}

class AttemptFailed extends Error {}

/** Starts the command until it listens, or until the limit. */
export async function restart(
  context: CheckContext,
  round: number,
  predecessor: RunningServer,
  connections: readonly OpenConnection[],
  {prober, listened, listenedToTheEnd}: Stopped,
): Promise<Restarted> {
  const {options, host, signal} = context
  const {limitSeconds} = options
  const {first} = predecessor
  const scenario = `round-${round}`
  const beganAt = monotonicSeconds()
  const deadline = beganAt + limitSeconds
  const attemptSeconds = Math.max(minimumAttemptSeconds, 5 * predecessor.startupSeconds)
  const patienceSeconds = Math.max(1, 3 * predecessor.startupSeconds)
  const errors = collectErrors()
  let firstAttemptAt = beganAt
  let attempts = 0
  let leftOver: Promise<LeftOver> | undefined
  let oldWereAlive = false
  let survivors: Promise<Survivor[]> | undefined
  const oldListeners = new Map<number, Survivor>()
  let successor: RunningServer | undefined
  let grantedAt: number | null = null

  const noteOldListeners = (holders: readonly Holder[]) => {
    for (const {pid, command} of holders) oldListeners.set(pid, {pid, command, listening: true})
  }

  async function tryOnce(attempt: number): Promise<void> {
    attempts = attempt
    oldWereAlive = host.processes().length > 0
    const start = await host.start(commandToStart(options), first.readsAsInUse)
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
      survivors = describeSurvivors(context, start)
    }
    leftOver ??= readResidue(context, connections, start)
    prober.resume()
    const judge = openListenerJudge(context, start, listened)
    const outcome = await awaitListening({
      context,
      server: start,
      judge,
      prober,
      deadline: Math.min(deadline, startedAt + attemptSeconds),
      elsewhereSeconds: patienceSeconds,
      lookEveryMilliseconds,
      onOldListeners: noteOldListeners,
    })
    const left = await leftOver
    if (outcome.kind !== 'listening') return fail(attempt, start, outcome)
    const listensAt = Math.min(outcome.at, prober.connection()?.at ?? outcome.at)
    const startupSeconds = Math.max(0, listensAt - startedAt)
    const {notBefore} = outcome
    const late = await isLate(start, {listensAt, notBefore}, left)
    const fault = await staysUp({
      context,
      server: start,
      judge,
      prober,
      usualSeconds: first.startupSeconds,
    })
    if (fault !== undefined) return fail(attempt, start, fault)
    grantedAt = Math.min(listensAt, prober.connection()?.at ?? listensAt)
    const had = prober.connection()
    const waiting = had === undefined ? undefined : asOpenConnection(had.client)
    const spans = listened.spans.filter((span) => host.startOf(span.pid) === start.number)
    successor = {start, startupSeconds, holders: outcome.holders, waiting, first, spans}
    const {beside} = outcome
    if (beside.length > 0) {
      errors.add(attempt, {kind: 'beside-old', holders: beside}, start, null)
    } else if (late !== undefined) errors.add(attempt, outcome, start, late.code)
    context.onEvent?.('bind-attempt', {at: grantedAt, scenario, attempt, outcome: 'granted'})
  }

  async function fail(attempt: number, start: ServerStart, outcome: StartOutcome): Promise<never> {
    if (outcome.kind === 'unseen') throw new CouldNotMeasure(unseenProblem(context, start, outcome))
    if (outcome.kind === 'beside-old') noteOldListeners(outcome.holders)
    // Whoever let the client in is not the server that stays.
    prober.reject()
    const tookSeconds = monotonicSeconds() - start.startedAt
    const starved = starvedSeconds(host, start)
    await clearAway(context, start)
    // Only now has all arrived that it wrote: its end may be told before its last words.
    const inUse = start.lines.namesAddressInUse() && !hadListened(outcome.kind)
    const code = inUse ? 'EADDRINUSE' : null
    // One that the limit cut off while it was starting has not failed yet.
    const cutOff =
      outcome.kind === 'never-listened' &&
      isStarting({ranSeconds: deadline - start.startedAt, starved, patienceSeconds})
    if (cutOff && errors.list.length === 0 && isStarved(starved)) {
      const times = {first, tookSeconds, unknownSeconds: starved}
      throw new CouldNotMeasure(tooSlowProblem(times))
    }
    if (!cutOff || errors.list.length === 0) errors.add(attempt, outcome, start, code)
    const what = outcomeWords(outcome)
    const at = monotonicSeconds()
    context.onEvent?.('bind-attempt', {
      at,
      scenario,
      attempt,
      outcome: 'refused',
      code: code ?? undefined,
      what,
    })
    if (attempt === 1) context.onWaiting?.(round, code ?? what)
    throw new AttemptFailed(what)
  }

  /**
   * Whether the server tried again by itself until it had its port, as nginx does five times: then what was
   * in its way is gone when it listens, and that took longer than usual. One that listens while that is
   * still there was not kept from it, whatever it writes.
   * @param notBefore when a look still showed nobody
   * @throws CouldNotMeasure if it was kept from running for so long that this is unknown
   */
  async function isLate(
    start: ServerStart,
    {listensAt, notBefore}: {listensAt: number; notBefore: number},
    {residue: left, seenFrom}: LeftOver,
  ): Promise<{code: CheckError['code']} | undefined> {
    const namedAt = start.lines.namedAddressInUseAt()
    const took = listensAt - start.startedAt
    const starts = {
      first,
      tookSeconds: took,
      unknownSeconds: Math.min(
        took,
        starvedSeconds(host, start) + Math.max(0, listensAt - notBefore),
      ),
      afterWordsSeconds: namedAt === undefined ? undefined : listensAt - namedAt,
    }
    const seemsLate = mayBeLate(starts)
    if (seemsLate === undefined) return undefined
    const wasInTheWay =
      left === null
        ? connections.some((each) => each.endedByServer())
        : left.some(({endpoint, state}) => endpoint === 'server' && holdsPort(state))
    // Where that does not show, only a start that took very much longer tells.
    const isGone =
      left === null
        ? seemsLate.byFar
        : hadListener(left) || !(await isAnyLeft(context, connections))
    // An old process may have listened when this one began, and not when we came to look.
    const isUnseen =
      listenedToTheEnd && oldWereAlive && seenFrom - start.startedAt > usuallySeenWithinSeconds
    const late = surelyLate(starts)
    if (isUnseen || (wasInTheWay && isGone)) {
      if (late === undefined && isKnown(starts)) return undefined
      if (late === undefined) throw new CouldNotMeasure(tooSlowProblem(starts))
      return {code: namedAt === undefined ? null : 'EADDRINUSE'}
    }
    return late?.saidSo === true ? {code: null} : undefined
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
        const seconds = await pauseSeconds(context, prober, beganAt, portRefused)
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
    survivors: mergeSurvivors((await survivors) ?? [], oldListeners),
    residue: leftOver?.then(({residue}) => residue) ?? Promise.resolve(null),
  }
}

/** An old listener is gone once the new one listens; what it leaves of its connections was not in the way. */
function hadListener(residue: NonNullable<CheckRound['residue']>): boolean {
  return residue.some(({endpoint, state}) => endpoint === 'server' && state === 'LISTEN')
}

/** Those that were alive at first, and those that were seen to listen since, which their old parents may have made. */
function mergeSurvivors(
  survivors: readonly Survivor[],
  listeners: ReadonlyMap<number, Survivor>,
): Survivor[] {
  const pids = new Set(survivors.map(({pid}) => pid))
  return [
    ...survivors.map((each) => listeners.get(each.pid) ?? each),
    ...[...listeners.values()].filter(({pid}) => !pids.has(pid)),
  ]
}
