import type {Refusal} from '../why/refusal.ts'

/** What a listen fails with because of its port, address or path. */
const codes: readonly unknown[] = ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL']
/** Of a worker of a cluster, whose primary listens for it, the error says `bind`. */
const calls: readonly unknown[] = ['listen', 'bind']

/**
 * What was refused, by an error of Node's `net`. Its address is null where `listen` was given none in a worker of a cluster.
 * @returns undefined for any other error, and for one that concerns no particular port
 */
export function refusalOf(error: unknown): Refusal | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const {code, syscall, address, port} = error as Record<string, unknown>
  if (typeof code !== 'string' || !codes.includes(code) || !calls.includes(syscall))
    return undefined
  const named = typeof address === 'string' ? address : null
  if (typeof port === 'number' && port > 0 && port <= 65_535) {
    return {code, port, address: named, pid: process.pid, ...options}
  }
  // Node has no port for a Unix socket, or -1.
  return named !== null && port !== 0 ? {code, path: named} : undefined
}

/** libuv sets SO_REUSEADDR on every socket that it binds, but not on Windows (src/unix/tcp.c: uv__tcp_bind). */
const options = process.platform === 'win32' ? {} : ({bind: 'reuseaddr'} as const)
