import {type ByteOrder, byteOrder} from '../sockets/c-numbers.ts'
import {readProcFile} from './proc-file.ts'
import type {SocketEntry} from './socket-table.ts'
import type {TcpState} from './tcp-states.ts'
import {unreadable} from './unreadable.ts'

/** State numbers of include/net/tcp_states.h; 12 (NEW_SYN_RECV) is printed as 3 by the kernel itself. */
const states: Record<string, TcpState> = {
  '01': 'ESTABLISHED',
  '02': 'SYN_SENT',
  '03': 'SYN_RECV',
  '04': 'FIN_WAIT1',
  '05': 'FIN_WAIT2',
  '06': 'TIME_WAIT',
  '07': 'CLOSED',
  '08': 'CLOSE_WAIT',
  '09': 'LAST_ACK',
  '0A': 'LISTEN',
  '0B': 'CLOSING',
}

/** USER_HZ: /proc shows times in hundredths of a second whatever the kernel's own tick is. */
const clockTicksPerSecond = 100
/** Timer kind 3 is the timewait timer (get_timewait4_sock in net/ipv4/tcp_ipv4.c). */
const timewaitTimer = '03'

/**
 * The TCP sockets of a network namespace, from /proc/net/tcp and, where there is IPv6, tcp6.
 * @param net the folder of our own namespace, or /proc/PID/net for that of another process
 */
export async function readProcNetTcp(net = '/proc/net'): Promise<SocketEntry[]> {
  return (await readTcpTables(net)).flatMap((text) => parseProcNetTcp(text))
}

/**
 * The text of the tables of both IP versions; of IPv4's alone where there is no IPv6.
 * @throws Error that says why one that exists cannot be read
 */
export function readTcpTables(net: string): Promise<string[]> {
  return Promise.all(
    ['tcp', 'tcp6'].map((name) =>
      readProcFile(`${net}/${name}`).catch((error: NodeJS.ErrnoException) => {
        // A kernel without IPv6, or with ipv6.disable=1, has no such file.
        if (name === 'tcp6' && error.code === 'ENOENT') return ''
        throw unreadable(`${net}/${name}`, error)
      }),
    ),
  )
}

/**
 * Parses the text of /proc/net/tcp or tcp6 (net/ipv4/tcp_ipv4.c: tcp4_seq_show). Lines that are not of
 * the format are passed over. The kernel hands the table out in pieces, and a socket that changes
 * between two of them can appear twice; the later row is kept.
 * @param order of the machine whose table it is
 */
export function parseProcNetTcp(text: string, order = byteOrder): SocketEntry[] {
  const entries = new Map<string, SocketEntry>()
  // Tens of thousands of rows have a handful of addresses between them.
  const addresses = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, local, remote, stateNumber, , timer, , uid, , inode] = line.trim().split(/\s+/, 10)
    const state = states[stateNumber ?? '']
    const localEnd = parseEnd(local, addresses, order)
    const remoteEnd = parseEnd(remote, addresses, order)
    if (state === undefined || localEnd === undefined || remoteEnd === undefined) continue
    const [kind, ticks] = (timer ?? '').split(':')
    const expiresInSeconds =
      kind === timewaitTimer && ticks !== undefined
        ? Number.parseInt(ticks, 16) / clockTicksPerSecond
        : null
    // Listeners that share their address (SO_REUSEPORT) differ by nothing but their inode.
    const key = state === 'LISTEN' ? `${local} ${inode}` : `${local} ${remote}`
    // A socket that no process has any more is printed with 0 for both.
    const owned = Number(inode) > 0 ? {inode: Number(inode), uid: Number(uid)} : {}
    entries.set(key, {state, local: localEnd, remote: remoteEnd, expiresInSeconds, ...owned})
  }
  return [...entries.values()]
}

function parseEnd(
  text: string | undefined,
  addresses: Map<string, string>,
  order: ByteOrder,
): SocketEntry['local'] | undefined {
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text ?? '')
  if (match === null) return undefined
  const [, hex = '', port = ''] = match
  const address = addresses.get(hex) ?? parseAddress(hex, order)
  addresses.set(hex, address)
  return {address, port: Number.parseInt(port, 16)}
}

/** Addresses are in network byte order, but printed as the 32-bit words that the machine takes them for. */
function parseAddress(hex: string, order: ByteOrder): string {
  const words32 = (hex.match(/.{8}/g) ?? []).map((word) => word.match(/../g) ?? [])
  const bytes = words32.flatMap((word) => (order === 'LE' ? word.reverse() : word))
  if (bytes.length === 4) return bytes.map((byte) => Number.parseInt(byte, 16)).join('.')
  const mapped = bytes.slice(0, 12).join('') === '00000000000000000000ffff'.toUpperCase()
  if (mapped) {
    return `::ffff:${bytes
      .slice(12)
      .map((byte) => Number.parseInt(byte, 16))
      .join('.')}`
  }
  const words = []
  for (let index = 0; index < 16; index += 2) {
    words.push(Number.parseInt(`${bytes[index]}${bytes[index + 1]}`, 16).toString(16))
  }
  return new URL(`http://[${words.join(':')}]`).hostname.slice(1, -1)
}
