import {readFile} from 'node:fs/promises'
import {constants, release} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {gunzip} from 'node:zlib'
import {type BoundSocket, newcomer, socketInTheWay} from './bound-socket.ts'
import {isWithin, readKernelVersion} from './kernel-version.ts'
import {linuxBugs, linuxBugTexts} from './linux-bugs.ts'
import {readLinuxSockets} from './linux-sockets.ts'
import {linuxSourceAddress} from './linux-source-address.ts'
import type {
  BindQuestion,
  BindRule,
  DestroyQuestion,
  DestroyRule,
  Leaving,
  Platform,
  QueueQuestion,
  QueueRule,
  ReconnectQuestion,
  ReconnectRule,
  Release,
  Rules,
  SelfConnectionQuestion,
  SelfConnectionRule,
  Settings,
} from './platform.ts'
import {readProcFile} from './proc-file.ts'
import {readListenersElsewhere, readProcHolders, readProcNetUnix} from './proc-holders.ts'
import {readTcpCounters} from './proc-net-snmp.ts'
import {answersFrom, generalRules} from './rule-table.ts'
import {countIn} from './settings.ts'
import {shared} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'
import {timerSlotSeconds, usualTickRates} from './timer-wheel.ts'

/** PROT_SOCK of include/net/sock.h: where the setting cannot be read, it has its old value. */
const usualFirstUnprivilegedPort = 1024

/** TCP_TIMEWAIT_LEN, a constant of include/net/tcp.h that no setting of Linux itself changes. */
const timeWaitSeconds = 60
const defaultFinTimeoutSeconds = 60
/**
 * FIN_WAIT2 lasts 3.5 retransmission timeouts at least (tcp_fin_time in include/net/tcp.h). On loopback such a
 * timeout is TCP_RTO_MIN, 0.2 s, and what an acknowledgement may be delayed by on top.
 */
const leastFinTimeoutSeconds: [min: number, max: number] = [3.5 * 0.2, 3.5 * 0.25]

/** The upstream version of the running kernel, which no file in /proc/sys has: from it on some settings do something. */
const kernelVersionSetting = 'KERNEL_VERSION'
/** From here on tcp_migrate_req does something. */
const firstWithMigration = '5.14'
const latestVersion = 'Infinity'

/** Not a setting either: what SOCK_DESTROY of a TIME_WAIT answered in a scenario's namespace, where it was tried. */
export const destroySetting = 'SOCK_DESTROY'

/** A setting of Alibaba's kernels, which takes the place of TCP_TIMEWAIT_LEN. */
const timeWaitSetting = 'tcp_tw_timeout'

export const ipv4SettingNames = [
  'tcp_fin_timeout',
  'tcp_max_tw_buckets',
  'tcp_rfc1337',
  'tcp_timestamps',
  'tcp_tw_reuse',
  'ip_local_port_range',
  'ip_local_reserved_ports',
  'ip_unprivileged_port_start',
]

/** Settings that only some kernels have: Alibaba's; Linux from 5.14 on; from 6.14 on. */
const laterSettingNames = [timeWaitSetting, 'tcp_migrate_req', 'tcp_tw_reuse_delay']

const bindConflict = 'net/ipv4/inet_connection_sock.c:inet_bind_conflict'
const bucketAllocation = 'net/ipv4/inet_timewait_sock.c:inet_twsk_alloc'
const synInTimeWait = 'net/ipv4/tcp_minisocks.c:tcp_timewait_state_process'
const ownTimeWait = 'net/ipv4/tcp_ipv4.c:tcp_twsk_unique'
const listenerClose = 'net/ipv4/inet_connection_sock.c:inet_csk_listen_stop'
const portChoice = 'net/ipv4/inet_hashtables.c:__inet_hash_connect'
const timerWheel = 'kernel/time/timer.c:calc_wheel_index'

const table = {
  ...generalRules,
  ...linuxBugTexts,
  'nothing-left': {
    outcome: 'granted',
    because: 'nothing is left on the port',
    source: bindConflict,
  },
  'no-overlap': {
    outcome: 'granted',
    because: 'the two addresses do not overlap',
    source: 'net/ipv4/inet_hashtables.c:inet_rcv_saddr_equal',
  },
  'linux/both-reuseaddr': {
    outcome: 'granted',
    because: 'both sockets have SO_REUSEADDR and the old one does not listen',
    source: bindConflict,
  },
  'linux/both-reuseport': {
    outcome: 'granted',
    because:
      'both sockets have SO_REUSEPORT, and the old one is of the same user, or in TIME_WAIT, which has none',
    source: bindConflict,
  },
  'linux/listening': {
    outcome: 'EADDRINUSE',
    because: 'a listening socket gives way only if both sockets have SO_REUSEPORT',
    source: bindConflict,
  },
  'linux/other-user': {
    outcome: 'EADDRINUSE',
    because: 'SO_REUSEPORT is for sockets of one user; not even root is exempt',
    source: bindConflict,
  },
  'linux/autobound': {
    outcome: 'EADDRINUSE',
    because: 'Linux asks both sockets, and one whose port connect() chose has no option to share',
    source: bindConflict,
  },
  'linux/both-sockets': {
    outcome: 'EADDRINUSE',
    because:
      'Linux asks both sockets: the same option must be on the one that left the residue, too',
    source: bindConflict,
  },
  'linux/no-time-wait-bucket': {
    because: 'tcp_max_tw_buckets is 0, so TIME_WAIT is not kept',
    source: bucketAllocation,
  },
  'linux/no-fin-wait2-bucket': {
    because: 'tcp_max_tw_buckets is 0, so FIN_WAIT2 is not kept',
    source: bucketAllocation,
  },
  'linux/assassinated': {
    outcome: 'ECONNREFUSED',
    endsTimeWait: true,
    because: 'the RST of the reconnecting client destroys TIME_WAIT (RFC 1337)',
    source: synInTimeWait,
  },
  'linux/rfc1337': {
    outcome: 'unanswered',
    endsTimeWait: false,
    because: 'tcp_rfc1337 is set, so the RST of the reconnecting client is ignored',
    source: synInTimeWait,
  },
  'linux/timestamps': {
    outcome: 'connected',
    endsTimeWait: true,
    because: "timestamps tell the new connection from the client's own TIME_WAIT, which gives way",
    source: ownTimeWait,
  },
  'linux/no-timestamps': {
    outcome: 'EADDRNOTAVAIL',
    endsTimeWait: false,
    because: "without tcp_timestamps the client's own TIME_WAIT refuses the connection",
    source: ownTimeWait,
  },
  'linux/spread-by-hash': {
    answeredBy: 'either',
    because: 'listeners that share an address by SO_REUSEPORT get connections by a hash',
    source: 'net/core/sock_reuseport.c:reuseport_select_sock',
  },
  'linux/fin-restarts-time-wait': {
    restartsTimeWait: true,
    because: 'a FIN that is sent again restarts TIME_WAIT',
    source: synInTimeWait,
  },
  'linux/queue-reset': {
    outcome: 'reset',
    because: 'a listener that is closed resets the connections in its queue',
    source: listenerClose,
  },
  'linux/queue-migrated': {
    outcome: 'migrated',
    because:
      'with tcp_migrate_req=1 a listener that is closed leaves its queue to another one with SO_REUSEPORT',
    source: `${listenerClose} (reuseport_migrate_sock)`,
  },
  'linux/no-migration': {
    outcome: 'reset',
    because: 'tcp_migrate_req does nothing before Linux 5.14',
    source: listenerClose,
  },
  'linux/destroyed': {
    destroys: true,
    keepsPort: false,
    because: 'SOCK_DESTROY ends the socket, whoever has it',
    source: 'net/ipv4/tcp.c:tcp_abort',
  },
  'linux/destroyed-listener': {
    destroys: true,
    keepsPort: true,
    outcome: 'EADDRINUSE',
    because:
      'SOCK_DESTROY ends the listening, but a port that was bound by bind() is kept until its process closes the socket',
    source: 'net/ipv4/tcp.c:tcp_set_state (SOCK_BINDPORT_LOCK)',
  },
  'linux/not-destroyed': {
    destroys: false,
    keepsPort: false,
    because:
      'SOCK_DESTROY of this kernel (before 6.0, as a rule) does not end what no process has any more',
    source: 'net/ipv4/tcp.c:tcp_abort',
  },
  'linux/self-connection': {
    outcome: 'connected',
    because:
      'connect() tries one port of ip_local_port_range after the other, and a SYN that reaches its own socket opens it (RFC 9293: simultaneous open)',
    source: portChoice,
  },
  'linux/outside-local-ports': {
    outcome: 'ECONNREFUSED',
    because: 'the port is outside ip_local_port_range, so connect() never chooses it',
    source: portChoice,
  },
  'linux/reserved-port': {
    outcome: 'ECONNREFUSED',
    because: 'ip_local_reserved_ports has the port, so connect() never chooses it',
    source: portChoice,
  },
  'linux/other-parity': {
    outcome: 'ECONNREFUSED',
    because:
      'connect() chooses a port of the other parity than the low end of ip_local_port_range only if no other is free',
    source: portChoice,
  },
  'linux/time-wait-timer': {
    releases: 'TIME_WAIT',
    because: 'by the timer wheel, which rounds a constant 60 s up',
    source: `include/net/tcp.h:TCP_TIMEWAIT_LEN; ${timerWheel}`,
  },
  'linux/time-wait-setting': {
    releases: 'TIME_WAIT',
    because: `by ${timeWaitSetting} and the timer wheel, which rounds up`,
    source: `${timeWaitSetting}; ${timerWheel}`,
  },
  'linux/fin-wait2-timer': {
    releases: 'FIN_WAIT2',
    because: 'by tcp_fin_timeout and the timer wheel, which rounds up',
    source: `net/ipv4/tcp.c:__tcp_close (tcp_fin_timeout); ${timerWheel}`,
  },
} as const

const answer = answersFrom(table)

export const linux: Platform = {
  stack: 'linux',
  title: 'Linux',
  rules: {
    version: 'Linux 6.18',
    measured: true,
    table,
    bugs: linuxBugs,
    bind,
    release: releaseOf,
    leaves,
    reconnect: (question) => [reconnect(question)],
    sharing: () => answer('linux/spread-by-hash'),
    retransmittedFin: answer('linux/fin-restarts-time-wait'),
    queue,
    destroy,
    selfConnection,
    errno: linuxErrno(),
  },
  readSockets: shared(readLinuxSockets),
  readCounters: readTcpCounters,
  hiddenStates: [],
  readHolders: readProcHolders,
  readUnixSockets: readProcNetUnix,
  readListenersElsewhere,
  async readSettings() {
    return {
      ...(await readIpv4Settings(ipv4SettingNames)),
      CONFIG_HZ: await readTickRate(),
      [kernelVersionSetting]: readKernelVersion() ?? null,
    }
  },
  ephemeralPorts: (settings) => portRange(settings, [32768, 60999]),
  firstUnprivilegedPort,
  reservation: {isReserved, command: reservationCommand},
}

/**
 * The error numbers of this machine's Linux: 98 in asm-generic/errno.h, 125 on MIPS. Elsewhere, where a document of a
 * Linux is looked at, those of nearly all of them.
 */
export function linuxErrno(
  os: string = process.platform,
  {EADDRINUSE} = constants.errno,
): Rules['errno'] {
  return {EADDRINUSE: os === 'linux' ? EADDRINUSE : 98}
}

/**
 * Linux asks both sockets. Source: inet_csk_get_port and inet_bind_conflict in
 * net/ipv4/inet_connection_sock.c (6.18); socket(7) and ip(7) say the same of SO_REUSEADDR.
 */
function bind(question: BindQuestion): BindRule {
  const old = socketInTheWay(question, linuxSourceAddress)
  if (old === undefined) return answer('nothing-left')
  const socket = newcomer(question.successor)
  if (!overlaps(socket, old)) return answer('no-overlap')
  if (socket.reuseaddr && old.reuseaddr && !old.listening) return answer('linux/both-reuseaddr')
  if (socket.reuseport && old.reuseport) {
    const ofOther = question.otherUser !== undefined && !isForgotten(question)
    return answer(ofOther ? 'linux/other-user' : 'linux/both-reuseport')
  }
  if (old.listening) return answer('linux/listening')
  return answer(question.predecessor.bind === 'autobind' ? 'linux/autobound' : 'linux/both-sockets')
}

/** Of TIME_WAIT, which a closed FIN_WAIT2 is to bind(), too, the kernel no longer knows the user. */
function isForgotten({residue}: BindQuestion): boolean {
  return residue === 'TIME_WAIT' || residue === 'FIN_WAIT2'
}

/**
 * Whether two sockets claim a common address. Source: inet_bhash2_conflict for a specific newcomer,
 * ipv4_rcv_saddr_equal and ipv6_rcv_saddr_equal (net/ipv4/inet_connection_sock.c) for a wildcard.
 */
function overlaps(socket: BoundSocket, old: BoundSocket): boolean {
  if (socket.address !== '*') {
    if (old.address === socket.address) return true
    if (old.address !== '*') return false
    if (old.family === 'ipv6') return !(old.ipv6Only && socket.family === 'ipv4')
    return socket.family === 'ipv4'
  }
  // 0.0.0.0 is compared by the other's IPV6_V6ONLY, not by its family.
  if (socket.family === 'ipv4') return !old.ipv6Only
  if (old.family === 'ipv6' && old.address === '*') return true
  return !(socket.ipv6Only && !old.address.includes(':'))
}

function releaseOf(state: TcpState, settings: Settings): Release {
  const slot = (seconds: number) => slotSeconds(seconds, settings)
  const configured = countIn(settings, timeWaitSetting, 1)
  const timeWait = configured ?? timeWaitSeconds
  if (state === 'TIME_WAIT') {
    return {
      ...answer(configured === undefined ? 'linux/time-wait-timer' : 'linux/time-wait-setting'),
      endsBy: 'kernel',
      residueSeconds: [timeWait, timeWait + slot(timeWait)],
    }
  }
  if (state === 'FIN_WAIT2') {
    const seconds = countIn(settings, 'tcp_fin_timeout', 0) ?? defaultFinTimeoutSeconds
    // Beyond 60 s a keepalive timer runs for the excess, and then the timewait timer for the excess again
    // (tcp_keepalive_timer in net/ipv4/tcp_timer.c): with 61 the port is measured to be free after 2 s.
    const excess = seconds - timeWait
    const [least, most] = leastFinTimeoutSeconds.map((time) => Math.max(time, seconds)) as [
      number,
      number,
    ]
    return {
      ...answer('linux/fin-wait2-timer'),
      endsBy: 'kernel',
      residueSeconds:
        excess <= 0 ? [least, most + slot(most)] : [2 * excess, 2 * excess + 2 * slot(excess)],
    }
  }
  return {...answer('ended-by-process'), endsBy: 'process'}
}

/**
 * TIME_WAIT, and FIN_WAIT2 once its process has closed it, are kept in buckets whose number is limited;
 * where none is available, the connection is just forgotten (tcp_time_wait in net/ipv4/tcp_minisocks.c).
 */
function leaves(state: TcpState, {tcp_max_tw_buckets}: Settings): Leaving {
  if (tcp_max_tw_buckets !== 0) return {state}
  if (state === 'TIME_WAIT') return {state: 'none', ...answer('linux/no-time-wait-bucket')}
  if (state === 'FIN_WAIT2') return {state: 'none', ...answer('linux/no-fin-wait2-bucket')}
  return {state}
}

/**
 * A SYN that meets TIME_WAIT without a listener is answered by ACK, which the client answers by RST; that
 * RST destroys TIME_WAIT unless tcp_rfc1337 is set (RFC 1337: assassination). A client's own TIME_WAIT does
 * not refuse a connect() from a bound port, as the timestamps tell the connections apart.
 */
function reconnect({timeWaitAt, settings}: ReconnectQuestion): ReconnectRule {
  if (timeWaitAt === 'server') {
    return answer(settings.tcp_rfc1337 === 1 ? 'linux/rfc1337' : 'linux/assassinated')
  }
  return answer(settings.tcp_timestamps === 0 ? 'linux/no-timestamps' : 'linux/timestamps')
}

/** Whether tcp_migrate_req is there says nothing: its version does. */
function queue({anotherListens, settings}: QueueQuestion): QueueRule {
  if (!anotherListens || settings.tcp_migrate_req !== 1) return answer('linux/queue-reset')
  const version = settings[kernelVersionSetting]
  const isOld = typeof version === 'string' && !isWithin(version, firstWithMigration, latestVersion)
  return answer(isOld ? 'linux/no-migration' : 'linux/queue-migrated')
}

/**
 * Since af9784d007d8 (6.0) tcp_abort knows TIME_WAIT, and FIN_WAIT2 that its process has closed. Distributions have taken
 * that back to earlier kernels, so it is tried.
 */
function destroy({state, settings}: DestroyQuestion): DestroyRule {
  if (state === 'LISTEN') return answer('linux/destroyed-listener')
  const isOver = state === 'TIME_WAIT' || state === 'FIN_WAIT2'
  const isKept = isOver && settings[destroySetting] === 'EOPNOTSUPP'
  return answer(isKept ? 'linux/not-destroyed' : 'linux/destroyed')
}

/** Which local ports connect() chooses for a client that did not bind one, of which the server's must not be. */
function selfConnection({port, settings}: SelfConnectionQuestion): SelfConnectionRule {
  const [first, last] = linux.ephemeralPorts(settings)
  if (port < first || port > last) return answer('linux/outside-local-ports')
  if (isReserved(port, settings)) return answer('linux/reserved-port')
  return answer((port - first) % 2 === 0 ? 'linux/self-connection' : 'linux/other-parity')
}

/** The width of the timer wheel's slot, and one tick for the moment between two ticks. */
function slotSeconds(seconds: number, settings: Settings): number {
  const configured = countIn(settings, 'CONFIG_HZ', 1)
  const rates = configured === undefined ? usualTickRates : [configured]
  return Math.max(...rates.map((rate) => timerSlotSeconds(seconds, rate) + 1 / rate))
}

/**
 * /proc/sys/net/ipv4 by file name; null where one cannot be read. A setting that only some kernels have comes
 * without being asked for, where it is.
 */
export async function readIpv4Settings(
  names: readonly string[],
  folder = '/proc/sys/net/ipv4',
): Promise<Settings> {
  const read = async (name: string) => {
    const text = await readProcFile(join(folder, name)).catch(() => null)
    if (text === null) return null
    const value = text.trim().replace(/\s+/g, ' ')
    return /^-?\d+$/.test(value) ? Number(value) : value
  }
  const readAll = (all: readonly string[]) =>
    Promise.all(all.map(async (name) => [name, await read(name)] as const))
  const later = (await readAll(laterSettingNames)).filter(([, value]) => value !== null)
  return Object.fromEntries([...(await readAll(names)), ...later])
}

export function portRange(settings: Settings, fallback: [number, number]): [number, number] {
  const match = /^(\d+) (\d+)$/.exec(String(settings.ip_local_port_range ?? ''))
  return match === null ? fallback : [Number(match[1]), Number(match[2])]
}

export function firstUnprivilegedPort({ip_unprivileged_port_start: first}: Settings): number {
  return typeof first === 'number' ? first : usualFirstUnprivilegedPort
}

/** ip_local_reserved_ports is a list such as `8080,9000-9100` (Documentation/networking/ip-sysctl.rst). */
function isReserved(port: number, {ip_local_reserved_ports: list}: Settings): boolean {
  return String(list ?? '')
    .split(',')
    .map((range) => range.split('-').map(Number))
    .some(([first = Number.NaN, last = first]) => first <= port && port <= last)
}

/** Writing the list replaces it, so those that are reserved already have to be named again. */
function reservationCommand(port: number, {ip_local_reserved_ports: list}: Settings): string {
  const known = list == null || list === '' ? '' : `${list},`
  return `sysctl -w net.ipv4.ip_local_reserved_ports=${known}${port}`
}

/** CONFIG_HZ of the running kernel, from where distributions leave its configuration. */
async function readTickRate(): Promise<number | null> {
  const sources = [
    async () => (await promisify(gunzip)(await readFile('/proc/config.gz'))).toString('latin1'),
    () => readFile(`/boot/config-${release()}`, 'latin1'),
  ]
  for (const source of sources) {
    const match = /^CONFIG_HZ=(\d+)$/m.exec(await source().catch(() => ''))
    if (match !== null) return Number(match[1])
  }
  return null
}
