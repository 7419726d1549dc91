import type {EventFields, EventName} from '../documents/event-log.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {OpenConnection} from './connections.ts'
import type {ListenedSpan} from './listened.ts'
import type {FilledOptions} from './options.ts'
import type {PortView} from './port-view.ts'
import type {ServerHost, ServerOutput, ServerStart} from './server.ts'

/** Who wants to hear of a check while it goes on. */
export interface CheckListeners {
  onEvent?(event: EventName, fields: EventFields): void
  onOutput?(output: ServerOutput): void
  /** All that the ended process of this pid wrote has been passed on. */
  onSilent?(pid: number): void
  /** The first attempt of a round has failed: from now on it waits. */
  onWaiting?(round: number, what: string): void
}

/** What the parts of one check have in common. */
export interface CheckContext extends CheckListeners {
  options: FilledOptions
  platform: Platform
  settings: Settings
  look(): Promise<PortView>
  host: ServerHost
  /** Listeners that were there before the command was first started. */
  before: readonly SocketEntry[]
  /** Local ports of all connections that were made to the servers; it grows. */
  usedPorts: Set<number>
  /** Aborted, with the signal's name as its reason, when the check is interrupted. */
  signal: AbortSignal
}

/** What the first start of the command shows of every start. */
export interface FirstStart {
  /** Monotonic. */
  startedAt: number
  startupSeconds: number
  /** Until the last of its ports listened. */
  allPortsSeconds: number
  /** Of `startupSeconds`, what it surely took: what it waited for a processor, and what we came late to see, left out. */
  atLeastSeconds: number
  /** Lines that read as if a port were in use, though it was not. */
  readsAsInUse: ReadonlySet<string>
}

/** A server that listens. */
export interface RunningServer {
  start: ServerStart
  startupSeconds: number
  first: FirstStart
  /** Which of its processes have listened, up to now. */
  spans: ListenedSpan[]
  /** Processes that have the listening socket open; none if it was closed at once. */
  holders: Holder[]
  /** The connection of the client that was waiting for it, if one was. */
  waiting: OpenConnection | undefined
}
