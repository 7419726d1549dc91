import type {Failure} from './connection.ts'

/** The three kinds of clients. */
export type Lane = 'new' | 'idle' | 'in-flight'

/** One connection or request that came to nothing. Monotonic seconds. */
export interface Loss {
  lane: Lane
  failure: Exclude<Failure, 'no-port'>
  /** When it was opened, or asked. */
  from: number
  /** When it was known that nothing would come of it. */
  at: number
  /** 0 where it was never connected. */
  localPort: number
  /** An earlier request on it had been answered. */
  reused: boolean
}

export interface LaneTally {
  opened: number
  answered: number
  refused: number
  reset: number
  cutOff: number
  unanswered: number
  /** The longest time from asking to the answer; null where nothing was answered. */
  slowestSeconds: number | null
}

const fieldOf = {
  refused: 'refused',
  reset: 'reset',
  'cut-off': 'cutOff',
  unanswered: 'unanswered',
} as const satisfies Record<Loss['failure'], keyof LaneTally>

/** So many losses are kept one by one, and so many answers, the latest; of more, only their number. */
const keptLosses = 10_000
const keptAnswers = 100_000

/** All that became of all clients. */
export interface Tally {
  lanes: Record<Lane, LaneTally>
  /** Those that are kept one by one; the lanes count all. */
  losses: Loss[]
  /** The latest answers to new connections: when each was begun, and answered. */
  answers: {from: number; at: number}[]
  /** Responses of HTTP by the first digit of their status. */
  statusClasses: Record<string, number>
  /** Idle connections that the server closed while nothing was asked on them. */
  idleClosed: number
  /** Connections that could not be tried, because this machine had no port left for them. */
  withoutPort: number
  opened(lane: Lane): void
  answered(lane: Lane, answer: {askedAt: number; at: number; status?: number}): void
  lost(loss: Loss): void
  noPort(): void
  closedWhileIdle(): void
  /** The longest time without any answer to a new connection or a request, up to now; null before the first. */
  longestGapSeconds(now: number): number | null
}

export function openTally(): Tally {
  const lane = (): LaneTally => ({
    ...{opened: 0, answered: 0, refused: 0, reset: 0, cutOff: 0, unanswered: 0},
    slowestSeconds: null,
  })
  let lastAnswerAt: number | undefined
  let longestGap = 0
  const tally: Tally = {
    lanes: {new: lane(), idle: lane(), 'in-flight': lane()},
    losses: [],
    answers: [],
    statusClasses: {},
    idleClosed: 0,
    withoutPort: 0,
    opened(name) {
      tally.lanes[name].opened++
    },
    answered(name, {askedAt, at, status}) {
      const counted = tally.lanes[name]
      counted.answered++
      counted.slowestSeconds = Math.max(counted.slowestSeconds ?? 0, at - askedAt)
      if (status !== undefined) {
        const statusClass = `${Math.floor(status / 100)}xx`
        tally.statusClasses[statusClass] = (tally.statusClasses[statusClass] ?? 0) + 1
      }
      if (name === 'new') {
        tally.answers.push({from: askedAt, at})
        if (tally.answers.length >= 2 * keptAnswers) tally.answers.splice(0, keptAnswers)
      }
      if (name === 'idle') return
      if (lastAnswerAt !== undefined) longestGap = Math.max(longestGap, at - lastAnswerAt)
      lastAnswerAt = at
    },
    lost(loss) {
      tally.lanes[loss.lane][fieldOf[loss.failure]]++
      if (tally.losses.length < keptLosses) tally.losses.push(loss)
    },
    noPort() {
      tally.withoutPort++
    },
    closedWhileIdle() {
      tally.idleClosed++
    },
    longestGapSeconds: (now) =>
      lastAnswerAt === undefined ? null : Math.max(longestGap, now - lastAnswerAt),
  }
  return tally
}
