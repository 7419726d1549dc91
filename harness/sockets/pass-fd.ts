import {byteOrder, cInts, readCInt, writeCInt, writeCShort} from './c-numbers.ts'
import {libc, passingCalls} from './libc.ts'
import {systemError} from './system-error.ts'

/** File descriptors that are passed between processes over a Unix socket: SCM_RIGHTS of unix(7) and cmsg(3). */

const AF_UNIX = 1
const SCM_RIGHTS = 1
/** sun_path of struct sockaddr_un: 108 on Linux, 104 on macOS, of which one byte is the end. */
const longestPath = process.platform === 'linux' ? 107 : 103
/** Behind struct cmsghdr, which is a length and two ints, there is one int: the descriptor. */
const intBytes = 4

/** Sends a descriptor, with one byte of data, as a message needs some. @throws SystemError of `sendmsg` */
export function sendFd(socket: number, fd: number): void {
  const {sendmsg, lengthBytes} = passingCalls()
  const length = lengthBytes + 3 * intBytes
  const control = roomFor(lengthBytes)
  if (lengthBytes === 4) writeCInt(control, length)
  else if (byteOrder === 'LE') control.writeBigUInt64LE(BigInt(length))
  else control.writeBigUInt64BE(BigInt(length))
  cInts([libc().constants.SOL_SOCKET, SCM_RIGHTS, fd]).copy(control, lengthBytes)
  if (sendmsg(socket, messageWith(control, Buffer.from([0]))) < 0) {
    throw systemError('sendmsg', libc().errno())
  }
}

/**
 * Waits for a descriptor.
 * @returns the fd, close-on-exec, which the caller owns; undefined if the message had none
 * @throws SystemError of `recvmsg`
 */
export function receiveFd(socket: number): number | undefined {
  const c = libc()
  const {recvmsg, lengthBytes} = passingCalls()
  const control = roomFor(lengthBytes)
  if (recvmsg(socket, messageWith(control, Buffer.alloc(1))) < 0) {
    throw systemError('recvmsg', c.errno())
  }
  if (readCInt(control, lengthBytes + intBytes) !== SCM_RIGHTS) return undefined
  const fd = readCInt(control, lengthBytes + 2 * intBytes)
  c.fcntl(fd, c.constants.F_SETFD, 'int', c.constants.FD_CLOEXEC)
  return fd
}

/**
 * Connects to a Unix socket, and waits until it is.
 * @returns the fd, close-on-exec, which the caller owns
 * @throws SystemError of `socket` or `connect`
 */
export function connectUnix(path: string): number {
  const c = libc()
  const {constants} = c
  const fd = c.socket(AF_UNIX, constants.SOCK_STREAM | constants.SOCK_CLOEXEC, 0)
  if (fd < 0) throw systemError('socket', c.errno())
  const bytes = unixAddress(path)
  if (c.connect(fd, bytes, bytes.length) === 0) return fd
  const error = systemError('connect', c.errno())
  c.close(fd)
  throw error
}

/** struct sockaddr_un. @throws Error for a path that is too long for one */
function unixAddress(path: string): Buffer {
  const name = Buffer.from(path)
  if (name.length > longestPath) throw new Error(`the path of a Unix socket is too long: ${path}`)
  const bytes = Buffer.alloc(2 + name.length + 1)
  if (libc().constants.sockaddrHasLength) bytes.set([bytes.length, AF_UNIX])
  else writeCShort(bytes, AF_UNIX, 0)
  bytes.set(name, 2)
  return bytes
}

/** For a control message with one descriptor, whose length is a multiple of that of a length. */
function roomFor(lengthBytes: number): Buffer {
  return Buffer.alloc(Math.ceil((lengthBytes + 3 * intBytes) / lengthBytes) * lengthBytes)
}

/** struct msghdr, as the calls are declared. */
function messageWith(control: Buffer, data: Buffer) {
  return {
    ...{name: null, namelen: 0, flags: 0},
    ...{iov: [{base: data, len: data.length}], iovlen: 1},
    ...{control, controllen: control.length},
  }
}
