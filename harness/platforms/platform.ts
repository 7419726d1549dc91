import type {Address} from '../sockets/address.ts'
import type {BindOption} from '../sockets/bind-options.ts'
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

/** May the successor bind, when the predecessor left a socket in this state on the same port? */
export interface BindQuestion {
  residue: TcpState | 'none'
  predecessor: ServerOptions
  successor: ServerOptions
}

export interface BindRule {
  outcome: 'granted' | 'EADDRINUSE'
  /** One sentence for a person: which condition of the OS decides. */
  because: string
  /** file:function of the operating system's code. */
  source: string
}

/** When the OS lets a residue go: by a timer of the kernel, or only when the process that holds it acts. */
export type Release =
  | {endsBy: 'kernel'; residueSeconds: [min: number, max: number]; source: string}
  | {endsBy: 'process'; source: string}

/** What an operating system grants over which residue, and when it lets the residue go. */
export interface Rules {
  bind(question: BindQuestion): BindRule
  release(state: TcpState, settings: Settings): Release
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
  /** The command, for root, that reserves the port besides those that already are. */
  command(port: number, settings: Settings): string
}
