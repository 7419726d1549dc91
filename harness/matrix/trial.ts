import {listenOn} from '../sockets/connection.ts'
import {bindErrno, closeNative, isPlainBindGranted, makeSocket} from '../sockets/native.ts'
import {errorCode, isSystemError} from '../sockets/system-error.ts'
import type {Cell} from './cells.ts'

/**
 * Has the successor open the port, and close it again.
 * @returns `granted`, or the code of what bind() or listen() answered
 * @throws SystemError of `socket`, e.g. EMFILE
 */
export function tryToOpen({bind, address}: Cell['successor'], port: number): string {
  const fd = makeSocket({address, bind})
  try {
    const errno = bindErrno(fd, address, port)
    if (errno !== 0) return errorCode(errno)
    listenOn(fd, 1)
    return 'granted'
  } catch (error) {
    if (!isSystemError(error)) throw error
    return error.code
  } finally {
    closeNative(fd)
  }
}

/** An autobound connection over IPv4 comes from one of these, which of them is for the OS to choose. */
const sources4 = ['127.0.0.1', '127.0.0.2']

/**
 * Groups of addresses for plain binds beside an autobound connection: one of each group is granted, and
 * none if the port is also that of a connection with another address or another IPV6_V6ONLY.
 */
const besideAutobound: Record<Cell['predecessor']['address'], readonly (readonly string[])[]> = {
  '127.0.0.1': [sources4, ['::']],
  '0.0.0.0': [sources4, ['::']],
  '127.0.0.2': [sources4, ['::']],
  '::1': [['127.0.0.1'], ['127.0.0.2']],
  '::': [['0.0.0.0']],
  dual: [sources4, ['::']],
}

/**
 * Whether the port that connect() chose is this connection's alone: connect() may give a port to several
 * connections to different destinations (__inet_hash_connect in Linux's net/ipv4/inet_hashtables.c),
 * and then another one may be what refuses. Those with the same address and options answer alike. A
 * plain bind also has Linux forget what it remembers of granted SO_REUSEPORT binds
 * (inet_csk_update_fastreuse), so this is to be asked right before the trial.
 */
export function isOnlyAutobound(
  {predecessor}: Cell,
  port: number,
  available: readonly string[],
): boolean {
  return besideAutobound[predecessor.address]
    .filter((group) => group.every((address) => available.includes(address)))
    .every((group) => group.some((address) => isPlainBindGranted(address, port)))
}
