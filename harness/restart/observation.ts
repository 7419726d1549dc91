import type {Bracket} from '../clock.ts'
import type {
  ReportedCall,
  ReportedPackets,
  ResidueEntry,
  ResultBind,
  TimelineEntry,
} from '../documents/report-schema.ts'
import type {Settings} from '../platforms/platform.ts'
import {type Counts, countNames} from '../processes/protocol.ts'
import type {RestartEvent, Timed} from './events.ts'
import {Timeline} from './timeline.ts'

/** The bind attempts of one successor; all moments are seconds since the run began. */
export interface Attempts {
  count: number
  /** When the first one had been answered. */
  firstAt?: number
  /** How often each error was the answer. */
  errors: Readonly<Record<string, number>>
  firstError: ResultBind['firstError']
  lastRefused?: Bracket
  last?: Bracket & {refused: boolean}
  grantedAt?: number
}

/** When the port beside was released, on which somebody tried densely. */
export interface Released {
  grantedAt: number | null
  lastRefusedAt: number
  /** Between which bounds its residue's time lies. */
  residueSeconds: [min: number, max: number] | null
}

/** What is known of a restart, at any moment: the events up to then, folded. All moments are seconds since the run began. */
export interface Observation {
  /** The settings of the scenario's own namespace. */
  settings?: Settings
  port?: number
  /** When the predecessor came to listen. */
  listening?: Bracket
  /** The last step that changed the connection. */
  lastWireStep?: Bracket
  /** When the predecessor stopped accepting connections. */
  stoppedAccepting?: Bracket
  /** What was left on the port right before the first attempt; null where that cannot be seen. */
  residue: ResidueEntry[] | null
  /** Segments that were sent again by then, by whomever; one that arrives twice can end TIME_WAIT. */
  retransmitted?: number
  /** When that was looked at, and the earliest moment at which it can have appeared. */
  looked?: {at: number; since: number | undefined}
  /** When the successor was asked to open the port. */
  waitingSince?: number
  /** The earliest release that the kernel's timer or the platform's range tells. */
  releaseFrom?: number
  attempts: Attempts
  /** When a successor that inherited its socket accepted. */
  acceptsAt?: number
  calls: readonly ReportedCall[]
  /** How old the residue may have been when the client came back to its old port. */
  calledAfterSeconds?: number
  counts: Counts
  timeline: Timeline
  /** How often a kernel timer has been seen to restart. */
  timerRestarts: number
  released?: Released
  packets?: ReportedPackets
  /** The port was free, and the successor's own way of retrying let it lie for too long. */
  tooLate: boolean
  scriptDone: boolean
}

export const nothingYet: Observation = {
  residue: null,
  attempts: {count: 0, errors: {}, firstError: null},
  calls: [],
  counts: {},
  timeline: Timeline.empty,
  timerRestarts: 0,
  tooLate: false,
  scriptDone: false,
}

/** The last step that changed the connection; without one, the listener is all there is. */
export function residueAppeared({lastWireStep, listening}: Observation): Bracket | undefined {
  return lastWireStep ?? listening
}

/** What is known once this has happened, too. */
export function fold(seen: Observation, event: Timed<RestartEvent>): Observation {
  const {seconds} = event
  switch (event.event) {
    case 'settings':
      return {...seen, settings: event.settings}
    case 'listening':
      return {...seen, port: event.port, listening: bracketOf(event)}
    case 'step': {
      const bracket = bracketOf(event)
      const stopped = event.stopsAccepting === true ? (seen.stoppedAccepting ?? bracket) : undefined
      return {
        ...seen,
        ...(event.wire === true ? {lastWireStep: bracket} : {}),
        ...(stopped === undefined ? {} : {stoppedAccepting: stopped}),
      }
    }
    case 'state':
      return withChange(seen, event)
    case 'residue':
      return {
        ...seen,
        residue: event.residue,
        ...(event.retransmittedSegments === undefined
          ? {}
          : {retransmitted: event.retransmittedSegments}),
        looked: {at: seconds, since: residueAppeared(seen)?.from},
      }
    case 'restart':
      return {...seen, waitingSince: seconds}
    case 'pacing': {
      const {releaseFrom: _, ...others} = seen
      const {denseInSeconds} = event
      return denseInSeconds === null ? others : {...seen, releaseFrom: seconds + denseInSeconds}
    }
    case 'bind-attempt': {
      // Logs of earlier versions do not tell what was left; it is what had been seen by then.
      const {looked, timeline} = seen
      const residue =
        looked === undefined && seen.attempts.count === 0 ? socketsLeft(timeline) : seen.residue
      return {...seen, residue, attempts: withAttempt(seen.attempts, event)}
    }
    case 'accepting':
      return {...seen, acceptsAt: seconds}
    case 'call':
      return withCall(seen, event)
    case 'counts':
      return {...seen, counts: {...seen.counts, ...countsOf(event)}}
    case 'release':
      return {...seen, released: releasedBy(event)}
    case 'too-late':
      return {...seen, tooLate: true}
    case 'packets': {
      const {event: _, seconds: __, ...packets} = event
      return {...seen, packets}
    }
    case 'script-done':
      return {...seen, scriptDone: true}
    case 'warning':
      return event.round === undefined ? seen : nothingYet
    case 'process':
    case 'output':
    case 'port-lost':
      return seen
  }
}

type EventOf<Kind extends RestartEvent['event']> = Timed<Extract<RestartEvent, {event: Kind}>>

function bracketOf({
  seconds,
  tookSeconds = 0,
}: {
  seconds: number
  tookSeconds?: number | undefined
}) {
  return {from: seconds - tookSeconds, to: seconds}
}

function withChange(seen: Observation, {event: _, ...change}: EventOf<'state'>): Observation {
  const {timeline, before} = seen.timeline.add(change)
  // The same end of the connection was told of before, in the same state.
  const restarted = change.expiresInSeconds !== undefined && before?.state === change.state
  return {...seen, timeline, timerRestarts: seen.timerRestarts + (restarted ? 1 : 0)}
}

function withAttempt(seen: Attempts, event: EventOf<'bind-attempt'>): Attempts {
  const {seconds, outcome, code = '', errno = 0} = event
  const bracket = bracketOf(event)
  const attempts: Attempts = {
    ...seen,
    count: seen.count + 1,
    firstAt: seen.firstAt ?? seconds,
    last: {...bracket, refused: outcome === 'refused'},
  }
  if (outcome === 'granted') return {...attempts, grantedAt: seconds}
  const {syscall = 'bind', message = `${syscall} ${code}`} = event
  return {
    ...attempts,
    errors: {...seen.errors, [code]: (seen.errors[code] ?? 0) + 1},
    firstError: seen.firstError ?? {code, errno, syscall, message},
    lastRefused: bracket,
  }
}

function withCall(seen: Observation, told: EventOf<'call'>): Observation {
  const {event: _, seconds, tookSeconds = 0, ...call} = told
  const appeared = residueAppeared(seen)
  return {
    ...seen,
    calls: [...seen.calls, {...call, seconds: tookSeconds}],
    ...(call.from === 'the same port' ? {calledAfterSeconds: seconds - (appeared?.from ?? 0)} : {}),
  }
}

function countsOf(event: EventOf<'counts'>): Counts {
  return Object.fromEntries(
    countNames.flatMap((name) => (event[name] === undefined ? [] : [[name, event[name]]])),
  )
}

function releasedBy(event: EventOf<'release'>): Released {
  const {seconds, residueSeconds = null, uncertaintySeconds} = event
  const [min, max] = residueSeconds ?? [0, null]
  return {
    grantedAt: max === null ? null : seconds,
    lastRefusedAt: seconds - (uncertaintySeconds ?? 0),
    residueSeconds: max === null ? null : [min, max],
  }
}

/** What is on the port, by the changes of state that were told of. */
export function socketsLeft(timeline: Iterable<TimelineEntry>): ResidueEntry[] {
  const states = new Map(
    [...timeline].map(({endpoint, socket, connection = 0, state}) => [
      `${endpoint} ${socket} ${connection}`,
      {endpoint, state},
    ]),
  )
  const counted = new Map<string, ResidueEntry>()
  for (const {endpoint, state} of states.values()) {
    if (state === 'CLOSED') continue
    const key = `${endpoint} ${state}`
    counted.set(key, {endpoint, state, count: (counted.get(key)?.count ?? 0) + 1})
  }
  return [...counted.values()]
}
