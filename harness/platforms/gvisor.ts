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
import {shared} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'

/** pkg/tcpip/transport/tcp/protocol.go: TCPTimeWaitTimeout and DefaultTCPLingerTimeout. */
const timeWaitSeconds = 60
const lingerSeconds = 60
/** Go's timers fire within milliseconds; the rest is what a sandbox's scheduler may add. */
const timerLatenessSeconds = 0.5

/** gVisor: Google's user-space network stack, which calls itself Linux 4.4.0. */
export const gvisor: Platform = {
  stack: 'gvisor',
  title: 'gVisor',
  rules: {
    version: 'gVisor release-20221219.0',
    measured: true,
    bind,
    release: releaseOf,
    leaves: (state) => ({state}),
    reconnect,
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
  const source = 'pkg/tcpip/ports/ports.go:isAvailable'
  const old = reservation(question)
  if (old === undefined) {
    return {outcome: 'granted', because: 'nothing is left on the port', source}
  }
  const socket = newcomer(question.successor)
  const common = protocols(socket).some((protocol) => protocols(old).includes(protocol))
  const sameAddress = socket.address === old.address
  if (!common || !(sameAddress || socket.address === '*' || old.address === '*')) {
    return {outcome: 'granted', because: 'the two addresses do not overlap', source}
  }
  // A reservation with a destination lets SO_REUSEPORT in whatever it set itself.
  const shareReuseaddr = socket.reuseaddr && old.reuseaddr
  const shareReuseport = socket.reuseport && (old.connected || old.reuseport)
  if (!shareReuseaddr && !shareReuseport) {
    return {
      outcome: 'EADDRINUSE',
      because: old.connected
        ? 'gVisor wants SO_REUSEADDR on both sockets, or SO_REUSEPORT on the new one'
        : 'gVisor wants the same option on both sockets',
      source,
    }
  }
  if (old.listening && sameAddress && !(socket.reuseport && old.reuseport)) {
    return {
      outcome: 'EADDRINUSE',
      because: 'a listening socket on the same address gives way only to SO_REUSEPORT on both',
      source: 'pkg/tcpip/stack/transport_demuxer.go:checkEndpoint',
    }
  }
  return {
    outcome: 'granted',
    because: shareReuseaddr
      ? 'both sockets have SO_REUSEADDR'
      : 'SO_REUSEPORT on the new socket is enough over a connection',
    source,
  }
}

/**
 * A SYN whose sequence number is not beyond the window of TIME_WAIT is acknowledged and nothing else; the
 * RST that answers is ignored (gVisor behaves as with tcp_rfc1337=1). The four-tuple of a connection of
 * its own cannot be registered twice.
 */
function reconnect({timeWaitAt}: ReconnectQuestion): ReconnectRule {
  return timeWaitAt === 'server'
    ? {
        outcome: 'unanswered',
        endsTimeWait: false,
        because: 'gVisor keeps TIME_WAIT whatever the reconnecting client sends',
        source: 'pkg/tcpip/transport/tcp/rcv.go:handleTimeWaitSegment',
      }
    : {
        outcome: 'EADDRINUSE',
        endsTimeWait: false,
        because: "the client's own TIME_WAIT still has the same pair of addresses and ports",
        source: 'pkg/tcpip/transport/tcp/endpoint.go:registerEndpoint',
      }
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
      endsBy: 'kernel',
      residueSeconds: within(timeWaitSeconds),
      source: 'pkg/tcpip/transport/tcp/connect.go:doTimeWait (DefaultTCPTimeWaitTimeout)',
    }
  }
  if (state === 'FIN_WAIT2') {
    return {
      endsBy: 'kernel',
      residueSeconds: within(lingerSeconds),
      source: 'pkg/tcpip/transport/tcp/endpoint.go (DefaultTCPLingerTimeout)',
    }
  }
  return {endsBy: 'process', source: 'RFC 9293 section 3.3.2'}
}
