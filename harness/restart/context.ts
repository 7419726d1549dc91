import type {OpenSurroundings} from '../namespaces/open-surroundings.ts'
import type {Surroundings} from '../namespaces/surroundings.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {SocketTableReader} from '../platforms/socket-table.ts'
import type {Hosts} from '../processes/hosts.ts'
import type {PortPool} from '../sockets/ports.ts'
import type {HoldUps} from './hold-ups.ts'
import type {PortWatchOptions} from './port-watch.ts'
import type {Follower} from './recording.ts'

export interface PacketCapture {
  /** Where scenarios play that need no namespace of their own. */
  openShared(): Promise<Surroundings>
  /** Writes a pcap file into the run folder. */
  save(name: string, file: Uint8Array): Promise<void>
}

/** What the restarts of one run have in common. */
export interface RestartContext {
  platform: Platform
  settings: Settings
  /** Null where the OS shows no socket table. */
  readSockets: SocketTableReader | null
  readCounters: PortWatchOptions['readCounters']
  /** The compiled program of the processes. */
  program: string
  ports: PortPool
  /** On the machine as it is. */
  hosts: Hosts
  /** Which time this scenario is played in this run, from 1. */
  repetition: number
  /** Told of every event. */
  follow: Follower
  /** Monotonic seconds at which the run began. */
  origin: number
  limitSeconds: number
  wait: boolean
  /** Makes what a scenario with kernel settings of its own runs in. */
  openSurroundings: OpenSurroundings
  /** Undefined where no packets are captured. */
  capture?: PacketCapture
  holdUps: HoldUps
  /** Aborted, with the signal's name as its reason, when the run is interrupted. */
  interruption: AbortSignal
}
