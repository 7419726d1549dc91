import {type Address, socketAddress} from './address.ts'
import {type BindFlags, type BindOption, bindFlags} from './bind-options.ts'
import {cInts} from './c-numbers.ts'
import {sharedSockaddr, sockaddr} from './constants.ts'
import {libc} from './libc.ts'
import {inNamespace} from './network-namespace.ts'
import {isOutOfFiles, type SystemError, systemError} from './system-error.ts'

export interface PortToOpen {
  address: Address
  port: number
  bind: BindOption
}

/** The int that an option of socket(7) is set to. */
const [off, on] = [cInts([0]), cInts([1])]

/**
 * Makes a TCP socket with exactly the bind options asked for.
 *
 * libuv sets SO_REUSEADDR on every bind of its own (uv__tcp_bind, src/unix/tcp.c), so a server without
 * it can only be had by making the socket here and handing the fd to `server.listen({fd})`.
 *
 * @returns the fd, close-on-exec and unbound; the caller owns it.
 * @throws SystemError of the call that failed (`socket`, `setsockopt` or `fcntl`);
 * NativeOpenerUnavailable where there is no FFI.
 */
export function makeSocket({address, bind}: Omit<PortToOpen, 'port'>): number {
  const c = libc()
  const {constants} = c
  const target = socketAddress(address)
  const domain = target.family === 'ipv4' ? constants.AF_INET : constants.AF_INET6
  const kind = constants.SOCK_STREAM | constants.SOCK_CLOEXEC
  const fd = inNamespace(() => c.socket(domain, kind, 0))
  if (fd < 0) throw systemError('socket', c.errno(), {address: target.host})
  const {reuseaddr, reuseport} = bindFlags(bind)
  const failed =
    (constants.SOCK_CLOEXEC === 0 &&
      c.fcntl(fd, constants.F_SETFD, 'int', constants.FD_CLOEXEC) < 0 &&
      'fcntl') ||
    (((reuseaddr && !isSet(fd, constants.SOL_SOCKET, constants.SO_REUSEADDR, on)) ||
      (reuseport && !isSet(fd, constants.SOL_SOCKET, constants.SO_REUSEPORT, on)) ||
      (target.family === 'ipv6' &&
        !isSet(fd, constants.IPPROTO_IPV6, constants.IPV6_V6ONLY, target.ipv6Only ? on : off))) &&
      'setsockopt')
  if (failed === false) return fd
  const error = systemError(failed, c.errno(), {address: target.host})
  c.close(fd)
  throw error
}

function isSet(fd: number, level: number, option: number, value: Buffer): boolean {
  return libc().setsockopt(fd, level, option, value, value.length) === 0
}

/**
 * Binds a socket that `makeSocket` made for the same address; after a refusal it can be tried again.
 * @throws SystemError of `bind`
 */
export function bindSocket(fd: number, address: Address, port: number): void {
  const errno = bindErrno(fd, address, port)
  if (errno !== 0) throw bindError(errno, address, port)
}

/**
 * As `bindSocket`, for who asks thousands of times whether a port is granted: to make an error of the answer and
 * throw it takes as long as the bind.
 * @returns 0 if it is granted, else the OS's error number, positive
 */
export function bindErrno(fd: number, address: Address, port: number): number {
  const c = libc()
  const bytes = sharedSockaddr(c.constants, socketAddress(address), port)
  return c.bind(fd, bytes, bytes.length) < 0 ? c.errno() : 0
}

export function bindError(errno: number, address: Address, port: number): SystemError {
  return systemError('bind', errno, {address: socketAddress(address).host, port})
}

/**
 * A bind(2) to be tried again and again on a socket that `makeSocket` made for the same address: all that
 * can be prepared is, because a thousand sockets that are tried in turn wait for each other.
 * @returns a function that gives 0 if the bind is granted, else the OS's error number, positive
 */
export function preparedBind(fd: number, address: Address, port: number): () => number {
  const c = libc()
  const bytes = sockaddr(c.constants, socketAddress(address), port)
  return () => (c.bind(fd, bytes, bytes.length) < 0 ? c.errno() : 0)
}

/**
 * A new socket, bound.
 * @returns the fd, close-on-exec, bound but not listening; the caller owns it.
 * @throws SystemError of the call that failed (`socket`, `setsockopt`, `fcntl` or `bind`);
 * NativeOpenerUnavailable where there is no FFI.
 */
export function bindNative(wanted: PortToOpen): number {
  const answer = tryBindNative(wanted)
  if (answer >= 0) return answer
  throw bindError(-answer, wanted.address, wanted.port)
}

/**
 * As `bindNative`, but a refusal is an answer like another.
 * @returns the fd, or the error number of bind(2), negated as libuv does it
 * @throws SystemError of `socket`, `setsockopt` or `fcntl`; NativeOpenerUnavailable where there is no FFI.
 */
export function tryBindNative({address, port, bind}: PortToOpen): number {
  const fd = makeSocket({address, bind})
  const errno = bindErrno(fd, address, port)
  if (errno === 0) return fd
  closeNative(fd)
  return -errno
}

/** Closes a socket that was made here and nobody else has taken over. */
export function closeNative(fd: number): void {
  libc().close(fd)
}

/**
 * The bind options that a socket really carries, read back with getsockopt(2).
 * @throws SystemError, e.g. EBADF.
 */
export function readBindFlags(fd: number): BindFlags {
  const c = libc()
  const read = (option: number) => {
    const value = Buffer.alloc(4)
    const length = cInts([value.length])
    if (c.getsockopt(fd, c.constants.SOL_SOCKET, option, value, length) < 0) {
      throw systemError('getsockopt', c.errno())
    }
    // BSD answers with the option's own bit, Linux with 1.
    return value.some((byte) => byte !== 0)
  }
  return {
    reuseaddr: read(c.constants.SO_REUSEADDR),
    reuseport: read(c.constants.SO_REUSEPORT),
  }
}

/**
 * Whether a bind without any option is granted, which is so only if nothing at all is left of the port.
 * The socket never listens and is closed at once, so asking leaves nothing behind.
 * @throws SystemError of `socket` if no further file may be opened
 */
export function isPlainBindGranted(address: Address, port: number): boolean {
  try {
    const fd = tryBindNative({address, port, bind: 'none'})
    if (fd >= 0) closeNative(fd)
    return fd >= 0
  } catch (error) {
    if (isOutOfFiles(error)) throw error
    return false
  }
}
