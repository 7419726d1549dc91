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
  /** When it was first seen: an orphan gets another one. */
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
  /** It did so in the last look that showed it. */
  listens?: boolean
  /** Children of its come and go without a cause: it forks for each connection, or replaces its workers now and then. */
  forks?: boolean
  /** The listening sockets that it had in the last look that showed any. */
  sockets: readonly number[]
  /** It had the same connection in two looks: a master that passes one on to a worker has it for a moment. */
  everServed: boolean
  /** Of the last look that showed it. */
  clients: readonly number[]
}

export interface GenerationsState {
  causes: number
  /** When the first was; undefined while there was none. */
  causedAt: number | undefined
  looks: number
  lastLook: Bracket | undefined
  seen: ReadonlyMap<string, Seen>
  /** When there was no listener, as far as looks tell; the last one is open while there is none. */
  withoutListener: readonly {from: Bracket; to: Bracket | undefined}[]
}

export const noGenerations: GenerationsState = {
  causes: 0,
  causedAt: undefined,
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
      return {...state, causes: state.causes + 1, causedAt: state.causedAt ?? event.at}
    case 'ended': {
      const [key, process] = latestOf(state.seen, event) ?? []
      if (key === undefined || process === undefined || process.ended !== undefined) return state
      const ended = {from: state.lastLook?.from ?? process.last.from, to: event.at}
      const to = process.to ?? {from: process.last.from, to: event.at}
      const seen = new Map(state.seen).set(key, {...process, to, ended})
      if (process.cause === state.causes) noteForking(seen, process)
      return {...state, seen}
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
      ...{pid, started, command, listens},
      parent: before?.parent ?? parent,
      ...(before?.forks === true ? {forks: true} : {}),
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

/** A process has ended that came without a cause between: whoever listens and started it does so all the time. */
function noteForking(seen: Map<string, Seen>, {parent, cause}: Seen): void {
  for (const [key, each] of seen) {
    if (each.pid === parent && each.cause === cause && each.everListened) {
      seen.set(key, {...each, forks: true})
    }
  }
}

/**
 * Who is the server of each process below one that forks: there a new process proves nothing. One that opened a listening
 * socket of its own is another server.
 */
function serversOf(all: readonly Seen[]): ReadonlyMap<Seen, Seen> {
  const forking = all.filter(({forks}) => forks === true)
  const servers = new Map(forking.map((each) => [each, each]))
  const pids = new Set(all.map(({pid}) => pid))
  for (let size = 0; size !== servers.size; ) {
    size = servers.size
    const byPid = new Map([...servers].map(([{pid}, server]) => [pid, server]))
    for (const each of all) {
      if (servers.has(each)) continue
      const above = byPid.get(each.parent)
      const parents = above !== undefined ? [above] : isOrphan(each, pids) ? forking : []
      const server = parents.find(({sockets}) => isWithin(each.sockets, sockets))
      if (server !== undefined) servers.set(each, server)
    }
  }
  return servers
}

/** First seen when its parent had ended. One that listens on nobody knows which socket may be another server. */
function isOrphan({parent, everListened, sockets}: Seen, pids: ReadonlySet<number>): boolean {
  return !pids.has(parent) && (!everListened || sockets.length > 0)
}

function isWithin(some: readonly number[], all: readonly number[]): boolean {
  return some.every((each) => all.includes(each))
}

/** Processes that count: those below one that forks are a part of that one. */
function counted({seen}: Pick<GenerationsState, 'seen'>): Seen[] {
  const all = [...seen.values()]
  const servers = serversOf(all)
  return all.filter((each) => each.looks >= looksNeeded && (servers.get(each) ?? each) === each)
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
 * served while others did, or is the parent of others that listen, or gives its connections to others, is the master of
 * all of them, and of none.
 */
export function generationsOf(state: GenerationsState): Generation[] {
  const all = counted(state)
  const causes = [...new Set(all.map(({cause}) => cause))].sort((a, b) => a - b)
  return causes.flatMap((cause): Generation[] => {
    const members = all.filter((each) => each.cause === cause && !isMaster(each, all))
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

function isMaster(process: Seen, all: readonly Seen[]): boolean {
  const {pid, everServed, to, cause} = process
  if (cause > 0 || to !== undefined) return false
  // Who does not listen has its connections from its parent, which holds each until it is passed on, however long that takes.
  if (all.some((each) => each.parent === pid && each.everServed && !each.everListened)) return true
  if (everServed) return false
  // Whoever closes each connection at once is never seen to have one; but its master is seen to be its parent. One that
  // starts its own successor is not.
  const isWorker = (each: Seen) => each.cause === 0 && each.everListened && each.parent === pid
  return all.some((each) => (each.everServed || isWorker(each)) && hasSocketOf(each, process, all))
}

/**
 * Whether a process has a listening socket of a master, as far as is known: each socket has a queue of its own
 * (SO_REUSEPORT), so that one on another socket says nothing of who accepts here. One that does not listen has its
 * connections from its parent.
 */
function hasSocketOf(process: Seen, {sockets}: Seen, all: readonly Seen[]): boolean {
  const from = process.everListened ? [process] : all.filter(({pid}) => pid === process.parent)
  const own = from.flatMap((each) => each.sockets)
  return sockets.length === 0 || own.length === 0 || own.some((inode) => sockets.includes(inode))
}

/** Processes that served before the first cause, but for masters. */
export function oldProcesses(state: GenerationsState): Seen[] {
  const all = counted(state)
  return all.filter((each) => each.cause === 0 && !isMaster(each, all))
}

/** Processes that serve and began to after a cause; those below one that forks did if it did. */
export function newProcesses({seen}: GenerationsState): Seen[] {
  const all = [...seen.values()]
  const servers = serversOf(all)
  return all.filter(
    (each) =>
      each.looks >= looksNeeded && each.to === undefined && (servers.get(each) ?? each).cause > 0,
  )
}

/**
 * Old processes that listen on a socket that is theirs alone: it has a queue of its own, in which clients wait for the
 * old server. Where a socket is shared with a master or with new processes, that alone does not show who accepts.
 * @param sockets the listening sockets that clients reach now
 */
export function oldListeners(state: GenerationsState, sockets: ReadonlySet<number>): Seen[] {
  const old = oldProcesses(state)
  const all = [...state.seen.values()]
  const servers = serversOf(all)
  const listening = all.filter(({to, listens}) => to === undefined && listens === true)
  const others = listening.filter((each) => !old.includes(servers.get(each) ?? each))
  const shared = new Set(others.flatMap((each) => each.sockets))
  return listening.filter(
    (each) =>
      old.includes(each) && each.sockets.some((inode) => sockets.has(inode) && !shared.has(inode)),
  )
}

/** Whether anything has changed since the first cause; what was over before it is not its work. */
export function hasChanged(state: GenerationsState): boolean {
  const {causedAt, withoutListener} = state
  if (causedAt === undefined) return false
  const isSince = ({to: at}: Bracket) => at > causedAt
  const isNew = generationsOf(state).some(({cause}) => cause > 0)
  const isGone = counted(state).some(
    ({cause, to}) => cause === 0 && to !== undefined && isSince(to),
  )
  return isNew || isGone || withoutListener.some(({to}) => to === undefined || isSince(to))
}

function earliest(brackets: readonly Bracket[]): Bracket {
  return brackets.reduce((first, each) => (each.to < first.to ? each : first))
}

function latest(brackets: readonly Bracket[]): Bracket {
  return brackets.reduce((last, each) => (each.to > last.to ? each : last))
}
