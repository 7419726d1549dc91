import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Platform} from '../platforms/platform.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import {endWords, holdersOf, holdersOfEach, type PortView} from './port-view.ts'
import type {Prober} from './prober.ts'
import type {ServerStart} from './server.ts'

/** What became of one start of the command. */
export type StartOutcome =
  | {kind: 'listening'; at: number; holders: Holder[]}
  | {kind: 'exited'; ending: CommandEnding}
  | {kind: 'never-listened'}
  | {kind: 'other-port'; ports: number[]}
  | {kind: 'other-address'; ends: string[]}
  | {kind: 'other-process'; holders: Holder[]}
  | {kind: 'daemonised'; holders: Holder[]}

export interface ListeningQuestion {
  server: ServerStart
  platform: Platform
  address: string
  port: number
  /** Null where there is no socket table: then the prober decides alone. */
  look: (() => Promise<PortView>) | null
  /** Pids of all living processes that belong to the servers under test. */
  processes(): number[]
  /** Those of them that were there before this start. */
  old: ReadonlySet<number>
  /** Listeners that were there before the command was first started. */
  before: readonly SocketEntry[]
  /** The client that tries to connect; none while a connection must not disturb. */
  prober: Prober | undefined
  /** Monotonic. */
  deadline: number
  /** How long a server may listen elsewhere before it is taken for its last word. */
  elsewhereSeconds: number
  lookEveryMilliseconds: number
  signal: AbortSignal
}

/** How long what a daemon left in the foreground may have ended before it listens. */
const daemonSeconds = 5
const elsewhereEveryMilliseconds = 250
const judgedForSeconds = 0.5

/**
 * Waits until the started command listens on the port, or until it is plain that it does not.
 * @throws the reason of the signal when that is aborted
 */
export async function awaitListening(question: ListeningQuestion): Promise<StartOutcome> {
  const {server, platform, port, look, old, prober, deadline, signal} = question
  let elsewhereSince: number | undefined
  let elsewhere: StartOutcome | undefined
  let elsewhereLookedAt = 0

  let judged: {sockets: string; at: number; holders: Holder[][]} | undefined
  /** Listeners that are known to be somebody else's. */
  const foreign = new Set<string>()

  /** Looking through all processes is dear; who holds the same sockets as a moment ago is not asked again. */
  async function holdersOfListeners(view: PortView): Promise<Holder[][]> {
    const sockets = view.listeners.map(socketKey).join()
    const now = monotonicSeconds()
    if (judged === undefined || judged.sockets !== sockets || now - judged.at > judgedForSeconds) {
      judged = {sockets, at: now, holders: await holdersOfEach(platform, port, view.listeners)}
    }
    return judged.holders
  }

  const isNew = ({pid}: Holder, pids: readonly number[]) => pids.includes(pid) && !old.has(pid)

  /** Whose the listener is. Nobody we can see: then it is the new server's, as no other was there. */
  async function judgeListener(view: PortView, at: number): Promise<StartOutcome | undefined> {
    const bySocket = await holdersOfListeners(view)
    const holders = bySocket.flat()
    const pids = question.processes()
    // A socket that an old process has, too, is the old one, whoever else has inherited it since.
    const ours = bySocket
      .filter((each) => !each.some(({pid}) => old.has(pid)))
      .flatMap((each) => each.filter((holder) => isNew(holder, pids)))
    if (ours.length > 0) {
      const status = server.ending()?.code
      return status === 0 && prober === undefined
        ? {kind: 'daemonised', holders: ours}
        : {kind: 'listening', at, holders: ours}
    }
    if (holders.length === 0) {
      return hasOldProcesses(pids) ? undefined : {kind: 'listening', at, holders: []}
    }
    const isOld = bySocket.every((each) => each.some(({pid}) => old.has(pid)))
    if (isOld) {
      // Who answers there now is known.
      prober?.pause()
      prober?.reject()
      return undefined
    }
    return {kind: 'other-process', holders}
  }

  function hasOldProcesses(pids: readonly number[]): boolean {
    return pids.some((pid) => old.has(pid))
  }

  /** A connection was had. If the listener is gone again, it was there for this one. */
  async function judgeConnection(view: PortView | null): Promise<StartOutcome | undefined> {
    const had = prober?.connection()
    if (had === undefined) return undefined
    if (view !== null && view.listeners.length > 0) return judgeListener(view, had.at)
    const ends = view?.connections.filter(
      ({endpoint, entry}) =>
        endpoint === 'server' && entry.remote.port === had.client.socket.localPort,
    )
    const holders = await holdersOf(platform, port, ends?.map(({entry}) => entry) ?? [])
    const pids = question.processes()
    const ours = holders.filter((holder) => isNew(holder, pids))
    if (ours.length > 0 || (holders.length === 0 && !hasOldProcesses(pids))) {
      return {kind: 'listening', at: had.at, holders: ours}
    }
    prober?.reject()
    return undefined
  }

  /** Notes where else the command listens, if it does. */
  async function noteElsewhere(view: PortView): Promise<void> {
    const now = monotonicSeconds()
    if ((now - elsewhereLookedAt) * 1000 < elsewhereEveryMilliseconds) return
    elsewhereLookedAt = now
    elsewhere = await findElsewhere(view)
    elsewhereSince = elsewhere === undefined ? undefined : (elsewhereSince ?? now)
  }

  async function findElsewhere(view: PortView): Promise<StartOutcome | undefined> {
    const pids = question.processes()
    const known = new Set(question.before.map(socketKey))
    const ours: SocketEntry[] = []
    for (const entry of view.allListeners) {
      const key = socketKey(entry)
      if (known.has(key) || foreign.has(key)) continue
      const holders = await holdersOf(platform, entry.local.port, [entry])
      if (holders.some((holder) => isNew(holder, pids))) ours.push(entry)
      else foreign.add(key)
    }
    const here = ours.filter(({local}) => local.port === port)
    if (here.length > 0)
      return {kind: 'other-address', ends: here.map(({local}) => endWords(local))}
    const ports = [...new Set(ours.map(({local}) => local.port))]
    return ports.length > 0 ? {kind: 'other-port', ports} : undefined
  }

  for (;;) {
    signal.throwIfAborted()
    const ending = server.ending()
    let at = monotonicSeconds()
    let view = look === null ? null : await look()
    const connectedAt = prober?.connection()?.at ?? at
    // A connection cannot be judged by a reading that was begun before it was there.
    if (look !== null && connectedAt > at) {
      at = connectedAt
      view = await look()
    }
    const outcome =
      (await judgeConnection(view)) ??
      (view !== null && view.listeners.length > 0 ? await judgeListener(view, at) : undefined)
    if (outcome !== undefined) return outcome
    if (view !== null && view.listeners.length === 0) prober?.resume()
    if (ending !== undefined) {
      const leftBehind = question.processes().some((pid) => !old.has(pid))
      const mayBeDaemon = ending.code === 0 && leftBehind && at < ending.seconds + daemonSeconds
      if (!mayBeDaemon) return {kind: 'exited', ending}
    }
    if (view !== null) await noteElsewhere(view)
    if (elsewhere !== undefined && at - (elsewhereSince ?? at) > question.elsewhereSeconds) {
      return elsewhere
    }
    if (at > deadline) return elsewhere ?? {kind: 'never-listened'}
    const tookMilliseconds = (monotonicSeconds() - at) * 1000
    const wake = new AbortController()
    await Promise.race([
      // With thousands of sockets a reading takes long; at most half of the time is spent on them.
      delay(Math.max(question.lookEveryMilliseconds, tookMilliseconds), undefined, {
        signal: wake.signal,
      }),
      ...(ending === undefined ? [server.ended] : []),
      ...(prober === undefined ? [] : [prober.next()]),
    ]).finally(() => wake.abort())
  }
}

function socketKey({local, inode}: SocketEntry): string {
  return `${endWords(local)} ${inode ?? ''}`
}
