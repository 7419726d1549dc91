import type {Bracket} from '../clock.ts'
import type {Settings} from '../platforms/platform.ts'
import type {TcpCounters} from '../platforms/proc-net-snmp.ts'
import type {SocketTableReader} from '../platforms/socket-table.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {Ending} from '../processes/child.ts'
import type {Hosts} from '../processes/hosts.ts'
import type {Actor} from '../processes/launch.ts'
import type {DroppedPackets} from './packet-filter.ts'
import type {Through} from './ways.ts'

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
  /** Rejected with ActorFailed when a process that keeps the namespace ends. */
  failure: Promise<never>
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
