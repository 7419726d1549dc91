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

/** macOS, from the source of xnu-11417 (macOS 15.4); not yet measured on a Mac. */
export const darwin: Platform = {
  stack: 'darwin',
  title: 'macOS',
  rules: {
    version: 'xnu-11417 (macOS 15.4)',
    measured: false,
    bind,
    release: releaseOf,
    leaves: (state) => ({state}),
    reconnect,
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
  const socket = newcomer(question.successor)
  const source =
    socket.family === 'ipv4'
      ? 'bsd/netinet/in_pcb.c:in_pcbbind'
      : 'bsd/netinet6/in6_pcb.c:in6_pcbbind'
  if (old === undefined) {
    return {outcome: 'granted', because: 'nothing is left on the port', source}
  }
  const plain = !socket.reuseaddr && !socket.reuseport
  if (socket.reuseport && old.reuseport) {
    return {outcome: 'granted', because: 'both sockets have SO_REUSEPORT', source}
  }
  if (isFound(socket, old, plain)) {
    const because = plain
      ? 'a bind without an option is refused by any socket of the port'
      : 'an unconnected socket on exactly the same address is in the way'
    return {outcome: 'EADDRINUSE', because, source}
  }
  const because = plain
    ? 'the two addresses do not overlap'
    : 'macOS asks only the new socket, and with an option it overlooks connections and other addresses'
  return {outcome: 'granted', because, source}
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
 * listens, so it is answered by RST. A client's own pair of addresses and ports cannot be had twice.
 */
function reconnect({timeWaitAt}: ReconnectQuestion): ReconnectRule {
  return timeWaitAt === 'server'
    ? {
        outcome: 'ECONNREFUSED',
        endsTimeWait: true,
        because: 'a SYN with a later sequence number closes TIME_WAIT',
        source: 'bsd/netinet/tcp_input.c:tcp_input (TCPS_TIME_WAIT)',
      }
    : {
        outcome: 'EADDRINUSE',
        endsTimeWait: false,
        because: "the client's own TIME_WAIT still has the same pair of addresses and ports",
        source: 'bsd/netinet/in_pcb.c:in_pcbconnect',
      }
}

function releaseOf(state: TcpState, settings: Settings): Release {
  if (state === 'TIME_WAIT') {
    const milliseconds = 2 * (countIn(settings, 'net.inet.tcp.msl', 0) ?? defaultMslMilliseconds)
    const seconds = milliseconds / 1000
    return {
      endsBy: 'kernel',
      residueSeconds: [seconds, seconds + collectionSeconds],
      source: 'bsd/netinet/tcp_timer.c:tcp_gc (2 * tcp_msl); bsd/netinet/in_pcb.c:inpcb_timeout',
    }
  }
  if (state === 'FIN_WAIT2') {
    const configured =
      countIn(settings, 'net.inet.tcp.fin_timeout', 0) ?? defaultFinTimeoutMilliseconds
    const bounded =
      configured === 0 ? maximumIdleMilliseconds : Math.min(configured, maximumIdleMilliseconds)
    return {
      endsBy: 'kernel',
      residueSeconds: [bounded / 1000, bounded / 1000 + timerQuantumSeconds],
      source: 'bsd/netinet/tcp_input.c:tcp_set_finwait_timeout',
    }
  }
  return {endsBy: 'process', source: 'RFC 9293 section 3.3.2'}
}
