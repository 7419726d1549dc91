import type {Result, TimelineEntry} from '../documents/report-schema.ts'
import {groupBy} from '../group-by.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {isTransition, statesBetween} from '../platforms/tcp-transitions.ts'

type Endpoint = TimelineEntry['endpoint']

/** A state on the way of one end of a connection. */
export interface Stop {
  state: TcpState
  /** False for one that was not seen, but through which every way between those seen leads. */
  seen: boolean
  /** How long it was seen, where that is known. */
  seconds?: number
}

/** The way that one end of a connection took through the states of TCP. */
export interface Way {
  endpoint: Endpoint
  stops: readonly Stop[]
  /** It left a socket table that does not show every state: where it went is not known. */
  lost: boolean
}

export interface Ways {
  ways: readonly Way[]
  /** Of so many connections it is one, the one of which most was seen. */
  connections: number
}

/** What was seen of a connection, until it was closed or opened again. */
interface Life {
  server: TimelineEntry[]
  client: TimelineEntry[]
}

/**
 * The ways of both ends, from what was seen: the timeline, and the residue. Nothing is taken from the scenario.
 * @param hiddenStates those that the operating system's socket table leaves out
 */
export function waysOf(result: Result, hiddenStates: readonly TcpState[]): Ways {
  const timeline = withResidue(result)
  const listener = timeline.filter(({socket}) => socket === 'listener')
  const lives = livesOf(timeline.filter(({socket}) => socket === 'connection'))
  const shown = lives.reduce<Life | undefined>(
    (best, life) => (best === undefined || statesOf(life) > statesOf(best) ? life : best),
    undefined,
  )
  if (shown === undefined) {
    const listens = listener.some(({state}) => state === 'LISTEN')
    const stops: Stop[] = [{state: 'LISTEN', seen: true}]
    return {ways: listens ? [{endpoint: 'server', stops, lost: false}] : [], connections: 0}
  }
  const opener = openerOf(shown, listener)
  const ways = (['server', 'client'] as const).flatMap((endpoint): Way[] => {
    const entries = shown[endpoint]
    if (entries.length === 0) return []
    const peer = shown[endpoint === 'server' ? 'client' : 'server']
    const lost = hiddenStates.length > 0 && entries.at(-1)?.state === 'CLOSED'
    const seen = lost ? entries.slice(0, -1) : entries
    const ackedByPeer = peer.some(({state}) => state === 'TIME_WAIT')
    const opened = opener === undefined ? [] : opening(endpoint, opener, seen[0]?.state)
    return [{endpoint, stops: [...opened, ...stopsOf(seen, entries, ackedByPeer)], lost}]
  })
  return {ways, connections: lives.length}
}

/** What was there when the successor first tried, even if the socket table was not read in time to show it before. */
function withResidue({timeline, residue, bind}: Result): TimelineEntry[] {
  const missing = (residue ?? []).filter(
    ({endpoint, state}) =>
      !timeline.some((entry) => entry.endpoint === endpoint && entry.state === state),
  )
  const seconds = bind?.firstAttemptAtSeconds ?? timeline.at(-1)?.seconds ?? 0
  const added = missing.map(
    ({endpoint, state}): TimelineEntry => ({
      ...{seconds, endpoint, state},
      ...(state === 'LISTEN' ? {socket: 'listener'} : {socket: 'connection', connection: 1}),
    }),
  )
  return [...timeline, ...added].sort((a, b) => a.seconds - b.seconds)
}

/** A connection of the same two ports may come to life again, as another one. */
function livesOf(entries: readonly TimelineEntry[]): Life[] {
  const connections = groupBy(entries, ({connection = 1}) => connection)
  return [...connections.values()].flatMap((own) => {
    const lives: Life[] = []
    for (const endpoint of ['server', 'client'] as const) {
      let index = 0
      let last: TcpState | undefined
      for (const entry of own.filter((each) => each.endpoint === endpoint)) {
        if (entry.state === last) continue
        if (last !== undefined && isNewLife(last, entry.state)) index++
        lives[index] ??= {server: [], client: []}
        lives[index]?.[endpoint].push(entry)
        last = entry.state
      }
    }
    return lives
  })
}

function isNewLife(last: TcpState, next: TcpState): boolean {
  return next !== 'CLOSED' && statesBetween(last, next) === null
}

function statesOf({server, client}: Life): number {
  return [...server, ...client].filter(({state}) => state !== 'CLOSED').length
}

/** Which end connected: the client if a server listened then. Undefined where that was not seen. */
function openerOf(
  {server, client}: Life,
  listener: readonly TimelineEntry[],
): Endpoint | undefined {
  const first = Math.min(server[0]?.seconds ?? Infinity, client[0]?.seconds ?? Infinity)
  const before = listener.findLast(({seconds}) => seconds <= first)
  if (before === undefined) return undefined
  return before.state === 'LISTEN' ? 'client' : 'server'
}

/** How an end came to the first state that was seen of it. */
function opening(endpoint: Endpoint, opener: Endpoint, first: TcpState | undefined): Stop[] {
  const states: TcpState[] = endpoint === opener ? ['SYN_SENT'] : ['LISTEN', 'SYN_RECV']
  const isKnown = first !== undefined && statesBetween(states.at(-1) ?? first, first) !== null
  if (!isKnown || states.includes(first)) return []
  // A server's own listener was seen; the one of whom the port connected to was not.
  return states.map((state) => ({state, seen: state === 'LISTEN' && endpoint === 'server'}))
}

/** @param all with what came after them, which tells how long the last was seen */
function stopsOf(
  seen: readonly TimelineEntry[],
  all: readonly TimelineEntry[],
  ackedByPeer: boolean,
): Stop[] {
  return seen.flatMap(({state, seconds}, index): Stop[] => {
    const before = seen[index - 1]?.state
    const between = before === undefined ? [] : unseen(before, state, ackedByPeer)
    const next = all[index + 1]?.seconds
    const lasted = next === undefined || state === 'CLOSED' ? {} : {seconds: next - seconds}
    return [
      ...between.map((each): Stop => ({state: each, seen: false})),
      {state, seen: true, ...lasted},
    ]
  })
}

/**
 * The states that an end must have passed between two that were seen of it. To CLOSED there is always another way, an
 * RST; but an end whose FIN the other end has, which is then in TIME_WAIT, closed in turn, or it would be in TIME_WAIT
 * itself.
 */
function unseen(before: TcpState, state: TcpState, ackedByPeer: boolean): readonly TcpState[] {
  if (state !== 'CLOSED') return statesBetween(before, state) ?? []
  const closedInTurn = before === 'ESTABLISHED' || before === 'CLOSE_WAIT'
  if (!ackedByPeer || !closedInTurn) return []
  return [...(statesBetween(before, 'LAST_ACK') ?? []), 'LAST_ACK']
}

/** `LISTEN -> (SYN_RECV) -> ESTABLISHED -> (FIN_WAIT1) -> TIME_WAIT 60.1 s -> CLOSED`. */
export function wayWords({stops, lost}: Way): string {
  const words = stops.flatMap(({state, seen, seconds = 0}, index) => {
    const before = stops[index - 1]
    const isKnown = before === undefined || isTransition(before.state, state)
    const lasted = seconds >= leastToldSeconds ? ` ${seconds.toFixed(1)} s` : ''
    return [...(isKnown ? [] : ['?']), seen ? `${state}${lasted}` : `(${state})`]
  })
  return [...words, ...(lost ? ['no longer shown'] : [])].join(' -> ')
}

/** The socket table is read twice a second. */
export const leastToldSeconds = 1

/** What the signs in the words and in the diagram mean, of those that there are. */
export function wayNotes({ways, connections}: Ways, hiddenStates: readonly TcpState[]): string {
  const words = ways.map(wayWords).join(' ')
  return [
    ...(words.includes('(')
      ? [
          'In parentheses and dashed: not seen, but RFC 9293 has no other way between the states seen.',
        ]
      : []),
    ...(words.includes('?')
      ? ['?: what led to CLOSED was not seen: an RST, a timer, or states too short to be seen.']
      : []),
    ...(ways.some(({lost}) => lost)
      ? [`No longer shown: this system's socket table leaves out ${hiddenStates.join(' and ')}.`]
      : []),
    ...(connections > 1
      ? [`Of ${connections} connections, this is the one that was seen in most states.`]
      : []),
  ].join(' ')
}
