import {isIPv4} from 'node:net'
import {endianness} from 'node:os'
import {ipv4Bytes, ipv6Bytes} from '../sockets/constants.ts'
import {type Libc, libc} from '../sockets/libc.ts'
import {inNamespace} from '../sockets/network-namespace.ts'
import {isOutOfFiles, systemError} from '../sockets/system-error.ts'
import type {SocketEntry, SocketQuery} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'

/**
 * The TCP sockets of this network namespace through NETLINK_SOCK_DIAG (sock_diag(7)), as an ordinary user. The
 * kernel still walks its whole table, but it copies only what has one of our ports, and it tells a TIME_WAIT's
 * remaining time in milliseconds where /proc/net/tcp has hundredths of a second.
 */

/** include/uapi/linux/netlink.h, sock_diag.h, inet_diag.h; alike on all architectures. */
export const AF_NETLINK = 16
export const SOCK_RAW = 3
export const NETLINK_SOCK_DIAG = 4
const TCPDIAG_GETSOCK = 18
const SOCK_DIAG_BY_FAMILY = 20
const NLMSG_ERROR = 2
const NLMSG_DONE = 3
export const NLM_F_REQUEST = 0x1
const NLM_F_DUMP_INTR = 0x10
const NLM_F_DUMP = 0x300
export const IPPROTO_TCP = 6
export const AF_INET = 2
export const AF_INET6 = 10
const INET_DIAG_REQ_BYTECODE = 1
const [BC_JMP, BC_S_GE, BC_S_LE, BC_D_GE, BC_D_LE] = [1, 2, 3, 4, 5] as const
const TIMER_TIMEWAIT = 3

/**
 * Every state of include/net/tcp_states.h but TCP_BOUND_INACTIVE (13), which kernels from 6.8 on would answer with
 * all sockets that are bound and no more, whatever their port: /proc/net/tcp does not show those either.
 */
const askedStates = 0x1ffe
const LISTEN = 10

const stateNames: Record<number, TcpState> = {
  1: 'ESTABLISHED',
  2: 'SYN_SENT',
  3: 'SYN_RECV',
  4: 'FIN_WAIT1',
  5: 'FIN_WAIT2',
  6: 'TIME_WAIT',
  7: 'CLOSED',
  8: 'CLOSE_WAIT',
  9: 'LAST_ACK',
  10: 'LISTEN',
  11: 'CLOSING',
  12: 'SYN_RECV',
}

/** struct nlmsghdr, inet_diag_req_v2, inet_diag_req and inet_diag_msg. */
export const headerBytes = 16
export const requestBytes = 56
const dumpRequestBytes = 60
const messageBytes = 72
/** A conflict is asked about over at most so many ranges of ports: each costs four comparisons a socket. */
const mostRanges = 8
/** How often a dump is begun again that the kernel says was interrupted: what it gave may lack a socket. */
const dumpsAllowed = 5
const answerBytes = 64 * 1024

const isLittle = endianness() === 'LE'

/** The kernel's or the sandbox's answer that there is no such way here; /proc/net/tcp is the other one. */
export class NoSockDiag extends Error {
  override name = 'NoSockDiag'
}

/**
 * @param query what is of interest; all sockets without it
 * @throws NoSockDiag where this kernel does not answer (gVisor: EPROTONOSUPPORT; no tcp_diag module: ENOENT);
 * SystemError of `socket`, `send` or `recv`
 */
export function readSockDiag(query?: SocketQuery): SocketEntry[] {
  const c = libc()
  const kind = SOCK_RAW | c.constants.SOCK_CLOEXEC
  const fd = inNamespace(() => c.socket(AF_NETLINK, kind, NETLINK_SOCK_DIAG))
  if (fd < 0) {
    const error = systemError('socket', c.errno())
    throw isOutOfFiles(error) ? error : new NoSockDiag(error.message)
  }
  try {
    // A socket that moves while the table is walked can be met twice; the later one stands.
    const entries = new Map<string, SocketEntry>()
    const add = (entry: SocketEntry) => entries.set(keyOf(entry), entry)
    const listeners = query?.listeners ? [{states: 1 << LISTEN, ports: null}] : []
    for (const asked of [...listeners, {states: askedStates, ports: query?.ports ?? null}]) {
      for (const entry of dump(c, fd, asked, query)) add(entry)
    }
    return [...entries.values()]
  } finally {
    c.close(fd)
  }
}

/** One end of a connection. */
interface End {
  address: string
  port: number
}

/**
 * The state of the one socket with these ends, which costs the kernel no walk over its table.
 * @returns undefined if there is none, or if this kernel does not answer
 * @throws SystemError of `send` or `recv`; NativeOpenerUnavailable where there is no FFI
 */
export function readSocketState(local: End, remote: End): TcpState | undefined {
  const c = libc()
  const kind = SOCK_RAW | c.constants.SOCK_CLOEXEC
  const fd = inNamespace(() => c.socket(AF_NETLINK, kind, NETLINK_SOCK_DIAG))
  if (fd < 0) return undefined
  try {
    const request = exactRequest(local, remote)
    if (c.send(fd, request, request.length, 0) < 0) throw systemError('send', c.errno())
    const answer = Buffer.alloc(answerBytes)
    const length = c.recv(fd, answer, answer.length, 0)
    if (length < 0) throw systemError('recv', c.errno())
    const isFound = length > headerBytes && u16(answer, 4) === SOCK_DIAG_BY_FAMILY
    return isFound ? stateNames[answer[headerBytes + 1] ?? 0] : undefined
  } finally {
    c.close(fd)
  }
}

interface Dump {
  /** A bit for each state. */
  states: number
  ports: readonly number[] | null
}

function dump(
  c: Libc,
  fd: number,
  asked: Dump,
  {mostTimeWaits = Number.POSITIVE_INFINITY, cookies = false}: Partial<SocketQuery> = {},
): SocketEntry[] {
  const wanted = asked.ports === null ? null : new Set(asked.ports)
  if (wanted?.size === 0) return []
  const request = dumpRequest(asked)
  for (let round = 1; ; round++) {
    if (c.send(fd, request, request.length, 0) < 0) throw systemError('send', c.errno())
    const entries: SocketEntry[] = []
    const timeWaits = openTimeWaits(mostTimeWaits)
    const whole = receive(c, fd, (message) => {
      const [local, remote] = [message.readUInt16BE(4), message.readUInt16BE(6)]
      if (wanted !== null && !wanted.has(local) && !wanted.has(remote)) return
      if (timeWaits.counted(message)) return
      const entry = entryOf(message)
      if (entry === undefined) return
      if (cookies) entry.cookie = Buffer.from(message.subarray(44, 52))
      entries.push(entry)
    })
    if (whole || round === dumpsAllowed) return [...entries, ...timeWaits.rest()]
  }
}

/** Counts the TIME_WAITs of each local end beyond so many, and of those keeps the bytes of the last one to go. */
function openTimeWaits(most: number) {
  interface End {
    kept: number
    count: number
    last: Buffer
    lastExpires: number
    firstExpires: number
  }
  const ends = new Map<string, End>()
  return {
    /** Whether this one has been counted, and is not to be kept. */
    counted(message: Buffer): boolean {
      if (most === Number.POSITIVE_INFINITY || message[2] !== TIMER_TIMEWAIT) return false
      // The state, and of the local end the port and the address; the other end's port lies between.
      const key = `${message[1]} ${message.readUInt16BE(4)} ${message.toString('latin1', 8, 24)}`
      const end = ends.get(key)
      if (end === undefined) {
        const last = Buffer.alloc(messageBytes)
        ends.set(key, {kept: 1, count: 0, last, lastExpires: -1, firstExpires: -1})
        return false
      }
      if (end.kept < most) {
        end.kept++
        return false
      }
      const expires = u32(message, 52)
      end.firstExpires = end.count === 0 ? expires : Math.min(end.firstExpires, expires)
      end.count++
      if (expires > end.lastExpires) {
        end.lastExpires = expires
        message.copy(end.last, 0, 0, messageBytes)
      }
      return true
    },
    rest(): SocketEntry[] {
      return [...ends.values()].flatMap(({count, last, firstExpires}) => {
        const entry = count === 0 ? undefined : entryOf(last)
        if (entry === undefined) return []
        const more = {count: count - 1, firstExpiresInSeconds: firstExpires / 1000}
        return [more.count === 0 ? entry : {...entry, more}]
      })
    },
  }
}

/** Listeners that share their address (SO_REUSEPORT) differ by nothing but their inode. */
function keyOf({state, local, remote, inode}: SocketEntry): string {
  const which = state === 'LISTEN' ? inode : `${remote.address} ${remote.port}`
  return `${local.address} ${local.port} ${which}`
}

/** @returns false if the kernel says that the table changed under the dump */
function receive(c: Libc, fd: number, onMessage: (message: Buffer) => void): boolean {
  const answer = Buffer.alloc(answerBytes)
  let whole = true
  for (;;) {
    const length = c.recv(fd, answer, answer.length, 0)
    if (length < 0) throw systemError('recv', c.errno())
    for (let at = 0; at + headerBytes <= length; ) {
      const size = u32(answer, at)
      if (size < headerBytes || at + size > length) throw new Error('a malformed netlink message')
      const type = u16(answer, at + 4)
      if ((u16(answer, at + 6) & NLM_F_DUMP_INTR) !== 0) whole = false
      if (type === NLMSG_DONE) return whole
      if (type === NLMSG_ERROR) {
        const errno = -i32(answer, at + headerBytes)
        throw new NoSockDiag(systemError('sock_diag', errno).message)
      }
      if (type === TCPDIAG_GETSOCK && size >= headerBytes + messageBytes) {
        onMessage(answer.subarray(at + headerBytes, at + size))
      }
      at += (size + 3) & ~3
    }
  }
}

/**
 * struct inet_diag_req, the older of the two requests: it is answered with IPv4 and IPv6 in one walk over the table
 * (net/ipv4/inet_diag.c: inet_diag_dump_compat), where the newer one needs a walk for each.
 */
function dumpRequest({states, ports}: Dump): Buffer {
  const filter = ports === null ? Buffer.alloc(0) : portFilter(portRanges(ports))
  const attribute = filter.length === 0 ? 0 : 4 + filter.length
  const request = Buffer.alloc(headerBytes + dumpRequestBytes + attribute)
  putU32(request, request.length, 0)
  putU16(request, TCPDIAG_GETSOCK, 4)
  putU16(request, NLM_F_REQUEST | NLM_F_DUMP, 6)
  putU32(request, states, headerBytes + 52)
  if (attribute > 0) {
    putU16(request, attribute, headerBytes + dumpRequestBytes)
    putU16(request, INET_DIAG_REQ_BYTECODE, headerBytes + dumpRequestBytes + 2)
    filter.copy(request, headerBytes + dumpRequestBytes + 4)
  }
  return request
}

/** struct inet_diag_req_v2 with a sockid, and no cookie (INET_DIAG_NOCOOKIE). */
function exactRequest(local: End, remote: End): Buffer {
  const [source, destination] = [addressBytes(local.address), addressBytes(remote.address)]
  const request = Buffer.alloc(headerBytes + requestBytes)
  putU32(request, request.length, 0)
  putU16(request, SOCK_DIAG_BY_FAMILY, 4)
  putU16(request, NLM_F_REQUEST, 6)
  request[headerBytes] = source.length === 4 ? AF_INET : AF_INET6
  request[headerBytes + 1] = IPPROTO_TCP
  putU32(request, askedStates, headerBytes + 4)
  request.writeUInt16BE(local.port, headerBytes + 8)
  request.writeUInt16BE(remote.port, headerBytes + 10)
  source.copy(request, headerBytes + 12)
  destination.copy(request, headerBytes + 28)
  request.fill(0xff, headerBytes + 48, headerBytes + 56)
  return request
}

/** 4 bytes of IPv4, also of an address that is mapped into IPv6, or 16 of IPv6. */
function addressBytes(address: string): Buffer {
  const ipv4 = address.replace(/^::ffff:/, '')
  return Buffer.from(isIPv4(ipv4) ? ipv4Bytes(ipv4) : ipv6Bytes(address))
}

/** The ports as few ranges, closed over the smallest gaps; what lies in a gap is sorted out afterwards. */
export function portRanges(ports: readonly number[]): [first: number, last: number][] {
  const ranges = [...new Set(ports)]
    .sort((a, b) => a - b)
    .map((port): [number, number] => [port, port])
  while (ranges.length > 1) {
    const gaps = ranges.slice(1).map(([first], index) => first - (ranges[index]?.[1] ?? first))
    const smallest = gaps.reduce((least, gap) => Math.min(least, gap))
    if (ranges.length <= mostRanges && smallest > 1) break
    const index = gaps.indexOf(smallest)
    const [[first] = [0], [, last] = [0, 0]] = ranges.splice(index, 2) as [number, number][]
    ranges.splice(index, 0, [first, last])
  }
  return ranges
}

/**
 * Bytecode of inet_diag (net/ipv4/inet_diag.c: inet_diag_bc_run): for each range, source then destination port. A
 * socket is shown where the run ends exactly at the end, and left out where a jump leads past it.
 */
function portFilter(ranges: readonly [first: number, last: number][]): Buffer {
  const testBytes = 20
  const tests = ranges.flatMap(([first, last]) => [
    {ge: BC_S_GE, le: BC_S_LE, first, last},
    {ge: BC_D_GE, le: BC_D_LE, first, last},
  ])
  const code = Buffer.alloc(tests.length * testBytes)
  for (const [index, {ge, le, first, last}] of tests.entries()) {
    const at = index * testBytes
    const left = code.length - at
    const isLast = index === tests.length - 1
    const past = isLast ? 4 : 0
    putOperation(code, at, ge, 8, testBytes + past)
    putU16(code, first, at + 6)
    putOperation(code, at + 8, le, 8, 12 + past)
    putU16(code, last, at + 14)
    putOperation(code, at + 16, BC_JMP, 4, left - 16)
  }
  return code
}

/** struct inet_diag_bc_op: where to go on, counted from here, if the test holds and if it does not. */
function putOperation(code: Buffer, at: number, test: number, yes: number, no: number): void {
  code[at] = test
  code[at + 1] = yes
  putU16(code, no, at + 2)
}

function entryOf(message: Buffer): SocketEntry | undefined {
  const state = stateNames[message[1] ?? 0]
  if (state === undefined) return undefined
  const family = message[0]
  const expires = u32(message, 52)
  const [uid, inode] = [u32(message, 64), u32(message, 68)]
  return {
    state,
    local: {address: addressOf(message, 8, family), port: message.readUInt16BE(4)},
    remote: {address: addressOf(message, 24, family), port: message.readUInt16BE(6)},
    expiresInSeconds: message[2] === TIMER_TIMEWAIT ? expires / 1000 : null,
    // A socket that no process has any more is told with 0 for both.
    ...(inode > 0 ? {inode, uid} : {}),
  }
}

function addressOf(message: Buffer, at: number, family: number | undefined): string {
  if (family === AF_INET) return message.subarray(at, at + 4).join('.')
  const isMapped = message.readUInt32BE(at + 8) === 0xffff && message.readBigUInt64BE(at) === 0n
  if (isMapped) return `::ffff:${message.subarray(at + 12, at + 16).join('.')}`
  const words = Array.from({length: 8}, (_, word) =>
    message.readUInt16BE(at + 2 * word).toString(16),
  )
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1)
}

const u16 = (bytes: Buffer, at: number) =>
  isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)
const u32 = (bytes: Buffer, at: number) =>
  isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)
export const i32 = (bytes: Buffer, at: number) => u32(bytes, at) | 0
export const putU16 = (bytes: Buffer, value: number, at: number) =>
  isLittle ? bytes.writeUInt16LE(value, at) : bytes.writeUInt16BE(value, at)
export const putU32 = (bytes: Buffer, value: number, at: number) =>
  isLittle ? bytes.writeUInt32LE(value, at) : bytes.writeUInt32BE(value, at)
