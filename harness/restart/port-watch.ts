import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Result} from '../documents/report-schema.ts'
import type {Platform} from '../platforms/platform.ts'
import type {TcpCounters} from '../platforms/proc-net-snmp.ts'
import type {SocketEntry, SocketTableReader} from '../platforms/socket-table.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {observePort, residueOf, type SeenSocket} from './observer.ts'
import type {Recording} from './recording.ts'

/** In flight, on loopback for milliseconds at most: the acknowledgement is on its way. */
const passingStates: readonly TcpState[] = [
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'CLOSING',
  'LAST_ACK',
]
const settleWithinSeconds = 0.5
export const settlePollMilliseconds = 5
/** With traffic no two looks are alike. */
const residueLooks = 4
/** While packets are dropped, what happens lasts for a retransmission timeout of 0.2 s or more. */
const disturbedLookMilliseconds = 20

export interface PortWatchOptions {
  platform: Platform
  /** Null where the OS shows no socket table. */
  readSockets: SocketTableReader | null
  /** Null where the OS does not count segments. */
  readCounters: (() => Promise<TcpCounters>) | null
  recording: Recording
}

/** The sockets of one port, in the OS's own table. */
export interface PortWatch {
  /** The predecessor listens there, and no client of ours has connected yet, nor will before the first look. */
  open(port: number): void
  /** Reads the table and records what has changed; null where there is none. */
  look(): Promise<SeenSocket[] | null>
  /** Looks at what is left on the port, for the result. */
  lookAtResidue(): Promise<SeenSocket[] | null>
  /** Waits until no socket is in a passing state, unless that is the story: traffic, or dropped packets. */
  settle(): Promise<void>
  /** Clients come and go, so that some socket is always in a passing state. */
  expectTraffic(isThere: boolean): void
  /** Packets are dropped, so that nothing settles: from here on it is looked often. */
  expectDisturbance(isThere: boolean): void
  /** What is seen from here on is not part of the restart. */
  end(): void
}

interface Watched {
  port: number
  observe: ReturnType<typeof observePort>
  /** What was connected to the port before any client of ours was, in the state that it was in. */
  strangers: Map<string, TcpState> | undefined
  retransmittedBefore: Promise<number | undefined>
}

export function openPortWatch({
  platform,
  readSockets,
  readCounters,
  recording,
}: PortWatchOptions): PortWatch {
  let watched: Watched | undefined
  let timer: NodeJS.Timeout | undefined
  let amidTraffic = false
  let ended = false

  /** Undefined where nobody counts, or the namespace is gone. */
  async function retransmitted(): Promise<number | undefined> {
    try {
      const count = (await readCounters?.())?.retransmitted
      return count === undefined || Number.isNaN(count) ? undefined : count
    } catch {
      return undefined
    }
  }

  async function look(): Promise<SeenSocket[] | null> {
    if (readSockets === null || watched === undefined || ended) return null
    const askedAt = monotonicSeconds()
    const {port, observe} = watched
    const table = await readSockets({ports: [port]})
    watched.strangers ??= strangersOf(table, port)
    return ended ? null : observe(withoutStrangers(table, watched.strangers), askedAt)
  }

  return {
    open(port) {
      const observe = observePort(port, ({seconds, ...change}) =>
        recording.append({event: 'state', ...change}, seconds),
      )
      watched = {port, observe, strangers: undefined, retransmittedBefore: retransmitted()}
    },
    look,
    async lookAtResidue() {
      // The table is not read in one moment: a socket that becomes another one meanwhile, as in TIME_WAIT, can be
      // missed. What two looks running show alike is there.
      let sockets = await look()
      for (let looks = 1; looks < residueLooks; looks++) {
        const before = JSON.stringify(visibleResidue(platform, sockets))
        sockets = await look()
        if (JSON.stringify(visibleResidue(platform, sockets)) === before) break
      }
      const [before, now] = await Promise.all([watched?.retransmittedBefore, retransmitted()])
      recording.append({
        event: 'residue',
        residue: visibleResidue(platform, sockets),
        ...(before === undefined || now === undefined
          ? {}
          : {retransmittedSegments: Math.max(0, now - before)}),
      })
      return sockets
    },
    async settle() {
      const deadline = monotonicSeconds() + settleWithinSeconds
      const isPassing = ({entry}: SeenSocket) => passingStates.includes(entry.state)
      while (!amidTraffic && timer === undefined) {
        const asked = monotonicSeconds()
        if (!(await look())?.some(isPassing) || asked > deadline) return
        await delay(settlePollMilliseconds)
      }
    },
    expectTraffic(isThere) {
      amidTraffic = isThere
    },
    expectDisturbance(isThere) {
      clearInterval(timer)
      timer = isThere
        ? setInterval(() => void look().catch(() => undefined), disturbedLookMilliseconds)
        : undefined
    },
    end() {
      ended = true
      clearInterval(timer)
    },
  }
}

/**
 * The TIME_WAITs of clients whose server had this port before us: they keep nobody from it, and so no proof that a
 * port is free finds them.
 */
function strangersOf(table: readonly SocketEntry[], port: number): Map<string, TcpState> {
  const theirs = table.filter(({local, remote}) => remote.port === port && local.port !== port)
  return new Map(theirs.map((entry) => [endsOf(entry), entry.state]))
}

/** One whose ends our own client has been given since is in another state. */
function withoutStrangers(table: SocketEntry[], strangers: Map<string, TcpState>): SocketEntry[] {
  return table.filter((entry) => {
    const state = strangers.get(endsOf(entry))
    if (state === entry.state) return false
    if (state !== undefined) strangers.delete(endsOf(entry))
    return true
  })
}

function endsOf({local, remote}: SocketEntry): string {
  return `${local.address} ${local.port} ${remote.address} ${remote.port}`
}

/** Null where nothing of the server's is seen on an OS that leaves the states in question out. */
function visibleResidue(platform: Platform, sockets: SeenSocket[] | null): Result['residue'] {
  if (sockets === null) return null
  const residue = residueOf(sockets)
  const ofServer = residue.some(({endpoint}) => endpoint === 'server')
  return !ofServer && platform.hiddenStates.length > 0 ? null : residue
}
