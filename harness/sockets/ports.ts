import {randomInt} from 'node:crypto'
import {createSocket, type Socket as UdpSocket} from 'node:dgram'
import {once} from 'node:events'
import {connect, createServer} from 'node:net'
import {isPlainBindGranted} from './native.ts'
import {openPort} from './opener.ts'
import {isOutOfFiles, isSystemError} from './system-error.ts'

/** Hands out ports that are proven free and that no other run on this machine will take. */
export interface PortPool {
  /** @throws NoFreePort; SystemError if no further file may be opened */
  take(): Promise<number>
  /**
   * Lets go of the locks of all ports that were taken, for who needs thousands of ports, a few at a time;
   * what was left on them is found out by the proof.
   */
  release(): void
  close(): void
}

export class NoFreePort extends Error {
  override name = 'NoFreePort'
}

export interface PortPoolOptions {
  /** The ports that the OS gives to outgoing connections, which any connect() may take at any time. */
  ephemeralPorts: [first: number, last: number]
  /** Whether the native opener is there to prove a port by a plain bind. */
  native: boolean
}

const blockSize = 32
/** Below lie the ports of well-known servers; they come last. */
const firstPreferred = 10_000
const firstUnprivileged = 1024
const lastPort = 65_535
const answerWithinMilliseconds = 1000

/**
 * Ports come in blocks. A block is locked by a UDP socket bound to its first number: UDP has a port
 * space of its own, no two processes can have that socket, and it dies with its process, so that a
 * killed run leaves no stale lock. Each port is then proven free, because a lock says nothing of the
 * residue of earlier runs or of other programs.
 */
export function openPortPool({ephemeralPorts, native}: PortPoolOptions): PortPool {
  const blocks = blockOrder(ephemeralPorts)
  const locks: UdpSocket[] = []
  let ports: number[] = []
  let turn: Promise<unknown> = Promise.resolve()

  async function next(): Promise<number> {
    for (;;) {
      const port = ports.pop()
      if (port !== undefined) {
        if (await isFree(port, native)) return port
        continue
      }
      const block = blocks.shift()
      if (block === undefined) {
        throw new NoFreePort(
          `no free port outside the ephemeral range ${ephemeralPorts.join('-')}; ` +
            'wait a minute for old residue to go, or narrow that range ' +
            '(net.ipv4.ip_local_port_range on Linux, net.inet.ip.portrange.first on macOS)',
        )
      }
      const lock = await lockBlock(block)
      if (lock === undefined) continue
      locks.push(lock)
      ports = Array.from({length: blockSize}, (_, offset) => block + offset)
    }
  }

  return {
    take() {
      const port = turn.then(next)
      turn = port.catch(() => undefined)
      return port
    },
    release() {
      // The last block may still have ports to give.
      for (const lock of locks.splice(0, locks.length - 1)) lock.close()
    },
    close() {
      for (const lock of locks.splice(0)) lock.close()
    },
  }
}

/** The first ports of all blocks outside the ephemeral range: preferred ones first, from a random one on. */
function blockOrder([first, last]: [number, number]): number[] {
  const all: number[] = []
  for (let port = firstUnprivileged; port + blockSize - 1 <= lastPort; port += blockSize) {
    if (port + blockSize - 1 < first || port > last) all.push(port)
  }
  // A host that makes every port ephemeral leaves no other choice; the proof still holds.
  if (all.length === 0) return blockOrder([lastPort + 1, lastPort + 1])
  const preferred = rotate(all.filter((port) => port >= firstPreferred))
  return [...preferred, ...rotate(all.filter((port) => port < firstPreferred))]
}

function rotate(ports: number[]): number[] {
  const start = ports.length === 0 ? 0 : randomInt(ports.length)
  return [...ports.slice(start), ...ports.slice(0, start)]
}

async function lockBlock(port: number): Promise<UdpSocket | undefined> {
  const socket = createSocket({type: 'udp4'})
  socket.unref()
  try {
    const bound = once(socket, 'listening')
    socket.bind({address: '127.0.0.1', port, exclusive: true})
    await bound
    return socket
  } catch (error) {
    socket.close()
    if (isOutOfFiles(error)) throw error
    return undefined
  }
}

/**
 * A plain bind of the dual-stack wildcard is refused by whatever is on the port, for either IP version;
 * one of 0.0.0.0 is the second question, for a host without IPv6. Without the native opener only a
 * listener can be found out, and only one that loopback reaches: to ask for the wildcard, Node has to listen on
 * it, and the machine's other addresses would be open to strangers meanwhile.
 */
async function isFree(port: number, native: boolean): Promise<boolean> {
  if (native) return isPlainBindGranted('0.0.0.0', port) && isUnusedByIpv6(port)
  for (const address of ['127.0.0.1', '::1']) {
    if (!(await canListen(address, port)) || (await isAnswered(address, port))) return false
  }
  return true
}

/** Whether nobody listens on the address, or there is no such address, where nobody can. */
async function canListen(address: string, port: number): Promise<boolean> {
  const server = createServer((stray) => stray.destroy())
  try {
    await openPort(server, 'node', {address, port, bind: 'none'})
    server.close()
    await once(server, 'close')
    return true
  } catch (error) {
    if (isOutOfFiles(error)) throw error
    const code = isSystemError(error) ? error.code : ''
    return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'
  }
}

/** What listens on the wildcard lets macOS and Windows listen on an address beside it, but answers there as well. */
function isAnswered(host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const client = connect({host, port})
    const end = (answered: boolean) => {
      client.destroy()
      resolve(answered)
    }
    // Whoever drops packets there does something with the port.
    client.setTimeout(answerWithinMilliseconds, () => end(true))
    client.once('connect', () => end(true))
    client.once('error', (error) => (isOutOfFiles(error) ? reject(error) : end(false)))
  })
}

function isUnusedByIpv6(port: number): boolean {
  return !hasIpv6() || isPlainBindGranted('dual', port)
}

let ipv6: boolean | undefined

/** Whether an IPv6 socket can be bound at all; port 0 is always free. */
function hasIpv6(): boolean {
  ipv6 ??= isPlainBindGranted('::1', 0)
  return ipv6
}
