import type {Address} from '../sockets/address.ts'
import type {BindOption} from '../sockets/bind-options.ts'
import type {TcpCounters} from './proc-net-snmp.ts'
import type {RuleTable, RuleText} from './rule-table.ts'
import type {ForeignListener, HolderReader, UnixSocketReader} from './socket-holders.ts'
import type {SocketTableReader} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'

export type Stack = 'linux' | 'darwin' | 'gvisor' | 'windows' | 'unknown'

/** Kernel settings by the operating system's own names; null where one cannot be read. */
export type Settings = Record<string, number | string | null>

export interface ServerOptions {
  bind: BindOption
  address: Address
}

/**
 * What the predecessor did with its socket. `autobind` is one that never called bind(): connect() chose
 * its port and address, and it set no option; its `address` is where it connected to (a wildcard's is
 * the loopback address), `::` with IPV6_V6ONLY, `::1` and `dual` (127.0.0.1) without.
 */
export interface PredecessorOptions {
  bind: BindOption | 'autobind'
  address: Address
}

/** May the successor bind, when the predecessor left a socket in this state on the same port? */
export interface BindQuestion {
  residue: TcpState | 'none'
  predecessor: PredecessorOptions
  successor: ServerOptions
  /** The socket in the way made its connection itself: the port is its local port. */
  outgoing?: boolean
  /** The socket in the way is another user's: who the successor's user is. */
  otherUser?: 'root' | 'not-root'
}

/** A rule's text with its id, by which everything is decided that depends on which rule it is. */
export interface RuleAnswer extends RuleText {
  id: string
}

export interface BindRule extends RuleAnswer {
  outcome: 'granted' | 'EADDRINUSE'
}

/**
 * A client connects again from the local port of its last connection, to the same server port, while one
 * end of that connection is in TIME_WAIT. At the server's end nobody listens any more; at the client's
 * own end somebody does.
 */
export interface ReconnectQuestion {
  timeWaitAt: 'server' | 'client'
  settings: Settings
}

export interface ReconnectRule extends RuleAnswer {
  /** What connect() answers, once bind() has been granted; `unanswered`: nothing, for seconds. */
  outcome: 'connected' | 'ECONNREFUSED' | 'EADDRINUSE' | 'EADDRNOTAVAIL' | 'unanswered'
  /** Whether the TIME_WAIT is gone after that. */
  endsTimeWait: boolean
}

/** The server is down, and a client retries on its port, from whatever local port connect() chooses. */
export interface SelfConnectionQuestion {
  port: number
  settings: Settings
}

export interface SelfConnectionRule extends RuleAnswer {
  /** `connected`: sooner or later, to itself. */
  outcome: 'connected' | 'ECONNREFUSED'
}

/** A listener is closed, and connections wait in its queue that nobody has accepted. */
export interface QueueQuestion {
  /** Another socket with SO_REUSEPORT, as this one, listens on the same address. */
  anotherListens: boolean
  settings: Settings
}

export interface QueueRule extends RuleAnswer {
  /** `migrated`: the other listener gets them. */
  outcome: 'reset' | 'migrated'
}

/** What is left on the port is destroyed from outside (SOCK_DESTROY). */
export interface DestroyQuestion {
  state: TcpState
  settings: Settings
}

export interface DestroyRule extends RuleAnswer {
  /** Whether the socket is gone, or closed, after that. */
  destroys: boolean
  /** Whether its port is not granted all the same, as its process has the socket. */
  keepsPort: boolean
}

/** When the OS lets a residue go: by a timer of the kernel, or only when the process that holds it acts. */
export type Release = RuleAnswer & (KernelRelease | ProcessRelease)

interface KernelRelease {
  endsBy: 'kernel'
  residueSeconds: [min: number, max: number]
  /** When it is usually over, where the range ends with what seldom happens. */
  usuallySeconds?: number
}

interface ProcessRelease {
  endsBy: 'process'
  /** When the kernel ends it even so, if the other end is on the same machine and its process has closed it. */
  ifPeerClosedSeconds?: [min: number, max: number]
}

/** Two servers listen on one address, both with SO_REUSEPORT. */
export interface SharingRule extends RuleAnswer {
  /** Which of them gets a new connection. */
  answeredBy: 'either' | 'newest' | 'oldest'
}

/** The other side did not get the last ACK, and sends its FIN again to a socket in TIME_WAIT. */
export interface RetransmittedFinRule extends RuleAnswer {
  restartsTimeWait: boolean
}

/** What is left of an end of a connection that comes to some state; with the rule where that is something else. */
export type Leaving = {state: TcpState} | ({state: TcpState | 'none'} & RuleAnswer)

/** Versions in a row that have a bug, and the first one after them that has not. */
export interface BuggyVersions {
  first: string
  last: string
  fixedIn: string
}

/** A kernel does what its rules do not say, and later versions do not do it any more. */
export interface KnownBug {
  /** Of the table of rules, which has the bug's text. */
  id: string
  versions: readonly BuggyVersions[]
  /** What it answers in place of what the rule says. */
  outcome: BindRule['outcome']
  applies(question: BindQuestion): boolean
}

/** What an operating system grants over which residue, and when it lets the residue go. */
export interface Rules {
  /** The version of the operating system's source that the rules were read from. */
  version: string
  /** Whether the rules were compared with a running system of that kind. */
  measured: boolean
  /** How they were checked, if not on such a system. */
  checked?: string
  /** Every rule that the answers below may name. */
  table: RuleTable
  bugs: readonly KnownBug[]
  bind(question: BindQuestion): BindRule
  release(state: TcpState, settings: Settings): Release
  leaves(state: TcpState, settings: Settings): Leaving
  /** All that may happen, the most likely first: what decides may be random, or not visible. */
  reconnect(question: ReconnectQuestion): readonly [ReconnectRule, ...ReconnectRule[]]
  sharing(address: Address): SharingRule
  retransmittedFin: RetransmittedFinRule
  queue(question: QueueQuestion): QueueRule
  /** Null where nobody can. */
  destroy: ((question: DestroyQuestion) => DestroyRule) | null
  /** Null where we do not know. */
  selfConnection: ((question: SelfConnectionQuestion) => SelfConnectionRule) | null
  errno: {EADDRINUSE: number}
}

/** One operating system's TCP stack. Platforms are asked, and ask nobody. */
export interface Platform {
  stack: Stack
  /** The name in sentences. */
  title: string
  /** Null where we do not know what the OS should do: what is measured there is not judged. */
  rules: Rules | null
  /** Null where the OS does not let us look. */
  readSockets: SocketTableReader | null
  /** Null where the OS does not count segments for each network namespace. */
  readCounters: (() => Promise<TcpCounters>) | null
  /** States that this OS's socket table leaves out. */
  hiddenStates: readonly TcpState[]
  /** Null where the OS does not tell which process has a socket. */
  readHolders: HolderReader | null
  readUnixSockets: UnixSocketReader | null
  /** Null where there are no network namespaces. */
  readListenersElsewhere: ((port: number) => Promise<ForeignListener[]>) | null
  readSettings(): Promise<Settings>
  /** The ports that the OS gives to outgoing connections, first and last. */
  ephemeralPorts(settings: Settings): [first: number, last: number]
  /** Ports below this one are for root alone; anybody else gets EACCES. */
  firstUnprivilegedPort(settings: Settings): number
  /** How a port is kept out of the ephemeral range; null where the OS has no way. */
  reservation: PortReservation | null
}

export interface PortReservation {
  isReserved(port: number, settings: Settings): boolean
  /** The command, for root, that reserves the port in addition to those that already are. */
  command(port: number, settings: Settings): string
}
