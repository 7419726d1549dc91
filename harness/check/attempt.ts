import {monotonicSeconds} from '../clock.ts'
import type {CheckError, CheckProblem} from '../documents/check-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {awaitListening} from './await-listening.ts'
import {clearAway} from './clear-away.ts'
import {asOpenConnection, type OpenConnection} from './connections.ts'
import type {CheckContext, RunningServer} from './context.ts'
import {CouldNotMeasure, tooSlowProblem, unseenProblem} from './could-not-measure.ts'
import {isKnown, isStarting, isStarved, mayBeLate, type Starts, surelyLate} from './late-start.ts'
import type {Listened} from './listened.ts'
import {openListenerJudge} from './listeners.ts'
import {checkedPorts} from './options.ts'
import {missingPorts} from './other-ports.ts'
import {openPatience} from './patience.ts'
import type {Prober} from './prober.ts'
import {holdsPort, isAnyLeft, type LeftOver} from './residue.ts'
import type {RestartEvent} from './restart-state.ts'
import {type ServerStart, starvedSeconds} from './server.ts'
import {hadListened, type StartOutcome} from './start-outcome.ts'
import {letClientIn, staysUp} from './stays-up.ts'

/** While the prober runs it is the prober that notices; the table is for what it cannot see. */
const lookEveryMilliseconds = 50
const minimumAttemptSeconds = 10
/** How soon after a start the first look is over, on a machine that keeps up. */
const usuallySeenWithinSeconds = 0.25

/** What the attempts of one restart have in common. */
export interface AttemptContext {
  context: CheckContext
  predecessor: RunningServer
  connections: readonly OpenConnection[]
  prober: Prober
  listened: Listened
  /** Whether the stopped server listened until the last look before its end. */
  listenedToTheEnd: boolean
  /** Whether it had a client before that, and listened no longer. */
  tookLastClient: boolean
  /** Monotonic: the limit of all attempts. */
  deadline: number
}

export interface Attempt extends AttemptContext {
  attempt: number
  start: ServerStart
  /** Whether processes of earlier starts were alive just before this one. */
  oldWereAlive: boolean
  left: Promise<LeftOver>
  onOldListeners(holders: readonly Holder[]): void
}

type Ended = Extract<RestartEvent, {event: 'refused' | 'granted'}>
export type Refused = Extract<RestartEvent, {event: 'refused'}> & {
  /** Why nothing is known of it, if no other attempt tells more. */
  tooSlow: CheckProblem | undefined
}

/**
 * Waits for what becomes of one start, and ends what is left of it if it failed.
 * @throws CouldNotMeasure if who listened, or why so late, is unknown
 */
export async function playAttempt(
  attempt: Attempt,
): Promise<Extract<Ended, {event: 'granted'}> | Refused> {
  const {context, start, listened, left, prober, predecessor, deadline, onOldListeners} = attempt
  const {tookLastClient} = attempt
  const {first, startupSeconds} = predecessor
  const judge = openListenerJudge(context, start, listened)
  const attemptSeconds = Math.max(minimumAttemptSeconds, 5 * startupSeconds)
  const outcome = await awaitListening({
    ...{context, server: start, judge, prober, lookEveryMilliseconds, onOldListeners},
    deadline: Math.min(deadline, start.startedAt + attemptSeconds),
    elsewhereSeconds: patienceSeconds(predecessor),
  })
  const residue = await left
  if (outcome.kind !== 'listening') return refuse(attempt, outcome)
  const late = await isLate(attempt, outcome, residue)
  const acceptedAt = await letClientIn({context, server: start, prober})
  const isLetIn = acceptedAt !== undefined
  const usualSeconds = first.startupSeconds
  const fault =
    (await missesPorts(attempt)) ??
    (await staysUp({
      ...{context, server: start, judge, prober, usualSeconds, isLetIn},
      mayTakeLastClient: tookLastClient,
    }))
  // That is certain, whenever it began to listen.
  if (fault !== undefined) return refuse(attempt, fault)
  if (late !== undefined && 'problem' in late) throw new CouldNotMeasure(late.problem)
  return grant(attempt, outcome, late, acceptedAt ?? outcome.at)
}

type Listening = Extract<StartOutcome, {kind: 'listening'}>
type Late = {code: CheckError['code']}

/** What a start may take before it is taken for one that does not listen. */
function patienceSeconds({startupSeconds}: Pick<RunningServer, 'startupSeconds'>): number {
  return Math.max(1, 3 * startupSeconds)
}

async function missesPorts({
  context,
  start,
  predecessor,
}: Attempt): Promise<StartOutcome | undefined> {
  const {allPortsSeconds} = predecessor.first
  const seconds = patienceSeconds({startupSeconds: allPortsSeconds})
  const isOver = openPatience(context.host, start, seconds, 'listen on its other ports')
  const ports = await missingPorts(context, start, isOver)
  // That one has ended says more.
  const isRunning = start.ending() === undefined
  return ports.length > 0 && isRunning ? {kind: 'not-on-all-ports', ports} : undefined
}

function grant(
  {attempt, context, start, prober, listened, predecessor: {first}}: Attempt,
  outcome: Listening,
  late: Late | undefined,
  acceptedAt: number,
): Extract<Ended, {event: 'granted'}> {
  const {holders, beside} = outcome
  const had = prober.connection()
  const at = Math.min(outcome.at, had?.at ?? outcome.at)
  const successor = {
    ...{start, holders, first},
    startupSeconds: Math.max(0, at - start.startedAt),
    waiting: had === undefined ? undefined : asOpenConnection(had.client),
    spans: listened.spans.filter(({pid}) => context.host.startOf(pid) === start.number),
  }
  const besideOld: StartOutcome = {kind: 'beside-old', holders: beside}
  const after =
    beside.length > 0 ? {outcome: besideOld, code: null} : late && {outcome, code: late.code}
  const lines = start.lines.errorLines()
  return {event: 'granted', attempt, at, acceptedAt, successor, after, lines}
}

async function refuse(
  {attempt, context, start, prober, predecessor, deadline, onOldListeners}: Attempt,
  outcome: StartOutcome,
): Promise<Refused> {
  if (outcome.kind === 'unseen') throw new CouldNotMeasure(unseenProblem(context, start, outcome))
  if (outcome.kind === 'beside-old') onOldListeners(outcome.holders)
  // Whoever let the client in is not the server that stays.
  prober.reject()
  const tookSeconds = monotonicSeconds() - start.startedAt
  const starved = starvedSeconds(context.host, start)
  await clearAway(context, start)
  // Only now has all arrived that it wrote: its end may be told before its last words.
  const inUse =
    start.lines.namesAddressInUse(checkedPorts(context.options)) && !hadListened(outcome.kind)
  const cutOff =
    outcome.kind === 'never-listened' &&
    isStarting({
      ranSeconds: deadline - start.startedAt,
      starved,
      patienceSeconds: patienceSeconds(predecessor),
    })
  const times = {first: predecessor.first, tookSeconds, unknownSeconds: starved}
  return {
    ...{event: 'refused', attempt, outcome, code: inUse ? 'EADDRINUSE' : null, cutOff},
    lines: start.lines.errorLines(),
    tooSlow: cutOff && isStarved(starved) ? tooSlowProblem(times) : undefined,
  }
}

/**
 * Whether the server tried again by itself until it had its port, as nginx does five times: then what was
 * in its way is gone when it listens, and that took longer than usual. One that listens while that is
 * still there was not kept from it, whatever it writes.
 * @returns a problem if it was kept from running for so long that this is unknown
 */
async function isLate(
  attempt: Attempt,
  {at, notBefore}: Listening,
  left: LeftOver,
): Promise<Late | {problem: CheckProblem} | undefined> {
  const {context, start, prober, predecessor} = attempt
  const listensAt = Math.min(at, prober.connection()?.at ?? at)
  const namedAt = start.lines.namedAddressInUseAt(checkedPorts(context.options))
  const tookSeconds = listensAt - start.startedAt
  const unknown = starvedSeconds(context.host, start) + Math.max(0, listensAt - notBefore)
  const starts: Starts = {
    ...{first: predecessor.first, tookSeconds},
    unknownSeconds: Math.min(tookSeconds, unknown),
    afterWordsSeconds: namedAt === undefined ? undefined : listensAt - namedAt,
  }
  const seemsLate = mayBeLate(starts)
  if (seemsLate === undefined) return undefined
  const late = surelyLate(starts)
  if (await wasKeptFromPort(attempt, left, seemsLate.byFar)) {
    if (late === undefined && isKnown(starts)) return undefined
    if (late === undefined) return {problem: tooSlowProblem(starts)}
    return {code: namedAt === undefined ? null : 'EADDRINUSE'}
  }
  return late?.saidSo === true ? {code: null} : undefined
}

/** Whether something was in the way of a start, and is gone now, as far as that shows. */
async function wasKeptFromPort(
  {context, connections, start, oldWereAlive, listenedToTheEnd}: Attempt,
  {residue, hadListener, seenFrom}: LeftOver,
  byFar: boolean,
): Promise<boolean> {
  // An old process may have listened when this one began, and not when we came to look.
  if (listenedToTheEnd && oldWereAlive && seenFrom - start.startedAt > usuallySeenWithinSeconds) {
    return true
  }
  // It is gone once the new one listens; what it leaves of its connections was not in the way.
  if (hadListener) return true
  // Where that does not show, only a start that took very much longer tells.
  if (residue === null) return byFar && connections.some((each) => each.endedByServer())
  const holding = residue.filter(({endpoint, state}) => endpoint === 'server' && holdsPort(state))
  return holding.length > 0 && !(await isAnyLeft(context, connections))
}
