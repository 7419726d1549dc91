import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {CommandEnding} from '../processes/protocol.ts'

/** Where else a start listens, if not on the port. */
export type Elsewhere =
  | {kind: 'other-port'; ports: number[]}
  | {kind: 'other-address'; ends: string[]}

/** What became of one start of the command. */
export type StartOutcome =
  /**
   * `notBefore`: when a look began that did not show it yet, for on a busy machine the next one can come late.
   * `beside`: old processes that listened at the same time for a while.
   */
  | {kind: 'listening'; at: number; notBefore: number; holders: Holder[]; beside: Holder[]}
  | {kind: 'exited'; ending: CommandEnding}
  | {kind: 'never-listened'}
  | Elsewhere
  | {kind: 'other-process'; holders: Holder[]}
  | {kind: 'daemonised'; holders: Holder[]}
  /** It listens, and so does an old process, which gets a part of the connections. */
  | {kind: 'beside-old'; holders: Holder[]}
  /** There is a listener, and nobody can be seen to have it. */
  | {kind: 'unseen'; sockets: SocketEntry[]}
  /** It listens on the port, but not on all others that it should. */
  | {kind: 'not-on-all-ports'; ports: number[]}
  | {kind: 'not-let-in'}
  | {kind: 'stopped-listening'}
  | {kind: 'ended-after-listening'; ending: CommandEnding}

const outcomesAfterListening: readonly StartOutcome['kind'][] = [
  'daemonised',
  'beside-old',
  'not-on-all-ports',
  'not-let-in',
  'stopped-listening',
  'ended-after-listening',
]

/** Whether the port was granted to a start that failed all the same: it may have been refused a second one. */
export function hadListened(kind: string | undefined): boolean {
  return outcomesAfterListening.some((each) => each === kind)
}
