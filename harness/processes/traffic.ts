import {once} from 'node:events'
import type {Socket} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import {type ConnectOptions, startConnecting} from '../sockets/connect.ts'
import {resetSocket} from '../sockets/reset.ts'
import type {Counts} from './protocol.ts'

const connectEveryMilliseconds = 2
/** Fewer than the shortest usual queue of a listener (kern.ipc.somaxconn of macOS: 128). */
const underWayAtMost = 100
/**
 * Far longer than a connection lies in a listener's queue until a successor accepts, also with all
 * processors taken (more than 5 s were seen at a load of 134 on two), and than the second retransmission of
 * a SYN, after 3 s (RFC 6298); shorter than the silence after which a process is given up.
 */
const answerWithinMilliseconds = 20_000

/** A client that connects again and again. */
export interface Traffic {
  /** Resolved at the first answer. */
  answered: Promise<void>
  /** No more connections; resolved when those under way have come to something. */
  stop(): Promise<Counts>
}

type Outcome =
  | 'answersFromPredecessor'
  | 'answersFromSuccessor'
  | 'refusedConnections'
  | 'resetConnections'
  | 'unansweredConnections'

/**
 * Connects every few milliseconds, whatever became of the connections before, as the clients of a busy
 * server do.
 */
export function trafficTo(where: ConnectOptions): Traffic {
  const counts = new Map<Outcome, number>()
  const underWay = new Set<Promise<void>>()
  let stopped = false
  let lastAnswer: number | undefined
  let longestGapSeconds = 0
  const firstAnswer = deferred<void>()
  const failed = deferred<never>()

  const connect = async () => {
    const outcome = await askWhoAnswers(where)
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
    if (!outcome.startsWith('answers')) return
    const now = monotonicSeconds()
    longestGapSeconds = Math.max(longestGapSeconds, now - (lastAnswer ?? now))
    lastAnswer = now
    firstAnswer.resolve()
  }
  const connecting = (async () => {
    while (!stopped) {
      if (underWay.size < underWayAtMost) {
        const connection = connect().finally(() => underWay.delete(connection))
        // A failure of the client's own, EMFILE say, is told when it stops; nobody waits for it before.
        connection.catch(failed.reject)
        underWay.add(connection)
      }
      await delay(connectEveryMilliseconds)
    }
  })()

  return {
    answered: Promise.race([firstAnswer.promise, failed.promise]),
    async stop() {
      stopped = true
      await connecting
      await Promise.race([Promise.all(underWay), failed.promise])
      return {...totals(counts), longestGapSeconds}
    },
  }
}

/** Connects so many times, one after the other. */
export async function countAnswers(where: ConnectOptions, connections: number): Promise<Counts> {
  const counts = new Map<Outcome, number>()
  for (let made = 0; made < connections; made++) {
    const outcome = await askWhoAnswers(where)
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  }
  return totals(counts)
}

function totals(counts: ReadonlyMap<Outcome, number>): Counts {
  const count = (outcome: Outcome) => counts.get(outcome) ?? 0
  return {
    connections: [...counts.values()].reduce((sum, each) => sum + each, 0),
    answersFromPredecessor: count('answersFromPredecessor'),
    answersFromSuccessor: count('answersFromSuccessor'),
    refusedConnections: count('refusedConnections'),
    resetConnections: count('resetConnections'),
    unansweredConnections: count('unansweredConnections'),
  }
}

/** Connections to a server that accepts none: they wait in its queue. */
export interface Queued {
  /** Waits what becomes of each. */
  count(): Promise<Counts>
  close(): void
}

/** Connects so many times at once. @returns once all are connected */
export async function openQueued(where: ConnectOptions, connections: number): Promise<Queued> {
  const sockets = Array.from({length: connections}, () => startConnecting(where))
  const outcomes = Promise.all(sockets.map(whoAnswers))
  outcomes.catch(() => undefined)
  await Promise.race([Promise.all(sockets.map((socket) => once(socket, 'connect'))), outcomes])
  return {
    async count() {
      const counts = new Map<Outcome, number>()
      for (const outcome of await outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
      return totals(counts)
    },
    close() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

function askWhoAnswers(where: ConnectOptions): Promise<Outcome> {
  return whoAnswers(startConnecting(where))
}

/** Reads the greeting and aborts, so that no residue of its own is left at either end. */
async function whoAnswers(socket: Socket): Promise<Outcome> {
  try {
    return await new Promise<Outcome>((resolve, reject) => {
      socket.once('data', (greeting) => {
        const ofSuccessor = String(greeting).startsWith('successor')
        resolve(ofSuccessor ? 'answersFromSuccessor' : 'answersFromPredecessor')
      })
      socket.once('end', () => resolve('unansweredConnections'))
      socket.setTimeout(answerWithinMilliseconds, () => resolve('unansweredConnections'))
      socket.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ECONNREFUSED') resolve('refusedConnections')
        else if (error.code === 'ECONNRESET') resolve('resetConnections')
        else reject(error)
      })
    })
  } finally {
    resetSocket(socket)
  }
}
