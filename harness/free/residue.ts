import {readFileSync} from 'node:fs'
import {constants} from 'node:os'
import type {Platform, Settings} from '../platforms/platform.ts'
import {destroySocket} from '../platforms/sock-destroy.ts'
import {readSockDiag} from '../platforms/sock-diag.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import {isSystemError} from '../sockets/system-error.ts'
import type {PortSocket} from '../why/port-picture.ts'

/** CAP_NET_ADMIN of include/uapi/linux/capability.h. */
const CAP_NET_ADMIN = 12n

/** Whether a socket lives on without a process, and nobody loses anything if the kernel forgets it. */
export function isResidue({entry, holders}: PortSocket): boolean {
  const isOver = entry.state === 'TIME_WAIT' || entry.state === 'FIN_WAIT2'
  return isOver && holders.length === 0 && entry.inode === undefined
}

/** Whether sockets can be destroyed here, by all that is known before it is tried. */
export function mayDestroy({rules}: Platform, settings: Settings, socket: PortSocket): boolean {
  const rule = rules?.destroy?.({state: socket.entry.state, settings})
  return rule?.destroys === true && hasNetAdmin()
}

function hasNetAdmin(): boolean {
  try {
    const status = readFileSync('/proc/self/status', 'latin1')
    const [, mask = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(status) ?? []
    return (BigInt(`0x${mask}`) & (1n << CAP_NET_ADMIN)) !== 0n
  } catch {
    return false
  }
}

/** What became of sockets that were to be destroyed. */
export interface Destruction {
  destroyed: SocketEntry[]
  /** The kernel does not do it, for this one or for us: to try again is in vain. */
  isRefused: boolean
}

/**
 * Destroys sockets that were seen on a port, each by its cookie: no later one with the same ends. A listener is never
 * destroyed: its port would be refused until its process ends.
 */
export function destroySockets(port: number, seen: readonly PortSocket[]): Destruction {
  const wanted = new Set(seen.map(({entry}) => keyOf(entry)))
  const destroyed: SocketEntry[] = []
  for (const entry of readWithCookies(port)) {
    if (entry.state === 'LISTEN' || entry.local.port !== port || !wanted.has(keyOf(entry))) continue
    const errno = destroySocket(entry)
    if (errno === 0) destroyed.push(entry)
    // It is gone by itself; whatever has its ends now has another cookie.
    else if (errno !== constants.errno.ENOENT) {
      return {destroyed, isRefused: true}
    }
  }
  return {destroyed, isRefused: false}
}

function readWithCookies(port: number): SocketEntry[] {
  try {
    return readSockDiag({ports: [port], cookies: true})
  } catch (error) {
    if (isSystemError(error)) throw error
    // A kernel without this way of asking.
    return []
  }
}

/** Sockets without a process are told apart by nothing but their state and local end, as there may be many. */
function keyOf({state, local, remote, inode}: SocketEntry): string {
  const which = inode === undefined ? '' : ` ${inode} ${remote.address} ${remote.port}`
  return `${state} ${local.address} ${local.port}${which}`
}
