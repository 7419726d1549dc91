import {once} from 'node:events'
import type {Server} from 'node:net'
import {monotonicSeconds} from '../clock.ts'
import {socketAddress} from './address.ts'
import type {BindOption} from './bind-options.ts'
import {libc} from './libc.ts'
import {bindNative, closeNative, type PortToOpen} from './native.ts'
import {onNextTickInNamespace} from './network-namespace.ts'
import {systemError} from './system-error.ts'

/**
 * How a server opens its port: `node` is plain `server.listen`, as applications do; `native` makes the
 * socket through libc with exactly the bind options asked for.
 */
export type Opener = 'node' | 'native'

/** The file descriptor that a supervisor passes a socket as: SD_LISTEN_FDS_START of sd_listen_fds(3). */
export const inheritedFd = 3
/** As long a queue as Node's own, unless the OS allows less. */
const backlog = 511

/**
 * What `server.listen` sets by itself: libuv's uv__tcp_bind (src/unix/tcp.c) sets SO_REUSEADDR on every
 * Unix bind and cannot be asked not to; on Windows (src/win/tcp.c) it sets nothing.
 */
export const nodeBindOption: BindOption = process.platform === 'win32' ? 'none' : 'reuseaddr'

/**
 * Opens a port for a real `net.Server`; resolved once the server listens.
 * @returns when the OS had granted it, monotonic seconds.
 * @throws SystemError of the call that the OS refused; EADDRINUSE comes from `bind` with the native
 * opener and from `listen` with node's, because libuv reports it late.
 */
export async function openPort(
  server: Server,
  opener: Opener,
  port: PortToOpen & {inherited?: boolean; reusePort?: boolean},
): Promise<number> {
  if (opener === 'native') {
    server.listen({fd: port.inherited === true ? inheritedFd : bindNative(port)})
    // listen(2) was called before this line; the event that tells of it comes a little later.
    const grantedAt = monotonicSeconds()
    await once(server, 'listening')
    return grantedAt
  }
  const {host, ipv6Only} = socketAddress(port.address)
  const {reusePort = false} = port
  // Node's types know the option from Node 23 on.
  const options = {host, port: port.port, ipv6Only, exclusive: true, reusePort}
  onNextTickInNamespace(() => server.listen(options))
  await once(server, 'listening')
  return monotonicSeconds()
}

/**
 * Listens, and accepts nobody.
 * @returns the fd, which the caller owns
 * @throws SystemError of the call that the OS refused; NativeOpenerUnavailable where there is no FFI
 */
export function listenNative(port: PortToOpen & {inherited?: boolean}): number {
  const c = libc()
  const fd = port.inherited === true ? inheritedFd : bindNative(port)
  if (c.listen(fd, backlog) === 0) return fd
  const error = systemError('listen', c.errno())
  closeNative(fd)
  throw error
}
