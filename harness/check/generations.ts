/**
 * Which processes serve a port, and when others take their place. The listening socket tells that only of
 * servers that make a new one: with nginx, haproxy, gunicorn and node:cluster it stays the same through a
 * reload. So a generation is the processes that have the listening socket *or* own accepted connections. One that
 * closes its listening socket and opens another, as Vite does, begins another generation in the same process.
 */
import type {Bracket} from '../clock.ts'

/** A process, by its pid and what the OS says of when it was started. */
export interface Serving {
  pid: number
  started: string
  parent: number
  command: string
  /** It has the listening socket open. */
  listens: boolean
  /** Inodes of the listening sockets that it has open, where the system shows them. */
  sockets: readonly number[]
  /** Local ports of the clients whose accepted connections it has open. */
  clients: readonly number[]
}

export type GenerationEvent =
  /** One reading of who serves; it began and ended between these moments. */
  | ({event: 'look'; serving: readonly Serving[]; listeners: number} & Bracket)
  /** A process that was seen has ended. */
  | {event: 'ended'; pid: number; started: string; at: number}
  /** A generation was asked for: the trigger was started. */
  | {event: 'cause'; at: number}

/** One process, over all looks; once more for each time that it opened another socket. */
export interface Seen {
  pid: number
  started: string
  parent: number
  command: string
  /** How many causes had been before it was first seen. */
  cause: number
  /** In how many looks it was seen. */
  looks: number
  /** It was not serving at the beginning of this, and was at its end. */
  from: Bracket
  /** The last look that showed it. */
  last: Bracket
  /** It was serving at the beginning of this, and was not at its end; undefined while it serves. */
  to: Bracket | undefined
  /** It ended at the latest at the end of this; undefined while it lives. */
  ended: Bracket | undefined
  everListened: boolean
  /** The listening sockets that it had in the last look that showed any. */
  sockets: readonly number[]
  /** It had the same connection in two looks: a master that passes one on to a worker has it for a moment. */
  everServed: boolean
  /** Of the last look that showed it. */
  clients: readonly number[]
}

export interface GenerationsState {
  causes: number
  looks: number
  lastLook: Bracket | undefined
  seen: ReadonlyMap<string, Seen>
  /** When there was no listener, as far as looks tell; the last one is open while there is none. */
  withoutListener: readonly {from: Bracket; to: Bracket | undefined}[]
}

export const noGenerations: GenerationsState = {
  causes: 0,
  looks: 0,
  lastLook: undefined,
  seen: new Map(),
  withoutListener: [],
}

/** Seen only once, a process may have been passing a socket on, as a master's child that is about to exec. */
const looksNeeded = 2

export function foldGenerations(state: GenerationsState, event: GenerationEvent): GenerationsState {
  switch (event.event) {
    case 'cause':
      return {...state, causes: state.causes + 1}
    case 'ended': {
      const [key, process] = latestOf(state.seen, event) ?? []
      if (key === undefined || process === undefined || process.ended !== undefined) return state
      const ended = {from: state.lastLook?.from ?? process.last.from, to: event.at}
      const to = process.to ?? {from: process.last.from, to: event.at}
      return {...state, seen: new Map(state.seen).set(key, {...process, to, ended})}
    }
    case 'look':
      return foldLook(state, event)
  }
}

function foldLook(
  state: GenerationsState,
  {serving, listeners, from, to}: Extract<GenerationEvent, {event: 'look'}>,
): GenerationsState {
  const look = {from, to}
  const seen = new Map(state.seen)
  const now = new Set<string>()
  for (const {pid, started, parent, command, listens, sockets, clients} of serving) {
    const [known, latest] = latestOf(seen, {pid, started}) ?? []
    const isAnew = latest !== undefined && listensAnew(latest, sockets)
    if (isAnew && known !== undefined) {
      seen.set(known, {...latest, to: {from: latest.last.from, to}})
    }
    const key = isAnew || known === undefined ? `${pid} ${started} ${state.looks}` : known
    const before = isAnew ? undefined : latest
    now.add(key)
    seen.set(key, {
      ...{pid, started, parent, command},
      cause: before?.cause ?? state.causes,
      looks: (before?.looks ?? 0) + 1,
      from: before?.from ?? {from: state.lastLook?.from ?? from, to},
      last: look,
      to: undefined,
      ended: undefined,
      everListened: listens || before?.everListened === true,
      sockets: sockets.length > 0 ? sockets : (before?.sockets ?? []),
      everServed:
        before?.everServed === true || clients.some((each) => before?.clients.includes(each)),
      clients,
    })
  }
  for (const [key, process] of seen) {
    if (now.has(key) || process.to !== undefined) continue
    // A worker that only owns connections is seen only while it has some; that it has ended is another event.
    if (!process.everListened) continue
    seen.set(key, {...process, to: {from: process.last.from, to}})
  }
  return {
    ...state,
    looks: state.looks + 1,
    lastLook: look,
    seen,
    withoutListener: foldListeners(state, listeners, look),
  }
}

/** The last time that a process listened or served. */
export function latestOf(
  seen: ReadonlyMap<string, Seen>,
  {pid, started}: Pick<Seen, 'pid' | 'started'>,
): [key: string, process: Seen] | undefined {
  return [...seen].findLast(([, each]) => each.pid === pid && each.started === started)
}

/** Whether none of the sockets that it listened on is among those that it listens on now. */
function listensAnew(before: Seen, sockets: readonly number[]): boolean {
  const had = before.sockets
  return had.length > 0 && sockets.length > 0 && !sockets.some((inode) => had.includes(inode))
}

function foldListeners(
  {withoutListener, lastLook}: GenerationsState,
  listeners: number,
  look: Bracket,
): GenerationsState['withoutListener'] {
  const open = withoutListener.at(-1)
  const isOpen = open !== undefined && open.to === undefined
  if (listeners > 0) {
    if (!isOpen) return withoutListener
    const to = {from: lastLook?.from ?? look.from, to: look.to}
    return [...withoutListener.slice(0, -1), {...open, to}]
  }
  if (isOpen) return withoutListener
  return [
    ...withoutListener,
    {from: {from: lastLook?.from ?? look.from, to: look.to}, to: undefined},
  ]
}

/** The processes that came after one cause and before the next. */
export interface Generation {
  /** How many causes had been. */
  cause: number
  processes: Pick<Seen, 'pid' | 'started' | 'command'>[]
  /** When the first of them began to serve. */
  from: Bracket
  /** When the last of them had ceased to; undefined if one has not. */
  to: Bracket | undefined
}

/**
 * The generations in their order. A process that was there before the first cause and still is, and never
 * served while others did, or is the parent of others that listen, is the master of all of them, and of none.
 */
export function generationsOf(state: GenerationsState): Generation[] {
  const counted = [...state.seen.values()].filter((each) => each.looks >= looksNeeded)
  const causes = [...new Set(counted.map(({cause}) => cause))].sort((a, b) => a - b)
  return causes.flatMap((cause): Generation[] => {
    const members = counted.filter((each) => each.cause === cause && !isMaster(each, counted))
    if (members.length === 0) return []
    const ends = members.map(({to}) => to)
    return [
      {
        cause,
        processes: members.map(({pid, started, command}) => ({pid, started, command})),
        from: earliest(members.map(({from}) => from)),
        to: ends.some((end) => end === undefined)
          ? undefined
          : latest(ends.flatMap((end) => end ?? [])),
      },
    ]
  })
}

function isMaster({pid, everServed, to, cause}: Seen, all: readonly Seen[]): boolean {
  if (cause > 0 || to !== undefined || everServed) return false
  // Whoever closes each connection at once is never seen to have one; but its master is seen to be its parent. One that
  // starts its own successor is not.
  const isWorker = (each: Seen) => each.cause === 0 && each.everListened && each.parent === pid
  return all.some((each) => each.everServed || isWorker(each))
}

/** Processes that served before the first cause, but for masters. */
export function oldProcesses({seen}: GenerationsState): Seen[] {
  const counted = [...seen.values()].filter(({looks}) => looks >= looksNeeded)
  return counted.filter((each) => each.cause === 0 && !isMaster(each, counted))
}

/** Whether anything has changed since the first cause. */
export function hasChanged(state: GenerationsState): boolean {
  if (state.causes === 0) return false
  const isNew = generationsOf(state).some(({cause}) => cause > 0)
  const isGone = [...state.seen.values()].some(
    ({cause, to, looks}) => cause === 0 && to !== undefined && looks >= looksNeeded,
  )
  return isNew || isGone || state.withoutListener.length > 0
}

function earliest(brackets: readonly Bracket[]): Bracket {
  return brackets.reduce((first, each) => (each.to < first.to ? each : first))
}

function latest(brackets: readonly Bracket[]): Bracket {
  return brackets.reduce((last, each) => (each.to > last.to ? each : last))
}
