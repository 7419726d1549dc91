import {readFileSync, readlinkSync} from 'node:fs'
import {isAbsolute, resolve} from 'node:path'
import {isOutOfFiles} from '../sockets/system-error.ts'
import {parseProcNetTcp, readTcpTables} from './proc-net-tcp.ts'
import {findHolders, pids} from './proc-processes.ts'
import type {
  ForeignListener,
  HoldersOfSockets,
  UnixSocketEntry,
  UnixSocketReader,
} from './socket-holders.ts'
import type {SocketEntry} from './socket-table.ts'
import {unreadable} from './unreadable.ts'

/** Who has the sockets open, from their inodes and /proc/PID/fd. */
export async function readProcHolders(
  _port: number | undefined,
  sockets: readonly SocketEntry[],
): Promise<HoldersOfSockets> {
  const inodes = new Set(sockets.flatMap(({inode}) => inode ?? []))
  const {byInode, unseenProcesses} = findHolders(inodes)
  return {
    of: ({inode}) => (inode === undefined ? [] : (byInode.get(inode) ?? [])),
    unseenProcesses,
  }
}

/**
 * Listeners on the port in the other network namespaces of this machine, as far as their processes let
 * us look: /proc/PID/net/tcp is the table of that process's namespace.
 * @param proc where proc(5) is mounted
 */
export async function readListenersElsewhere(
  port: number,
  proc = '/proc',
): Promise<ForeignListener[]> {
  const namespaces = new Set<string>()
  const found: SocketEntry[] = []
  try {
    namespaces.add(readlinkSync(`${proc}/self/ns/net`))
  } catch {
    return []
  }
  for (const pid of pids(proc)) {
    try {
      const namespace = readlinkSync(`${proc}/${pid}/ns/net`)
      if (namespaces.has(namespace)) continue
      const tables = await readTcpTables(`${proc}/${pid}/net`)
      namespaces.add(namespace)
      for (const table of tables)
        for (const listener of listenersIn(table, port)) found.push(listener)
    } catch (error) {
      if (isOutOfFiles(error)) throw error
      // Another user's process, or one that has ended.
    }
  }
  const {of} = await readProcHolders(port, found)
  return found.map((socket) => ({local: socket.local, holders: of(socket)}))
}

/** Only the rows wanted are parsed: a container may have tens of thousands. */
function listenersIn(table: string, port: number): SocketEntry[] {
  const number = port.toString(16).toUpperCase().padStart(4, '0')
  const rows = table.match(new RegExp(`^ *\\d+: \\w+:${number} \\w+:0000 0A .*$`, 'gm'))
  return parseProcNetTcp(rows?.join('\n') ?? '')
}

/** `__SO_ACCEPTCON` of include/uapi/linux/net.h, which unix_seq_show prints for a listening socket. */
const acceptsConnections = 0x10000
/**
 * SS_CONNECTING and SS_CONNECTED of include/uapi/linux/net.h: connections carry their listener's path, too. Those in its
 * queue are connecting, and have no inode.
 */
const connecting = '02'
const connected = '03'

interface UnixRow {
  kind: 'listening' | 'queued' | 'other'
  inode: number
  /** As it was given to bind(2): maybe a relative path. */
  bound: string
}

/** Parses /proc/net/unix (net/unix/af_unix.c: unix_seq_show), without accepted connections. */
export function parseProcNetUnix(text: string): UnixRow[] {
  return text.split('\n').flatMap((line): UnixRow | UnixRow[] => {
    const match = /^\S+: \S+ \S+ (\S+) \S+ (\S+) +(\d+) (.+)$/.exec(line)
    if (match === null) return []
    const [, flags = '', state, inode, bound = ''] = match
    const row = {inode: Number(inode), bound}
    if ((Number.parseInt(flags, 16) & acceptsConnections) !== 0) return {kind: 'listening', ...row}
    if (state === connected) return []
    return {kind: state === connecting && row.inode === 0 ? 'queued' : 'other', ...row}
  })
}

/** The sockets of /proc/net/unix that are bound to the path. */
export const readProcNetUnix: UnixSocketReader = async (path) => {
  const rows = parseProcNetUnix(readUnixTable()).filter(({bound}) =>
    isAbsolute(bound) ? bound === path : path.endsWith(lastPart(bound)),
  )
  const {byInode, unseenProcesses} = findHolders(new Set(rows.map(({inode}) => inode)))
  /** As they were given to bind(2). */
  const names = new Set<string>()
  const sockets = rows.flatMap(({kind, inode, bound}): UnixSocketEntry[] => {
    if (kind === 'queued') return []
    const holders = byInode.get(inode) ?? []
    // A path that was bound as a relative one is shown so; only its process knows from where.
    const isSame =
      isAbsolute(bound) || holders.some(({pid}) => resolve(folderOf(pid), bound) === path)
    if (!isSame) return []
    names.add(bound)
    return [{listening: kind === 'listening', holders}]
  })
  const queued = rows.filter(({kind, bound}) => kind === 'queued' && names.has(bound)).length
  return {sockets, queued, unseenProcesses}
}

function readUnixTable(): string {
  const file = '/proc/net/unix'
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

function folderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return '/'
  }
}
