import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {CheckContext} from './context.ts'
import type {ListenerJudge} from './listeners.ts'
import {holdersOf, type PortView} from './port-view.ts'
import type {Prober} from './prober.ts'
import type {ServerStart} from './server.ts'
import {openElsewhere} from './start-elsewhere.ts'
import type {StartOutcome} from './start-outcome.ts'
import {
  type ClientOrder,
  type ClientSeen,
  foldStart,
  isWithStart,
  type StartEvent,
  type StartState,
  startBegun,
} from './start-state.ts'

export interface ListeningQuestion {
  context: Pick<CheckContext, 'options' | 'platform' | 'host' | 'look' | 'before' | 'signal'>
  server: ServerStart
  judge: ListenerJudge
  /** The client that tries to connect; none while a connection must not disturb. */
  prober: Prober | undefined
  /** Monotonic. */
  deadline: number
  /** How long a server may listen elsewhere before it is taken for its last word. */
  elsewhereSeconds: number
  lookEveryMilliseconds: number
  /** Old processes that listen are told of as soon as they are seen. */
  onOldListeners?(holders: readonly Holder[]): void
}

/**
 * Waits until the started command listens on the port, and no old process does, or until it is plain that
 * it does not.
 * @throws the reason of the signal when that is aborted
 */
export async function awaitListening(question: ListeningQuestion): Promise<StartOutcome> {
  const {server, prober, deadline, elsewhereSeconds, context} = question
  const limits = {startedAt: server.startedAt, deadline, elsewhereSeconds}
  const elsewhere = openElsewhere(context, server.number)
  let state = startBegun({...limits, hasClient: prober !== undefined}, oldAreAlive(question))
  for (;;) {
    context.signal.throwIfAborted()
    const {view, ...look} = await lookAtStart(question, state)
    state = foldStart(state, {event: 'look', ...look})
    const old = look.judged?.old ?? []
    if (old.length > 0) question.onOldListeners?.(old)
    if (prober !== undefined) obey(prober, state.client)
    if (state.outcome !== undefined) return state.outcome
    const found = await elsewhere(view)
    state = foldStart(state, {event: 'elsewhere', at: monotonicSeconds(), found})
    if (state.outcome !== undefined) return state.outcome
    await nextLook(question, look)
  }
}

type Look = Omit<Extract<StartEvent, {event: 'look'}>, 'event'>

async function lookAtStart(
  question: ListeningQuestion,
  state: StartState,
): Promise<Look & {view: PortView}> {
  const {context, server, judge, prober} = question
  const ending = server.ending()
  let at = monotonicSeconds()
  let view = await context.look()
  // A connection cannot be judged by a reading that was begun before it was there.
  if ((prober?.connection()?.at ?? at) > at) {
    at = monotonicSeconds()
    view = await context.look()
  }
  const to = monotonicSeconds()
  const client = await whoHasClient(question, view)
  const since = client !== undefined && isWithStart(state, client) ? client.at : to
  const judged = view.listeners.length > 0 ? await judge.judge(view, since) : undefined
  // Descent has to be seen while the parents are alive, if there is more than one whose it could be.
  const living = state.oldAlive || ending !== undefined ? context.host.processes() : []
  return {
    ...{view, at, to, ending, judged, client},
    oldAlive: state.oldAlive && living.some(({start}) => start !== server.number),
    leftBehind: ending !== undefined && living.some(({start}) => start === server.number),
  }
}

async function whoHasClient(
  {context: {platform, host, options}, server, prober}: ListeningQuestion,
  view: PortView,
): Promise<ClientSeen | undefined> {
  const had = prober?.connection()
  if (had === undefined) return undefined
  const ends = view.connections.flatMap(({endpoint, entry}) =>
    endpoint === 'server' && entry.remote.port === had.client.socket.localPort ? [entry] : [],
  )
  const holders = await holdersOf(platform, options.port, ends)
  host.processes()
  return {
    at: had.at,
    ours: holders.filter(({pid}) => host.startOf(pid) === server.number),
    isOwned: holders.length > 0,
    held: ends.filter(({inode}) => inode !== undefined),
  }
}

function oldAreAlive({context: {host}, server}: ListeningQuestion): boolean {
  return host.processes().some(({start}) => start !== server.number)
}

function obey(prober: Prober, {rejects, tries}: ClientOrder): void {
  if (tries === 'no') prober.pause()
  if (rejects) prober.reject()
  if (tries === 'yes') prober.resume()
}

async function nextLook(
  {server, prober, lookEveryMilliseconds}: ListeningQuestion,
  {at, ending}: Look,
): Promise<void> {
  const tookMilliseconds = (monotonicSeconds() - at) * 1000
  const wake = new AbortController()
  await Promise.race([
    // With thousands of sockets a reading takes long; at most half of the time is spent on them.
    delay(Math.max(lookEveryMilliseconds, tookMilliseconds), undefined, {signal: wake.signal}),
    ...(ending === undefined ? [server.ended] : []),
    ...(prober === undefined ? [] : [prober.next()]),
  ]).finally(() => wake.abort())
}
