import type {Address} from '../sockets/address.ts'
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

const versionSetting = 'kern.osproductversion'
const settingNames = [
  versionSetting,
  'net.inet.tcp.msl',
  'net.inet.tcp.fin_timeout',
  'net.inet.ip.portrange.first',
  'net.inet.ip.portrange.last',
]
/** TCPTV_MSL and TCPTV_FINWAIT2 of bsd/netinet/tcp_timer.h, in the milliseconds of their sysctls. */
const defaultMslMilliseconds = 15_000
const defaultFinTimeoutMilliseconds = 60_000
/** The first macOS that has net.inet.tcp.fin_timeout. */
const finTimeoutSince = 12
/** TCP_CONN_MAXIDLE: 8 keepalive probes of 75 s, which bounds FIN_WAIT2 where fin_timeout is 0, or where there is none. */
const maximumIdleMilliseconds = 600_000
/**
 * A TIME_WAIT that has run out is freed by the next collection pass: within 1 s if some socket of the
 * machine was closed, after up to 11 s otherwise, and after up to 22 s if a pass misses its lock
 * (inpcb_timeout and inpcb_timeout_lazy in bsd/netinet/in_pcb.c).
 */
const usualCollectionSeconds = 11
const collectionSeconds = 22
/** Ordinary TCP timers are run at least every 500 ms. */
const timerQuantumSeconds = 0.5
/** The first macOS whose initial sequence numbers grow from one connection of a pair of ends to the next. */
const growingSequenceSince = 15

/** The same rule is in both, for either family. */
const bindLookup = 'bsd/netinet/in_pcb.c:in_pcbbind; bsd/netinet6/in6_pcb.c:in6_pcbbind'

/** bind() puts a socket before all others; the lookup takes the first of that address, but the last wildcard. */
const listenerLookup =
  'bsd/netinet/in_pcb.c:in_pcbinshash, in_pcblookup_hash_locked; bsd/netinet6/in6_pcb.c:in6_pcblookup_hash_locked'

const synInTimeWait = 'bsd/netinet/tcp_input.c:tcp_input (TCPS_TIME_WAIT)'

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
  'darwin/dual-beside-ipv4-wildcard': {
    outcome: 'granted',
    because: 'a dual-stack :: is granted over 0.0.0.0, though 0.0.0.0 is not granted over ::',
    source: 'bsd/netinet6/in6_pcb.c:in6_pcbbind',
  },
  'darwin/other-user': {
    outcome: 'EADDRINUSE',
    because:
      "macOS refuses a bind over another user's socket whatever the options, unless it is root's",
    source: bindLookup,
  },
  'darwin/later-sequence': {
    outcome: 'ECONNREFUSED',
    endsTimeWait: true,
    because: 'a SYN with a sequence number beyond the window of TIME_WAIT closes it',
    source: synInTimeWait,
  },
  'darwin/earlier-sequence': {
    outcome: 'unanswered',
    endsTimeWait: false,
    because:
      'before macOS 15 sequence numbers begin at random, and a SYN that is not beyond the window of TIME_WAIT is not answered: about 7 in 10',
    source: `${synInTimeWait}; bsd/netinet/tcp_subr.c:tcp_new_isn, tcp_newtcpcb`,
  },
  'darwin/same-four-tuple': {
    outcome: 'EADDRINUSE',
    endsTimeWait: false,
    because: "the client's own TIME_WAIT still has the same pair of addresses and ports",
    source: 'bsd/netinet/tcp_usrreq.c:tcp_connect, tcp6_connect',
  },
  'darwin/newest-listener': {
    answeredBy: 'newest',
    because:
      'of listeners that share a specific address by SO_REUSEPORT, the last that was bound gets every connection',
    source: listenerLookup,
  },
  'darwin/oldest-listener': {
    answeredBy: 'oldest',
    because:
      'of listeners that share a wildcard address by SO_REUSEPORT, the first that was bound gets every connection',
    source: listenerLookup,
  },
  'darwin/fin-does-not-restart': {
    restartsTimeWait: false,
    because: 'a FIN that is sent again is acknowledged, and does not restart TIME_WAIT',
    source: 'bsd/netinet/tcp_input.c:tcp_input (todrop: what was received before loses its FIN)',
  },
  'darwin/close-wait-reset': {
    releases: 'CLOSE_WAIT',
    because:
      "if the other end is on this machine and its process has closed it, macOS gives up that end's FIN_WAIT2 after net.inet.tcp.fin_timeout, and its RST ends this one",
    source: 'bsd/netinet/tcp_timer.c:tcp_timers (TCPT_2MSL); bsd/netinet/tcp_subr.c:tcp_drop',
  },
  'darwin/queue-reset': {
    outcome: 'reset',
    because: 'a listener that is closed resets the connections in its queue',
    source: 'bsd/kern/uipc_socket.c:soclose_locked',
  },
  'darwin/time-wait-timer': {
    releases: 'TIME_WAIT',
    because:
      'by the next collection pass after 2 * tcp_msl, which usually comes within 11 s, and at worst within 22 s',
    source:
      'bsd/netinet/tcp_input.c:tcp_input (2 * tcp_msl); bsd/netinet/tcp_timer.c:tcp_gc; bsd/netinet/in_pcb.c:inpcb_timeout',
  },
  'darwin/fin-wait2-timer': {
    releases: 'FIN_WAIT2',
    because: 'by net.inet.tcp.fin_timeout',
    source: 'bsd/netinet/tcp_input.c:tcp_set_finwait_timeout',
  },
} as const

const answer = answersFrom(table)

/**
 * macOS, from the source of xnu-11417 (macOS 15.4). The networking code of six releases was executed outside of a Mac,
 * and answered as the rules say; nothing was measured on a Mac.
 */
export const darwin: Platform = {
  stack: 'darwin',
  title: 'macOS',
  rules: {
    version: 'xnu-11417 (macOS 15.4)',
    measured: false,
    checked: "executed from Apple's source, six releases (macOS 11.6 to 15.5), not on a Mac",
    table,
    bugs: [],
    bind,
    release: releaseOf,
    leaves: (state) => ({state}),
    reconnect,
    sharing: (address) =>
      answer(isWildcard(address) ? 'darwin/oldest-listener' : 'darwin/newest-listener'),
    retransmittedFin: answer('darwin/fin-does-not-restart'),
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
      const value = stdout.trim()
      if (status !== 0) return null
      return /^\d+$/.test(value) ? Number(value) : value
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
  if (question.otherUser === 'not-root' && isForbidden(socket, old))
    return answer('darwin/other-user')
  if (isExempt(socket, old)) return answer('darwin/dual-beside-ipv4-wildcard')
  if (!isFound(socket, old, true)) return answer('no-overlap')
  if (socket.reuseport && old.reuseport) return answer('darwin/both-reuseport')
  if (isFound(socket, old, plain)) return answer(plain ? 'darwin/plain' : 'darwin/same-address')
  return answer('darwin/newcomer-only')
}

/** A dual-stack newcomer is looked up among the IPv4 sockets too, where an AF_INET wildcard is exempt. */
function isExempt(socket: BoundSocket, old: BoundSocket): boolean {
  const isDual = socket.family === 'ipv6' && socket.address === '*' && !socket.ipv6Only
  return isDual && old.family === 'ipv4' && old.address === '*'
}

/**
 * What another user's socket refuses, before anything else is asked. Two wildcards of IPv4 let each other be; so does one
 * of IPv6 that has SO_REUSEPORT.
 */
function isForbidden(socket: BoundSocket, old: BoundSocket): boolean {
  const bothWildcards = socket.address === '*' && old.address === '*'
  if (socket.family === 'ipv4') return !bothWildcards && isFound(socket, old, true)
  const exempt = old.reuseport && (bothWildcards || !protocols(old).includes('ipv6'))
  return !exempt && isFound(socket, old, true)
}

/** Whether the lookup that in_pcbbind or in6_pcbbind makes returns the old socket, and counts it. */
function isFound(socket: BoundSocket, old: BoundSocket, plain: boolean): boolean {
  const matches = (address: string) =>
    plain
      ? address === old.address || address === '*' || old.address === '*'
      : !old.connected && address === old.address
  if (socket.family === 'ipv4') return protocols(old).includes('ipv4') && matches(socket.address)
  if (protocols(old).includes('ipv6') && matches(socket.address)) return true
  const dual = socket.address === '*' && !socket.ipv6Only
  return dual && protocols(old).includes('ipv4') && matches('*') && !isExempt(socket, old)
}

/**
 * A SYN with a sequence number beyond the receive window closes TIME_WAIT by itself and is then looked up again; nobody
 * listens, so it is answered by RST. Since macOS 15 that is every SYN from 74 ms after the first one of the pair of ends
 * on, before it about 3 in 10. A client's own pair of addresses and ports cannot be used twice.
 */
function reconnect({
  timeWaitAt,
  settings,
}: ReconnectQuestion): readonly [ReconnectRule, ...ReconnectRule[]] {
  if (timeWaitAt === 'client') return [answer('darwin/same-four-tuple')]
  const version = macosVersion(settings)
  return version !== undefined && version >= growingSequenceSince
    ? [answer('darwin/later-sequence')]
    : [answer('darwin/earlier-sequence'), answer('darwin/later-sequence')]
}

function isWildcard(address: Address): boolean {
  return newcomer({bind: 'reuseport', address}).address === '*'
}

/** 15 of `15.5`; undefined where it is not known, or made up for programs of earlier releases (`10.16`). */
function macosVersion(settings: Settings): number | undefined {
  const version = Number.parseInt(String(settings[versionSetting] ?? ''), 10)
  return version >= 11 ? version : undefined
}

function releaseOf(state: TcpState, settings: Settings): Release {
  if (state === 'TIME_WAIT') {
    const milliseconds = 2 * (countIn(settings, 'net.inet.tcp.msl', 0) ?? defaultMslMilliseconds)
    const seconds = milliseconds / 1000
    return {
      ...answer('darwin/time-wait-timer'),
      endsBy: 'kernel',
      residueSeconds: [seconds, seconds + collectionSeconds],
      usuallySeconds: seconds + usualCollectionSeconds,
    }
  }
  const residueSeconds = finTimeoutSeconds(settings)
  if (state === 'FIN_WAIT2') {
    return {...answer('darwin/fin-wait2-timer'), endsBy: 'kernel', residueSeconds}
  }
  if (state === 'CLOSE_WAIT') {
    return {
      ...answer('darwin/close-wait-reset'),
      endsBy: 'process',
      ifPeerClosedSeconds: residueSeconds,
    }
  }
  return {...answer('ended-by-process'), endsBy: 'process'}
}

/** How long FIN_WAIT2 lasts once its process has closed it; then RST is sent. */
function finTimeoutSeconds(settings: Settings): [min: number, max: number] {
  const isOlder = (macosVersion(settings) ?? finTimeoutSince) < finTimeoutSince
  const usual = isOlder ? maximumIdleMilliseconds : defaultFinTimeoutMilliseconds
  const configured = countIn(settings, 'net.inet.tcp.fin_timeout', 0) ?? usual
  const bounded =
    configured === 0 ? maximumIdleMilliseconds : Math.min(configured, maximumIdleMilliseconds)
  return [bounded / 1000, bounded / 1000 + timerQuantumSeconds]
}
