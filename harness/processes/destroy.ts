import {constants} from 'node:os'
import {readLinuxSockets} from '../platforms/linux-sockets.ts'
import {destroySocket} from '../platforms/sock-destroy.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {socketAddress} from '../sockets/address.ts'
import {acceptNext, listenOn, localPort, startConnecting} from '../sockets/connection.ts'
import {bindNative, closeNative, makeSocket} from '../sockets/native.ts'
import {systemError} from '../sockets/system-error.ts'

const address = '127.0.0.1'
const plain = {address, bind: 'none'} as const

/**
 * Destroys all sockets of a local port in a state.
 * @returns how many there were that this kernel can destroy
 * @throws SystemError of `SOCK_DESTROY`, e.g. EPERM without CAP_NET_ADMIN
 */
export async function destroySockets(port: number, state: TcpState): Promise<number> {
  const answers = (await socketsOf(port, state)).map(destroyed)
  return answers.filter((answer) => answer === 'destroyed').length
}

/**
 * Destroys one connection that this process has, and the TIME_WAIT of another one.
 * @returns what the second answered: `destroyed`, or EOPNOTSUPP of a kernel that can only destroy what a process has
 * @throws SystemError of `SOCK_DESTROY` for the first, where the kernel was built without it
 */
export async function tryToDestroy(): Promise<string> {
  const listener = bindNative({...plain, port: 0})
  try {
    listenOn(listener, 2)
    const port = localPort(listener)
    const open = connectedPair(listener, port)
    const [connection] = await socketsOf(port, 'ESTABLISHED')
    const answer = connection === undefined ? 'ENOENT' : destroyed(connection)
    for (const fd of open) closeNative(fd)
    if (answer !== 'destroyed') throw systemError('SOCK_DESTROY', constants.errno.EOPNOTSUPP)
    // The accepted one first, so that it is the one that stays.
    for (const fd of connectedPair(listener, port)) closeNative(fd)
    const [timeWait] = await socketsOf(port, 'TIME_WAIT')
    return timeWait === undefined ? 'ENOENT' : destroyed(timeWait)
  } finally {
    closeNative(listener)
  }
}

/** An accepted connection and its client; on loopback it is there when connect(2) returns. */
function connectedPair(listener: number, port: number): [accepted: number, client: number] {
  const client = makeSocket(plain)
  startConnecting(client, socketAddress(address), port)
  const accepted = acceptNext(listener)
  if (accepted === undefined) throw new Error('no connection came in')
  return [accepted.fd, client]
}

async function socketsOf(port: number, state: TcpState): Promise<SocketEntry[]> {
  const entries = await readLinuxSockets({ports: [port]})
  return entries.filter((entry) => entry.local.port === port && entry.state === state)
}

/** @throws SystemError for another answer than that this kernel cannot */
function destroyed(entry: SocketEntry): 'destroyed' | 'EOPNOTSUPP' {
  return destroyAnswer(destroySocket(entry))
}

/** @throws SystemError for another number than that of what a kernel cannot destroy */
export function destroyAnswer(errno: number): 'destroyed' | 'EOPNOTSUPP' {
  if (errno === 0) return 'destroyed'
  // By its number: Linux has two names for it, and libuv prefers the other one, ENOTSUP.
  if (errno === constants.errno.EOPNOTSUPP) return 'EOPNOTSUPP'
  throw systemError('SOCK_DESTROY', errno)
}
