/** What is known of one start of the command, folded from what was seen of it. */
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import type {Judged} from './listeners.ts'
import type {Elsewhere, StartOutcome} from './start-outcome.ts'

/** Our client's connection, as far as it shows who accepted it. */
export interface ClientSeen {
  /** When it was had, monotonic. */
  at: number
  /** Processes of the start that have its other end. */
  ours: Holder[]
  /** Whether anybody was seen to have it. */
  isOwned: boolean
  /** Other ends that some process has open. */
  held: SocketEntry[]
}

export type StartEvent =
  /** One reading of the port. */
  | {
      event: 'look'
      /** When it was begun, monotonic: what it does not show was not there yet. */
      at: number
      /** When it was over: what it shows may not have been there before. */
      to: number
      /** How the command had ended before that. */
      ending: CommandEnding | undefined
      /** Whether processes of earlier starts were alive. */
      oldAlive: boolean
      /** Whether the command has ended, and left processes behind. */
      leftBehind: boolean
      /** Whose the listeners are; undefined where there are none. */
      judged: Judged | undefined
      client: ClientSeen | undefined
    }
  /** Where else the start was seen to listen after that look. */
  | {event: 'elsewhere'; at: number; found: Elsewhere | undefined}

export interface StartLimits {
  /** When the command was started, monotonic. */
  startedAt: number
  deadline: number
  /** How long a server may listen elsewhere before it is taken for its last word. */
  elsewhereSeconds: number
  /** Whether a client tries to connect: without one, a command that has ended has left a daemon. */
  hasClient: boolean
}

/** What the client has to do now. */
export interface ClientOrder {
  /** Its connection was with somebody else, or may have been. */
  rejects: boolean
  tries: 'as-before' | 'yes' | 'no'
}

const asBefore: ClientOrder = {rejects: false, tries: 'as-before'}

export interface StartState extends StartLimits {
  /** An old process may have listened since this start: a connection may be one with that. */
  oldListened: boolean
  /** Old processes that listened beside the new one. */
  beside: ReadonlyMap<number, Holder>
  /** When the last look began that did not show it listening. */
  notBefore: number
  lookedAt: number
  unseenSince: number | undefined
  elsewhereSince: number | undefined
  /** Processes of earlier starts are alive; once they are gone they stay so. */
  oldAlive: boolean
  client: ClientOrder
  outcome: StartOutcome | undefined
}

/** How long what a daemon left in the foreground may have ended before it listens. */
const daemonSeconds = 5
/** A process that has just closed its socket, or ended, is no longer seen to have it. */
export const unseenSeconds = 0.5

/** @param oldAlive whether processes of earlier starts were alive when it was started */
export function startBegun(limits: StartLimits, oldAlive: boolean): StartState {
  return {
    ...limits,
    oldListened: oldAlive,
    oldAlive,
    beside: new Map(),
    notBefore: limits.startedAt,
    lookedAt: limits.startedAt,
    unseenSince: undefined,
    elsewhereSince: undefined,
    client: asBefore,
    outcome: undefined,
  }
}

export function foldStart(state: StartState, event: StartEvent): StartState {
  return event.event === 'look' ? foldLook(state, event) : foldElsewhere(state, event)
}

/** Whether the client's connection is with the start, while somebody listens. */
export function isWithStart({oldListened}: StartState, client: ClientSeen): boolean {
  return !oldListened || client.ours.length > 0
}

type Look = Extract<StartEvent, {event: 'look'}>

function foldLook(before: StartState, look: Look): StartState {
  const {at: lookedAt, oldAlive} = look
  const state: StartState = {...before, client: asBefore, lookedAt, oldAlive}
  const {judged} = look
  const seen =
    judged === undefined ? foldNoListener(state, look) : foldListener(state, look, judged)
  if (seen.outcome !== undefined) return seen
  return {...seen, notBefore: look.at, outcome: ended(look)}
}

function foldListener(state: StartState, look: Look, judged: Judged): StartState {
  const {ours, old, others, unseen} = judged
  const isTheirs = look.client !== undefined && isWithStart(state, look.client)
  const at = isTheirs ? (look.client?.at ?? look.to) : look.to
  // Of a client that was with the old one, which has gone since, nothing follows for the new one.
  const client = {...asBefore, rejects: look.client !== undefined && !isTheirs}
  if (others.length > 0)
    return {...state, client, outcome: {kind: 'other-process', holders: others}}
  if (old.length > 0) {
    const beside = new Map(state.beside)
    if (ours.length > 0) for (const holder of old) beside.set(holder.pid, holder)
    // Who answers there now is known, or may be the wrong one.
    return {...state, oldListened: true, beside, client: {rejects: true, tries: 'no'}}
  }
  if (unseen.length > 0) return foldUnseen({...state, client}, unseen, look.at)
  const known = {...state, client, unseenSince: undefined}
  if (ours.length === 0) return known
  return {
    ...known,
    outcome:
      look.ending?.code === 0 && !state.hasClient
        ? {kind: 'daemonised', holders: ours}
        : listening(state, at, ours),
  }
}

/** A connection was had. If the listener is gone again, it was there for this one. */
function foldNoListener(state: StartState, {at, client, oldAlive}: Look): StartState {
  const trying: StartState = {...state, client: {rejects: false, tries: 'yes'}}
  if (client === undefined) return trying
  const {ours, isOwned, held} = client
  if (ours.length === 0 && (isOwned || oldAlive)) {
    return {...state, client: {rejects: true, tries: 'yes'}}
  }
  if (ours.length === 0 && held.length > 0) return foldUnseen(trying, held, at)
  return {...state, outcome: listening(state, client.at, ours)}
}

function foldUnseen(state: StartState, sockets: SocketEntry[], at: number): StartState {
  const unseenSince = state.unseenSince ?? at
  const isLong = at - unseenSince > unseenSeconds
  return {...state, unseenSince, outcome: isLong ? {kind: 'unseen', sockets} : undefined}
}

function listening({notBefore, beside}: StartState, at: number, holders: Holder[]): StartOutcome {
  return {kind: 'listening', at, notBefore, holders, beside: [...beside.values()]}
}

/** The command has ended; it may have left a daemon that will listen. */
function ended({ending, leftBehind, at}: Look): StartOutcome | undefined {
  if (ending === undefined) return undefined
  const mayBeDaemon = ending.code === 0 && leftBehind && at < ending.seconds + daemonSeconds
  return mayBeDaemon ? undefined : {kind: 'exited', ending}
}

function foldElsewhere(
  state: StartState,
  {at, found}: Extract<StartEvent, {event: 'elsewhere'}>,
): StartState {
  const elsewhereSince = found === undefined ? undefined : (state.elsewhereSince ?? at)
  const {lookedAt, beside, deadline, elsewhereSeconds} = state
  const isLong = lookedAt - (elsewhereSince ?? lookedAt) > elsewhereSeconds
  const besideOld: StartOutcome | undefined =
    beside.size > 0 ? {kind: 'beside-old', holders: [...beside.values()]} : undefined
  const atTheLimit: StartOutcome = besideOld ?? found ?? {kind: 'never-listened'}
  const outcome = isLong ? found : lookedAt > deadline ? atTheLimit : undefined
  return {...state, elsewhereSince, outcome}
}
