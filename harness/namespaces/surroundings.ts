import type {Bracket} from '../clock.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {TcpCounters} from '../platforms/proc-net-snmp.ts'
import type {SocketTableReader} from '../platforms/socket-table.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {Ending, HostKind} from '../processes/child.ts'
import type {Hosts} from '../processes/hosts.ts'
import type {Actor} from '../processes/launch.ts'
import type {DroppedPackets} from './packet-filter.ts'
import type {Through} from './ways.ts'

export interface SurroundingsOptions {
  /** The compiled program of the processes. */
  program: string
  platform: Platform
  /** Whether the user allows settings of the machine itself to be changed temporarily, on macOS. */
  allowHostSettings: boolean
  /** Whether the packets in namespaces are to be captured. */
  capturesPackets?: boolean
  /** Told of the start and end of each host that plays in namespaces. */
  onHost(kind: HostKind, pid: number, ending?: Ending): void
}

/** What a scenario with kernel settings of its own runs in, instead of the machine as it is. */
export interface Surroundings {
  /** The settings that hold there. */
  settings: Settings
  /** Undefined where they are the machine's own settings, changed for the time. */
  namespace?: Namespace
  /** Undoes everything; resolved when nothing is left. */
  close(): Promise<void>
}

/** A private network namespace; its sockets, ports, settings and packet rules are nobody else's. */
export interface Namespace {
  /** What starts a process inside. */
  enter: Through
  /** Who plays inside without a process of its own. */
  hosts: Pick<Hosts, 'enter'>
  readSockets: SocketTableReader
  readCounters(): Promise<TcpCounters>
  /** Packets of this port are dropped, and those of an earlier call pass again. */
  drop(what: DroppedPackets, port: number): Promise<Bracket>
  /** Ends all sockets of this local port in that state, whoever has them. */
  destroy(state: TcpState, port: number): Promise<Bracket & {destroyed: number}>
  /** All packets pass again. */
  pass(): Promise<Bracket>
  /** A port that nobody inside has had yet. */
  takePort(): Promise<number>
  /** Proves who answers: the one that greets so. */
  verifyAccepting(address: string, port: number, greeting: string): Promise<void>
  /** The packets of these ports, or all, that were captured and not taken yet; undefined where none are captured. */
  takePackets?(ports?: readonly number[]): Promise<TakenPackets>
  /** Rejected with ActorFailed when a process that keeps the namespace ends. */
  failure: Promise<never>
}

/** Captured packets, and what the packet filter did meanwhile. */
export interface TakenPackets {
  /** Records of a pcap file (documents/pcap.ts), each with its moment, monotonic seconds. */
  records: Buffer
  moments: readonly number[]
  /** How many could not be captured. */
  lost: number
  /** What was dropped, for how long, and how many packets those were by the filter's own counter. */
  filter?: {periods: readonly DropPeriod[]; dropped: number}
}

/** Packets were dropped from between the first two moments on, until between the other two. */
export interface DropPeriod {
  what: DroppedPackets
  port: number
  since: Bracket
  until?: Bracket
}

export interface SurroundingsListeners {
  onProcess(who: Pick<Actor, 'role' | 'pid' | 'host'>, ending?: Ending): void
}

/** Settings of the machine itself are not as they were before; the message says which, and how to set them back. */
export class SettingsLeftChanged extends Error {
  override name = 'SettingsLeftChanged'
}

/** The settings that a scenario asks for are not available on this machine: it is skipped, with this reason. */
export class SurroundingsUnavailable extends Error {
  override name = 'SurroundingsUnavailable'
}
