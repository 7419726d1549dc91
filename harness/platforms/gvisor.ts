import {type BoundSocket, newcomer, protocols, socketInTheWay} from './bound-socket.ts'
import {
  firstUnprivilegedPort,
  ipv4SettingNames,
  linuxErrno,
  portRange,
  readIpv4Settings,
} from './linux.ts'
import type {
  BindQuestion,
  BindRule,
  Platform,
  ReconnectQuestion,
  ReconnectRule,
  Release,
} from './platform.ts'
import {readProcHolders, readProcNetUnix} from './proc-holders.ts'
import {readProcNetTcp} from './proc-net-tcp.ts'
import {answersFrom, generalRules} from './rule-table.ts'
import {shared} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'

/** pkg/tcpip/transport/tcp/protocol.go: TCPTimeWaitTimeout and DefaultTCPLingerTimeout. */
const timeWaitSeconds = 60
const lingerSeconds = 60
/** Go's timers fire within milliseconds; the rest is what a sandbox's scheduler may add. */
const timerLatenessSeconds = 0.5

const availability = 'pkg/tcpip/ports/ports.go:isAvailable'
const goTimer = "by a timer of Go's, which fires within milliseconds"

const table = {
  ...generalRules,
  'nothing-left': {
    outcome: 'granted',
    because: 'nothing is left on the port',
    source: availability,
  },
  'no-overlap': {
    outcome: 'granted',
    because: 'the two addresses do not overlap',
    source: availability,
  },
  'gvisor/over-connection': {
    outcome: 'EADDRINUSE',
    because: 'gVisor wants SO_REUSEADDR on both sockets, or SO_REUSEPORT on the new one',
    source: availability,
  },
  'gvisor/both-sockets': {
    outcome: 'EADDRINUSE',
    because: 'gVisor wants the same option on both sockets',
    source: availability,
  },
  'gvisor/listening': {
    outcome: 'EADDRINUSE',
    because: 'a listening socket on the same address gives way only to SO_REUSEPORT on both',
    source: 'pkg/tcpip/stack/transport_demuxer.go:checkEndpoint',
  },
  'gvisor/both-reuseaddr': {
    outcome: 'granted',
    because: 'both sockets have SO_REUSEADDR',
    source: availability,
  },
  'gvisor/newcomer-reuseport': {
    outcome: 'granted',
    because:
      'SO_REUSEPORT on the new socket is enough over a connection, and on both over a listener',
    source: availability,
  },
  'gvisor/time-wait-kept': {
    outcome: 'unanswered',
    endsTimeWait: false,
    because: 'gVisor keeps TIME_WAIT whatever the reconnecting client sends',
    source: 'pkg/tcpip/transport/tcp/rcv.go:handleTimeWaitSegment',
  },
  'gvisor/same-four-tuple': {
    outcome: 'EADDRINUSE',
    endsTimeWait: false,
    because: "the client's own TIME_WAIT still has the same pair of addresses and ports",
    source: 'pkg/tcpip/transport/tcp/endpoint.go:registerEndpoint',
  },
  'gvisor/four-tuple-unavailable': {
    outcome: 'EADDRNOTAVAIL',
    endsTimeWait: false,
    because:
      "later versions report the same as an address that is not available: the client's own TIME_WAIT has the same pair of addresses and ports",
    source: 'pkg/tcpip/transport/tcp/endpoint.go:connect (ErrBadLocalAddress)',
  },
  'gvisor/spread-by-hash': {
    answeredBy: 'either',
    because: 'listeners that share an address by SO_REUSEPORT get connections by a hash',
    source: 'pkg/tcpip/stack/transport_demuxer.go:selectEndpoint',
  },
  'gvisor/fin-restarts-time-wait': {
    restartsTimeWait: true,
    because: 'a FIN that is sent again restarts TIME_WAIT',
    source: 'pkg/tcpip/transport/tcp/rcv.go:handleTimeWaitSegment',
  },
  'gvisor/queue-reset': {
    outcome: 'reset',
    because: 'a listener that is closed resets the connections in its queue',
    source: 'pkg/tcpip/transport/tcp/endpoint.go:closePendingAcceptableConnectionsLocked',
  },
  'gvisor/time-wait-timer': {
    releases: 'TIME_WAIT',
    because: goTimer,
    source: 'pkg/tcpip/transport/tcp/connect.go:doTimeWait (DefaultTCPTimeWaitTimeout)',
  },
  'gvisor/fin-wait2-timer': {
    releases: 'FIN_WAIT2',
    because: goTimer,
    source: 'pkg/tcpip/transport/tcp/endpoint.go (DefaultTCPLingerTimeout)',
  },
} as const

const answer = answersFrom(table)

/** gVisor: Google's user-space network stack, which calls itself Linux 4.4.0. */
export const gvisor: Platform = {
  stack: 'gvisor',
  title: 'gVisor',
  rules: {
    version: 'gVisor release-20221219.0',
    measured: true,
    table,
    bugs: [],
    bind,
    release: releaseOf,
    leaves: (state) => ({state}),
    reconnect,
    sharing: () => answer('gvisor/spread-by-hash'),
    retransmittedFin: answer('gvisor/fin-restarts-time-wait'),
    queue: () => answer('gvisor/queue-reset'),
    destroy: null,
    selfConnection: null,
    errno: linuxErrno(),
  },
  readSockets: shared(() => readProcNetTcp()),
  readCounters: null,
  // Its /proc/net/tcp lists only sockets that a process still has.
  hiddenStates: ['TIME_WAIT', 'FIN_WAIT2', 'LAST_ACK', 'CLOSING'],
  readHolders: readProcHolders,
  readUnixSockets: readProcNetUnix,
  // Its /proc/PID/ns/net has another number for every process of the one namespace.
  readListenersElsewhere: null,
  readSettings: () => readIpv4Settings(ipv4SettingNames),
  ephemeralPorts: (settings) => portRange(settings, [16000, 65535]),
  firstUnprivilegedPort,
  // Its ip_local_reserved_ports cannot be written.
  reservation: null,
}

/**
 * A port reservation carries its options as bits; those that all reservations at an address share
 * decide. Source: pkg/tcpip/ports/ports.go (addrToDevice.isAvailable, deviceToDest.isAvailable) and
 * flags.go (intersectionFlags), release-20221219.0.
 */
function bind(question: BindQuestion): BindRule {
  const old = reservation(question)
  if (old === undefined) return answer('nothing-left')
  const socket = newcomer(question.successor)
  const common = protocols(socket).some((protocol) => protocols(old).includes(protocol))
  const sameAddress = socket.address === old.address
  if (!common || !(sameAddress || socket.address === '*' || old.address === '*')) {
    return answer('no-overlap')
  }
  // A reservation with a destination lets SO_REUSEPORT in whatever it set itself.
  const shareReuseaddr = socket.reuseaddr && old.reuseaddr
  const shareReuseport = socket.reuseport && (old.connected || old.reuseport)
  if (!shareReuseaddr && !shareReuseport) {
    return answer(old.connected ? 'gvisor/over-connection' : 'gvisor/both-sockets')
  }
  if (old.listening && sameAddress && !(socket.reuseport && old.reuseport)) {
    return answer('gvisor/listening')
  }
  return answer(shareReuseaddr ? 'gvisor/both-reuseaddr' : 'gvisor/newcomer-reuseport')
}

/**
 * A SYN whose sequence number is not beyond the window of TIME_WAIT is acknowledged and nothing else; the
 * RST that answers is ignored (gVisor behaves as with tcp_rfc1337=1). The four-tuple of a connection of
 * its own cannot be registered twice; which error that gives depends on gVisor's version, which it does not show.
 */
function reconnect({timeWaitAt}: ReconnectQuestion): readonly [ReconnectRule, ...ReconnectRule[]] {
  return timeWaitAt === 'server'
    ? [answer('gvisor/time-wait-kept')]
    : [answer('gvisor/same-four-tuple'), answer('gvisor/four-tuple-unavailable')]
}

/**
 * What holds the port. A connection that bind() gave its port to keeps that reservation as it was made,
 * wildcard, both networks and all; an accepted one, and one whose port connect() chose, has a
 * reservation with its destination. Source: pkg/tcpip/transport/tcp/endpoint.go (bindLocked,
 * connect), accept.go (reserveTupleLocked).
 */
function reservation(question: BindQuestion): BoundSocket | undefined {
  const old = socketInTheWay(question)
  const {outgoing, predecessor} = question
  if (old === undefined || outgoing !== true || predecessor.bind === 'autobind') return old
  return newcomer({bind: predecessor.bind, address: predecessor.address})
}

function releaseOf(state: TcpState): Release {
  const within = (seconds: number): [number, number] => [seconds, seconds + timerLatenessSeconds]
  if (state === 'TIME_WAIT') {
    return {
      ...answer('gvisor/time-wait-timer'),
      endsBy: 'kernel',
      residueSeconds: within(timeWaitSeconds),
    }
  }
  if (state === 'FIN_WAIT2') {
    return {
      ...answer('gvisor/fin-wait2-timer'),
      endsBy: 'kernel',
      residueSeconds: within(lingerSeconds),
    }
  }
  return {...answer('ended-by-process'), endsBy: 'process'}
}
