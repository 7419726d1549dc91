import {type BoundSocket, newcomer, protocols, socketInTheWay} from './bound-socket.ts'
import {readLsofHolders, readLsofUnixSockets} from './lsof.ts'
import {readNetstat} from './netstat.ts'
import type {
  BindQuestion,
  BindRule,
  Platform,
  ReconnectQuestion,
  ReconnectRule,
  Release,
  Settings,
} from './platform.ts'
import {answersFrom, generalRules} from './rule-table.ts'
import {runProgram} from './run-program.ts'
import {countIn} from './settings.ts'
import {shared} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'

const settingNames = [
  'net.inet.tcp.msl',
  'net.inet.tcp.fin_timeout',
  'net.inet.ip.portrange.first',
  'net.inet.ip.portrange.last',
]
/** TCPTV_MSL and TCPTV_FINWAIT2 of bsd/netinet/tcp_timer.h, in the milliseconds of their sysctls. */
const defaultMslMilliseconds = 15_000
const defaultFinTimeoutMilliseconds = 60_000
/** TCP_CONN_MAXIDLE: 8 keepalive probes of 75 s, which bounds FIN_WAIT2 where fin_timeout is 0. */
const maximumIdleMilliseconds = 600_000
/**
 * A TIME_WAIT that has run out is freed by the next collection pass: within 1 s if some socket of the
 * machine was closed, after up to 11 s otherwise, and after up to 22 s if a pass misses its lock
 * (inpcb_timeout and inpcb_timeout_lazy in bsd/netinet/in_pcb.c).
 */
const collectionSeconds = 22
/** Ordinary TCP timers are run at least every 500 ms. */
const timerQuantumSeconds = 0.5

/** The same rule is in both, for either family. */
const bindLookup = 'bsd/netinet/in_pcb.c:in_pcbbind; bsd/netinet6/in6_pcb.c:in6_pcbbind'

const table = {
  ...generalRules,
  'nothing-left': {
    outcome: 'granted',
    because: 'nothing is left on the port',
    source: bindLookup,
  },
  'no-overlap': {
    outcome: 'granted',
    because: 'the two addresses do not overlap',
    source: bindLookup,
  },
  'darwin/both-reuseport': {
    outcome: 'granted',
    because: 'both sockets have SO_REUSEPORT',
    source: bindLookup,
  },
  'darwin/plain': {
    outcome: 'EADDRINUSE',
    because: 'a bind without an option is refused by any socket of the port',
    source: bindLookup,
  },
  'darwin/same-address': {
    outcome: 'EADDRINUSE',
    because: 'an unconnected socket on exactly the same address is in the way',
    source: bindLookup,
  },
  'darwin/newcomer-only': {
    outcome: 'granted',
    because:
      'macOS asks only the new socket, and with an option it overlooks connections and other addresses',
    source: bindLookup,
  },
  'darwin/later-sequence': {
    outcome: 'ECONNREFUSED',
    endsTimeWait: true,
    because: 'a SYN with a later sequence number closes TIME_WAIT',
    source: 'bsd/netinet/tcp_input.c:tcp_input (TCPS_TIME_WAIT)',
  },
  'darwin/same-four-tuple': {
    outcome: 'EADDRINUSE',
    endsTimeWait: false,
    because: "the client's own TIME_WAIT still has the same pair of addresses and ports",
    source: 'bsd/netinet/in_pcb.c:in_pcbconnect',
  },
  'darwin/queue-reset': {
    outcome: 'reset',
    because: 'a listener that is closed resets the connections in its queue',
    source: 'bsd/kern/uipc_socket.c:soclose_locked',
  },
  'darwin/time-wait-timer': {
    releases: 'TIME_WAIT',
    because: 'by the next collection pass after 2 * tcp_msl',
    source: 'bsd/netinet/tcp_timer.c:tcp_gc (2 * tcp_msl); bsd/netinet/in_pcb.c:inpcb_timeout',
  },
  'darwin/fin-wait2-timer': {
    releases: 'FIN_WAIT2',
    because: 'by net.inet.tcp.fin_timeout',
    source: 'bsd/netinet/tcp_input.c:tcp_set_finwait_timeout',
  },
} as const

const answer = answersFrom(table)

/** macOS, from the source of xnu-11417 (macOS 15.4); not yet measured on a Mac. */
export const darwin: Platform = {
  stack: 'darwin',
  title: 'macOS',
  rules: {
    version: 'xnu-11417 (macOS 15.4)',
    measured: false,
    table,
    bind,
    release: releaseOf,
    leaves: (state) => ({state}),
    reconnect,
    queue: () => answer('darwin/queue-reset'),
    destroy: null,
    selfConnection: null,
    errno: {EADDRINUSE: 48},
  },
  readSockets: shared(readNetstat),
  readCounters: null,
  hiddenStates: [],
  readHolders: readLsofHolders,
  readUnixSockets: readLsofUnixSockets,
  readListenersElsewhere: null,
  async readSettings() {
    const read = async (name: string) => {
      const {status, stdout} = await runProgram('/usr/sbin/sysctl', ['-n', name])
      return status === 0 ? Number(stdout.trim()) : null
    }
    return Object.fromEntries(
      await Promise.all(
        settingNames.map(async (name) => [name, await read(name).catch(() => null)] as const),
      ),
    )
  },
  ephemeralPorts(settings) {
    const {'net.inet.ip.portrange.first': first, 'net.inet.ip.portrange.last': last} = settings
    return [typeof first === 'number' ? first : 49152, typeof last === 'number' ? last : 65535]
  },
  // IPPORT_RESERVED of bsd/netinet/in.h; in_pcbbind lets anybody have a wildcard address since macOS 10.14.
  firstUnprivilegedPort: () => 1024,
  reservation: null,
}

/**
 * macOS asks only the newcomer: with either option, in_pcblookup_local is called without
 * INPLOOKUP_WILDCARD and finds none but unconnected sockets of exactly the same address. The state is
 * never looked at, nor who made a connection. Source: bsd/netinet/in_pcb.c:in_pcbbind,
 * bsd/netinet6/in6_pcb.c:in6_pcbbind.
 */
function bind(question: BindQuestion): BindRule {
  const old = socketInTheWay(question)
  if (old === undefined) return answer('nothing-left')
  const socket = newcomer(question.successor)
  const plain = !socket.reuseaddr && !socket.reuseport
  if (socket.reuseport && old.reuseport) return answer('darwin/both-reuseport')
  if (isFound(socket, old, plain)) return answer(plain ? 'darwin/plain' : 'darwin/same-address')
  return answer(plain ? 'no-overlap' : 'darwin/newcomer-only')
}

/** Whether the lookup that in_pcbbind or in6_pcbbind makes returns the old socket, and counts it. */
function isFound(socket: BoundSocket, old: BoundSocket, plain: boolean): boolean {
  const matches = (address: string) =>
    plain
      ? address === old.address || address === '*' || old.address === '*'
      : !old.connected && address === old.address
  if (socket.family === 'ipv4') return protocols(old).includes('ipv4') && matches(socket.address)
  if (protocols(old).includes('ipv6') && matches(socket.address)) return true
  // A dual-stack newcomer is looked up among the IPv4 sockets too, where an AF_INET wildcard is exempt.
  const dual = socket.address === '*' && !socket.ipv6Only
  const exempt = old.address === '*' && old.family === 'ipv4'
  return dual && protocols(old).includes('ipv4') && matches('*') && !exempt
}

/**
 * A SYN with a later sequence number closes TIME_WAIT by itself and is then looked up again; nobody
 * listens, so it is answered by RST. A client's own pair of addresses and ports cannot be used twice.
 */
function reconnect({timeWaitAt}: ReconnectQuestion): ReconnectRule {
  return answer(timeWaitAt === 'server' ? 'darwin/later-sequence' : 'darwin/same-four-tuple')
}

function releaseOf(state: TcpState, settings: Settings): Release {
  if (state === 'TIME_WAIT') {
    const milliseconds = 2 * (countIn(settings, 'net.inet.tcp.msl', 0) ?? defaultMslMilliseconds)
    const seconds = milliseconds / 1000
    return {
      ...answer('darwin/time-wait-timer'),
      endsBy: 'kernel',
      residueSeconds: [seconds, seconds + collectionSeconds],
    }
  }
  if (state === 'FIN_WAIT2') {
    const configured =
      countIn(settings, 'net.inet.tcp.fin_timeout', 0) ?? defaultFinTimeoutMilliseconds
    const bounded =
      configured === 0 ? maximumIdleMilliseconds : Math.min(configured, maximumIdleMilliseconds)
    return {
      ...answer('darwin/fin-wait2-timer'),
      endsBy: 'kernel',
      residueSeconds: [bounded / 1000, bounded / 1000 + timerQuantumSeconds],
    }
  }
  return {...answer('ended-by-process'), endsBy: 'process'}
}
