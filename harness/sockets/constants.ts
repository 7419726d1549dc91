import type {SocketAddress} from './address.ts'
import {byteOrder, writeCShort} from './c-numbers.ts'

/** The C constants of one operating system. */
export interface SocketConstants {
  AF_INET: number
  AF_INET6: number
  SOCK_STREAM: number
  /** OR-ed into the type of socket(2); 0 where the system has no such flag. */
  SOCK_CLOEXEC: number
  SOL_SOCKET: number
  SO_REUSEADDR: number
  SO_REUSEPORT: number
  SO_LINGER: number
  IPPROTO_IPV6: number
  IPV6_V6ONLY: number
  IPPROTO_TCP: number
  /** Answers with a structure whose first byte is the state of the connection. */
  TCP_INFO: number
  /** Sends an ACK that the kernel keeps back for a while; null where the system has no such option. */
  TCP_QUICKACK: number | null
  /** The numbers of the states in that byte. */
  tcpStates: Record<
    'LISTEN' | 'ESTABLISHED' | 'FIN_WAIT2' | 'CLOSE_WAIT' | 'TIME_WAIT' | 'CLOSED',
    number
  >
  F_SETFD: number
  FD_CLOEXEC: number
  F_SETFL: number
  O_NONBLOCK: number
  SHUT_WR: number
  /** BSD's sockaddr starts with its own length in one byte and has a family of one byte. */
  sockaddrHasLength: boolean
}

/**
 * Linux: include/uapi/asm-generic/socket.h, fcntl.h; include/uapi/linux/in6.h, tcp.h;
 * include/linux/socket.h, net.h; include/net/tcp_states.h. They hold for `linuxArchitectures` only.
 */
const linux: SocketConstants = {
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_REUSEPORT: 15,
  SO_LINGER: 13,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 26,
  IPPROTO_TCP: 6,
  TCP_INFO: 11,
  TCP_QUICKACK: 12,
  tcpStates: {
    LISTEN: 10,
    ESTABLISHED: 1,
    FIN_WAIT2: 5,
    CLOSE_WAIT: 8,
    TIME_WAIT: 6,
    CLOSED: 7,
  },
  F_SETFD: 2,
  FD_CLOEXEC: 1,
  F_SETFL: 4,
  O_NONBLOCK: 0o4000,
  SHUT_WR: 1,
  sockaddrHasLength: false,
}

/**
 * macOS: xnu bsd/sys/socket.h, bsd/netinet6/in6.h, bsd/sys/fcntl.h, bsd/netinet/tcp.h
 * (TCP_CONNECTION_INFO), bsd/netinet/tcp_fsm.h.
 */
const darwin: SocketConstants = {
  AF_INET: 2,
  AF_INET6: 30,
  SOCK_STREAM: 1,
  SOCK_CLOEXEC: 0,
  SOL_SOCKET: 0xffff,
  SO_REUSEADDR: 0x0004,
  SO_REUSEPORT: 0x0200,
  SO_LINGER: 0x0080,
  IPPROTO_IPV6: 41,
  IPV6_V6ONLY: 27,
  IPPROTO_TCP: 6,
  TCP_INFO: 0x106,
  TCP_QUICKACK: null,
  tcpStates: {
    LISTEN: 1,
    ESTABLISHED: 4,
    FIN_WAIT2: 9,
    CLOSE_WAIT: 5,
    TIME_WAIT: 10,
    CLOSED: 0,
  },
  F_SETFD: 2,
  FD_CLOEXEC: 1,
  F_SETFL: 4,
  O_NONBLOCK: 0x0004,
  SHUT_WR: 1,
  sockaddrHasLength: true,
}

/**
 * Where Linux has these numbers: asm-generic's, and those of arch/powerpc and arch/s390, which differ in none of
 * them. MIPS, SPARC, PA-RISC and Alpha have numbers of their own (SOL_SOCKET 0xffff, SO_REUSEADDR 4; on MIPS
 * SOCK_STREAM 2, too), with which these would set other options, or make other sockets, than those asked for.
 */
const linuxArchitectures: readonly string[] = [
  ...['arm', 'arm64', 'ia32', 'loong64', 'ppc', 'ppc64', 'riscv64', 's390', 's390x', 'x64'],
]

/** The constants of an operating system by Node's names for it and the processor, or undefined where we know none. */
export function socketConstants(
  os: NodeJS.Platform,
  architecture: string,
): SocketConstants | undefined {
  if (os === 'darwin') return darwin
  return os === 'linux' && linuxArchitectures.includes(architecture) ? linux : undefined
}

/** The port of a sockaddr_in or sockaddr_in6, which is at the same place in all of them. */
export function portOf(bytes: Buffer): number {
  return bytes.readUInt16BE(2)
}

/**
 * The bytes of a sockaddr_in or sockaddr_in6. Port and address are in network byte order; the family
 * is a native 16-bit number on Linux and one byte behind a length byte on BSD.
 */
export function sockaddr(
  constants: SocketConstants,
  {family, host}: SocketAddress,
  port: number,
  order = byteOrder,
): Buffer {
  const ipv4 = family === 'ipv4'
  const bytes = Buffer.alloc(ipv4 ? 16 : 28)
  const familyNumber = ipv4 ? constants.AF_INET : constants.AF_INET6
  if (constants.sockaddrHasLength) {
    bytes.writeUInt8(bytes.length, 0)
    bytes.writeUInt8(familyNumber, 1)
  } else {
    writeCShort(bytes, familyNumber, 0, order)
  }
  setPort(bytes, port)
  if (ipv4) bytes.set(ipv4Bytes(host), 4)
  else bytes.set(ipv6Bytes(host), 8)
  return bytes
}

/** By host: the same bytes, but for the port. */
const shared = new Map<string, Buffer>()

/**
 * As `sockaddr`, for a call that is made at once: the next one for the same host changes the bytes. C is slow to be
 * handed a new Buffer, and a host is slow to be parsed.
 */
export function sharedSockaddr(
  constants: SocketConstants,
  target: SocketAddress,
  port: number,
): Buffer {
  const bytes = shared.get(target.host) ?? sockaddr(constants, target, port)
  shared.set(target.host, bytes)
  setPort(bytes, port)
  return bytes
}

function setPort(bytes: Buffer, port: number): void {
  bytes.writeUInt16BE(port, 2)
}

export function ipv4Bytes(host: string): number[] {
  return host.split('.').map(Number)
}

export function ipv6Bytes(host: string): number[] {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(host)
  const [high = '', low = ''] = (dotted?.[1] ?? host).split('::')
  const tail = dotted === null ? [] : ipv4Bytes(dotted[2] ?? '')
  const words = (text: string) =>
    text
      .split(':')
      .filter((word) => word !== '')
      .flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff])
  const head = words(high)
  const rest = [...words(low), ...tail]
  if (!host.includes('::')) return [...head, ...tail]
  return [...head, ...new Array<number>(16 - head.length - rest.length).fill(0), ...rest]
}
