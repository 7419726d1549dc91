/**
 * Connections through plain system calls, for sockets whose every option and state counts. No call here
 * ever blocks: what is not there yet is undefined or false, and is asked for again.
 */
import {constants as osConstants} from 'node:os'
import type {SocketAddress} from './address.ts'
import {cInts, writeCInt} from './c-numbers.ts'
import {portOf, type SocketConstants, sharedSockaddr} from './constants.ts'
import {libc} from './libc.ts'
import {systemError} from './system-error.ts'

const {EAGAIN, EINPROGRESS} = osConstants.errno
/** The int that an option is set to. */
const on = cInts([1])
/** struct linger {int l_onoff; int l_linger;}: on, and no time at all. */
const linger = cInts([1, 0])
/** What the system writes its answers to, used again by every call: C is slow to be handed a new Buffer. */
const answers = {
  /** sizeof(struct sockaddr_in6), the larger one. */
  address: Buffer.alloc(28),
  /** More than the first byte is never read; the kernel cuts its structure to what it is given. */
  info: Buffer.alloc(256),
  byte: Buffer.alloc(1),
  length: Buffer.alloc(4),
}

/** The states that a socket can be asked for; UNKNOWN is one of those that pass by. */
export type HeldState = keyof SocketConstants['tcpStates'] | 'UNKNOWN'

/** @throws SystemError of `listen` */
export function listenOn(fd: number, backlog: number): void {
  check('listen', libc().listen(fd, backlog))
}

/**
 * Starts to connect; whether it has succeeded is for the other side to say, by accepting.
 * The socket is non-blocking from here on.
 * @throws SystemError of `fcntl` or `connect`
 */
export function startConnecting(fd: number, target: SocketAddress, port: number): void {
  const c = libc()
  doNotBlock(fd)
  const bytes = sharedSockaddr(c.constants, target, port)
  if (c.connect(fd, bytes, bytes.length) < 0 && c.errno() !== EINPROGRESS) {
    throw systemError('connect', c.errno(), {address: target.host, port})
  }
}

/**
 * The next connection of a non-blocking listener, close-on-exec and non-blocking, with the port that it
 * comes from; undefined if there is none yet. The caller owns the fd.
 * @throws SystemError of `accept` or `fcntl`
 */
export function acceptNext(listener: number): {fd: number; remotePort: number} | undefined {
  const c = libc()
  const {address} = answers
  const fd = c.accept(listener, address, lengthOf(address))
  if (fd < 0) {
    if (c.errno() === EAGAIN) return undefined
    throw systemError('accept', c.errno())
  }
  try {
    check('fcntl', c.fcntl(fd, c.constants.F_SETFD, 'int', c.constants.FD_CLOEXEC))
    doNotBlock(fd)
    return {fd, remotePort: portOf(address)}
  } catch (error) {
    c.close(fd)
    throw error
  }
}

/** The socket's own port. @throws SystemError of `getsockname` */
export function localPort(fd: number): number {
  const {address} = answers
  check('getsockname', libc().getsockname(fd, address, lengthOf(address)))
  return portOf(address)
}

/** Sends FIN: an active close if the other side has not sent one. @throws SystemError of `shutdown` */
export function sendFin(fd: number): void {
  const c = libc()
  check('shutdown', c.shutdown(fd, c.constants.SHUT_WR))
}

/**
 * Sends the ACK of what has arrived, which a kernel may keep back for some milliseconds in the hope of data to
 * send it with. Where there is no such option it comes in its time.
 * @throws SystemError of `setsockopt`
 */
export function acknowledgeNow(fd: number): void {
  const {constants, setsockopt} = libc()
  const {IPPROTO_TCP, TCP_QUICKACK} = constants
  if (TCP_QUICKACK === null) return
  check('setsockopt', setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, on, on.length))
}

/** Whether the other side's FIN has arrived. @throws SystemError of `recv`, e.g. ECONNRESET */
export function isAtEnd(fd: number): boolean {
  const c = libc()
  const received = c.recv(fd, answers.byte, 1, 0)
  if (received < 0 && c.errno() !== EAGAIN) throw systemError('recv', c.errno())
  return received === 0
}

/** The TCP state of a socket that the process still has. @throws SystemError of `getsockopt` */
export function heldState(fd: number): HeldState {
  const c = libc()
  const {IPPROTO_TCP, TCP_INFO, tcpStates} = c.constants
  const {info} = answers
  check('getsockopt', c.getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, lengthOf(info)))
  const found = Object.entries(tcpStates).find(([, number]) => number === info[0])
  return found === undefined ? 'UNKNOWN' : (found[0] as HeldState)
}

/** Closes with RST, which leaves nothing behind on either side. */
export function abort(fd: number): void {
  const c = libc()
  c.setsockopt(fd, c.constants.SOL_SOCKET, c.constants.SO_LINGER, linger, linger.length)
  c.close(fd)
}

/** For a socket of ours, which has no other flag that could be set (F_SETFL). @throws SystemError of `fcntl` */
export function doNotBlock(fd: number): void {
  const c = libc()
  const {F_SETFL, O_NONBLOCK} = c.constants
  check('fcntl', c.fcntl(fd, F_SETFL, 'int', O_NONBLOCK))
}

function lengthOf(bytes: Buffer): Buffer {
  writeCInt(answers.length, bytes.length)
  return answers.length
}

function check(syscall: string, result: number): void {
  if (result < 0) throw systemError(syscall, libc().errno())
}
