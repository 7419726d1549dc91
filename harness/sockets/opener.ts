import {once} from 'node:events'
import type {Server} from 'node:net'
import {monotonicSeconds} from '../clock.ts'
import {socketAddress} from './address.ts'
import type {BindOption} from './bind-options.ts'
import {bindNative, type PortToOpen} from './native.ts'
import {onNextTickInNamespace} from './network-namespace.ts'

/**
 * How a server opens its port: `node` is plain `server.listen`, as applications do; `native` makes the
 * socket through libc with exactly the bind options asked for.
 */
export type Opener = 'node' | 'native'

/** The file descriptor that a supervisor passes a socket as: SD_LISTEN_FDS_START of sd_listen_fds(3). */
const inheritedFd = 3

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
  port: PortToOpen & {inherited?: boolean},
): Promise<number> {
  if (opener === 'native') {
    server.listen({fd: port.inherited === true ? inheritedFd : bindNative(port)})
    // listen(2) was called before this line; the event that tells of it comes a little later.
    const grantedAt = monotonicSeconds()
    await once(server, 'listening')
    return grantedAt
  }
  const {host, ipv6Only} = socketAddress(port.address)
  onNextTickInNamespace(() => server.listen({host, port: port.port, ipv6Only, exclusive: true}))
  await once(server, 'listening')
  return monotonicSeconds()
}
