import type {Bracket} from '../clock.ts'
import type {Loss} from '../traffic/tally.ts'
import type {Sighting} from './generation-watch.ts'
import {type GenerationsState, latestOf} from './generations.ts'

/** Why connections and requests came to nothing; never rename one. */
export const lossKinds = [
  'no-listener',
  'queue-closed',
  'process-ended',
  'keep-alive-closed',
  'closed-unanswered',
  'reset-by-server',
  'reset-unseen',
  'unanswered',
] as const
export type LossKind = (typeof lossKinds)[number]

/** Losses of one kind. */
export interface Lost {
  kind: LossKind
  count: number
  because: string
}

export interface LossEvidence {
  state: GenerationsState
  sighting(localPort: number): Sighting | undefined
  /** More than one: SO_REUSEPORT, where each has a queue of its own. */
  mostListeners: number
  /** One and the same socket listened all the time: no queue was closed. */
  isSameListener: boolean
  /** How many there were of each failure, if only the first of them are known one by one. */
  all?: Readonly<Record<Loss['failure'], number>>
  /** net.ipv4.tcp_migrate_req does something here and is 1; null where that is not known. */
  migratesQueues: boolean | null
}

/** What a loss counts as of which nothing else is known. */
const unseenKinds: Readonly<Record<Loss['failure'], LossKind>> = {
  refused: 'no-listener',
  reset: 'reset-unseen',
  'cut-off': 'closed-unanswered',
  unanswered: 'unanswered',
}

/** An end and a loss that are as close as that belong together: a look and the news of an end take time. */
const nearSeconds = 0.25
/** A request that met the server's FIN on its way fails at once. */
const crossedSeconds = 0.05

/** What each loss was due to, as far as the looks of that time tell. */
export function explainLosses(losses: readonly Loss[], evidence: LossEvidence): Lost[] {
  const counts = new Map<LossKind, number>()
  for (const loss of losses) {
    const kind = kindOf(loss, evidence)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  for (const [failure, many] of Object.entries(evidence.all ?? {})) {
    const rest = many - losses.filter((loss) => loss.failure === failure).length
    const kind = unseenKinds[failure as Loss['failure']]
    if (rest > 0) counts.set(kind, (counts.get(kind) ?? 0) + rest)
  }
  return lossKinds.flatMap((kind) => {
    const count = counts.get(kind)
    return count === undefined ? [] : [{kind, count, because: becauseOf(kind, count, evidence)}]
  })
}

function kindOf(loss: Loss, {state, sighting, isSameListener}: LossEvidence): LossKind {
  const {failure, at, from, localPort, reused} = loss
  if (failure === 'refused') return 'no-listener'
  if (failure === 'unanswered') return 'unanswered'
  if (reused && at - from < crossedSeconds) return 'keep-alive-closed'
  const seen = sighting(localPort)
  const [, owner] = (seen?.owner && latestOf(state.seen, seen.owner)) ?? []
  if (owner?.ended !== undefined && isNear(owner.ended, at)) return 'process-ended'
  if (failure === 'cut-off') return 'closed-unanswered'
  if (seen?.accepted === true) return 'reset-by-server'
  // It was accepted between two looks, and lost with the process that had accepted it.
  if (isSameListener) return isNearClose(state, at) ? 'process-ended' : 'reset-unseen'
  if (seen !== undefined || isNearClose(state, at)) return 'queue-closed'
  return 'reset-unseen'
}

/** Whether a process ceased to listen about then. */
function isNearClose({seen}: GenerationsState, at: number): boolean {
  return [...seen.values()].some(({everListened, to}) => {
    return everListened && to !== undefined && isNear(to, at)
  })
}

function isNear({from, to}: Bracket, at: number): boolean {
  return at > from - nearSeconds && at < to + nearSeconds
}

function becauseOf(kind: LossKind, count: number, evidence: LossEvidence): string {
  const many = count === 1 ? 'a connection' : `${count} connections`
  switch (kind) {
    case 'no-listener':
      return `nobody listened for ${withoutListenerWords(evidence.state)}`
    case 'queue-closed':
      return `a listening socket was closed with ${many} in its queue, not accepted yet${queueWords(evidence)}`
    case 'process-ended':
      return `the process that had accepted ${count === 1 ? 'it' : 'them'} ended before it had answered`
    case 'keep-alive-closed':
      return 'the server closed a kept connection just as the next request was sent on it'
    case 'closed-unanswered':
      return 'the server closed an accepted connection without an answer, and went on running'
    case 'reset-by-server':
      return 'the server reset an accepted connection: it closed it with unread data, or on purpose'
    case 'reset-unseen':
      return 'the connection was reset; whether it had been accepted was not seen'
    case 'unanswered':
      return 'no answer came in time'
  }
}

function queueWords({mostListeners, migratesQueues}: LossEvidence): string {
  if (mostListeners < 2) return ''
  const several = '; several sockets listened, and each has a queue of its own'
  return migratesQueues === false
    ? `${several} (net.ipv4.tcp_migrate_req is 0, or this Linux is older than 5.14)`
    : several
}

/** `120 to 140 ms`, of all times that nobody listened. */
function withoutListenerWords(state: GenerationsState): string {
  const {atLeast, atMost} = withoutListenerSeconds(state)
  if (atMost === 0) return 'less than the time between two looks'
  const milliseconds = (seconds: number) => Math.round(seconds * 1000)
  return `${milliseconds(atLeast)} to ${milliseconds(atMost)} ms`
}

export function withoutListenerSeconds({withoutListener, lastLook}: GenerationsState): {
  atLeast: number
  atMost: number
} {
  let atLeast = 0
  let atMost = 0
  for (const {from, to} of withoutListener) {
    const end = to ?? {from: lastLook?.to ?? from.to, to: lastLook?.to ?? from.to}
    atLeast += Math.max(0, end.from - from.to)
    atMost += Math.max(0, end.to - from.from)
  }
  return {atLeast, atMost}
}
