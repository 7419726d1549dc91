import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import type {CheckContext} from './context.ts'
import {type Judged, type ListenerJudge, socketKey} from './listeners.ts'
import {endWords, holdersOf, type PortView} from './port-view.ts'
import type {Prober} from './prober.ts'
import type {ServerStart} from './server.ts'

/** What became of one start of the command. */
export type StartOutcome =
  /**
   * `notBefore`: when a look began that did not show it yet, for on a busy machine the next one can come late.
   * `beside`: old processes that listened at the same time for a while.
   */
  | {kind: 'listening'; at: number; notBefore: number; holders: Holder[]; beside: Holder[]}
  | {kind: 'exited'; ending: CommandEnding}
  | {kind: 'never-listened'}
  | {kind: 'other-port'; ports: number[]}
  | {kind: 'other-address'; ends: string[]}
  | {kind: 'other-process'; holders: Holder[]}
  | {kind: 'daemonised'; holders: Holder[]}
  /** It listens, and so does an old process, which gets a part of the connections. */
  | {kind: 'beside-old'; holders: Holder[]}
  /** There is a listener, and nobody can be seen to have it. */
  | {kind: 'unseen'; sockets: SocketEntry[]}
  | {kind: 'not-let-in'}
  | {kind: 'stopped-listening'}
  | {kind: 'ended-after-listening'; ending: CommandEnding}

const outcomesAfterListening: readonly StartOutcome['kind'][] = [
  'daemonised',
  'beside-old',
  'not-let-in',
  'stopped-listening',
  'ended-after-listening',
]

/** Whether the port was granted to a start that failed all the same: it may have been refused a second one. */
export function hadListened(kind: string | undefined): boolean {
  return outcomesAfterListening.some((each) => each === kind)
}

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

/** How long what a daemon left in the foreground may have ended before it listens. */
const daemonSeconds = 5
const elsewhereEveryMilliseconds = 250
/** A process that has just closed its socket, or ended, is no longer seen to have it. */
export const unseenSeconds = 0.5

/**
 * Waits until the started command listens on the port, and no old process does, or until it is plain that
 * it does not.
 * @throws the reason of the signal when that is aborted
 */
export async function awaitListening(question: ListeningQuestion): Promise<StartOutcome> {
  const {server, judge, prober, deadline, context} = question
  const {platform, host, look, signal, options} = context
  const {port} = options
  let elsewhereSince: number | undefined
  let elsewhere: StartOutcome | undefined
  let elsewhereLookedAt = 0
  let unseenSince: number | undefined
  let notBefore = server.startedAt
  /** Old processes that listened beside the new one. */
  const beside = new Map<number, Holder>()
  /** Listeners that are known to be somebody else's. */
  const foreign = new Set<string>()

  const isNew = ({pid}: Holder) => host.startOf(pid) === server.number
  const oldAreAlive = () => host.processes().some(({start}) => start !== server.number)
  /** An old process may have listened since this start: a connection may be one with that. */
  let oldListened = oldAreAlive()

  /** Whose the listener is. @param ending how the command had ended before the look began */
  async function judgeListener(
    view: PortView,
    at: number,
    ending: CommandEnding | undefined,
  ): Promise<StartOutcome | undefined> {
    const {ours, old, others, unseen}: Judged = await judge.judge(view, at)
    if (others.length > 0) return {kind: 'other-process', holders: others}
    if (old.length > 0) {
      oldListened = true
      question.onOldListeners?.(old)
      if (ours.length > 0) for (const holder of old) beside.set(holder.pid, holder)
      // Who answers there now is known, or may be the wrong one.
      prober?.pause()
      prober?.reject()
      return undefined
    }
    if (unseen.length > 0) return judgeUnseen(unseen, at)
    unseenSince = undefined
    if (ours.length === 0) return undefined
    return ending?.code === 0 && prober === undefined
      ? {kind: 'daemonised', holders: ours}
      : {kind: 'listening', at, notBefore, holders: ours, beside: [...beside.values()]}
  }

  function judgeUnseen(sockets: SocketEntry[], at: number): StartOutcome | undefined {
    unseenSince ??= at
    return at - unseenSince > unseenSeconds ? {kind: 'unseen', sockets} : undefined
  }

  /** A connection was had. If the listener is gone again, it was there for this one. */
  async function judgeConnection(
    view: PortView,
    ending: CommandEnding | undefined,
  ): Promise<StartOutcome | undefined> {
    const had = prober?.connection()
    if (had === undefined) return undefined
    const ends = view.connections
      .filter(
        ({endpoint, entry}) =>
          endpoint === 'server' && entry.remote.port === had.client.socket.localPort,
      )
      .map(({entry}) => entry)
    const holders = await holdersOf(platform, port, ends)
    const ours = holders.filter(isNew)
    if (view.listeners.length > 0) {
      if (!oldListened || ours.length > 0) return judgeListener(view, had.at, ending)
      // It was with the old one, which has gone since: it says nothing of when the new one began to listen.
      prober?.reject()
      return undefined
    }
    const areOld = oldAreAlive()
    if (ours.length > 0 || (holders.length === 0 && !areOld)) {
      const held = ends.filter(({inode}) => inode !== undefined)
      if (ours.length === 0 && held.length > 0) return judgeUnseen(held, monotonicSeconds())
      return {
        ...{kind: 'listening', at: had.at, notBefore, holders: ours},
        beside: [...beside.values()],
      }
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
    const known = new Set([...context.before, ...view.listeners].map(socketKey))
    const ours: SocketEntry[] = []
    for (const entry of view.allListeners) {
      const key = socketKey(entry)
      if (known.has(key) || foreign.has(key)) continue
      const holders = await holdersOf(platform, entry.local.port, [entry])
      host.processes()
      if (holders.some(isNew)) ours.push(entry)
      else foreign.add(key)
    }
    const here = ours.filter(({local}) => local.port === port)
    if (here.length > 0)
      return {kind: 'other-address', ends: here.map(({local}) => endWords(local))}
    const ports = [...new Set(ours.map(({local}) => local.port))]
    return ports.length > 0 ? {kind: 'other-port', ports} : undefined
  }

  /** Descent has to be seen while the parents are alive, if there is more than one whose it could be. */
  let oldWereAlive = oldAreAlive()
  for (;;) {
    signal.throwIfAborted()
    const ending = server.ending()
    let at = monotonicSeconds()
    let view = await look()
    if (oldWereAlive) oldWereAlive = oldAreAlive()
    const connectedAt = prober?.connection()?.at ?? at
    // A connection cannot be judged by a reading that was begun before it was there.
    if (connectedAt > at) {
      at = monotonicSeconds()
      view = await look()
    }
    const outcome =
      (await judgeConnection(view, ending)) ??
      (view.listeners.length > 0 ? await judgeListener(view, at, ending) : undefined)
    if (outcome !== undefined) return outcome
    notBefore = at
    if (view.listeners.length === 0) prober?.resume()
    if (ending !== undefined) {
      const leftBehind = host.processes().some(({start}) => start === server.number)
      const mayBeDaemon = ending.code === 0 && leftBehind && at < ending.seconds + daemonSeconds
      if (!mayBeDaemon) return {kind: 'exited', ending}
    }
    await noteElsewhere(view)
    if (elsewhere !== undefined && at - (elsewhereSince ?? at) > question.elsewhereSeconds) {
      return elsewhere
    }
    if (at > deadline) {
      if (beside.size > 0) return {kind: 'beside-old', holders: [...beside.values()]}
      return elsewhere ?? {kind: 'never-listened'}
    }
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
