import {closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync} from 'node:fs'
import {isOutOfFiles} from '../sockets/system-error.ts'
import {type Holder, longestCommand, parentsFirst} from './socket-holders.ts'
import {unreadable} from './unreadable.ts'
import {userName} from './users.ts'

/**
 * The pids that /proc shows: of this pid namespace, and only one's own where it is mounted with hidepid.
 * @param proc where proc(5) is mounted
 * @throws Error that says why it cannot be read
 */
export function pids(proc = '/proc'): number[] {
  let names: string[]
  try {
    names = readdirSync(proc)
  } catch (error) {
    throw unreadable(proc, error)
  }
  return names.filter((name) => /^\d+$/.test(name)).map(Number)
}

/**
 * Finds the processes that have the given sockets open: an fd is a link to `socket:[INODE]` (proc(5)).
 * Only one's own processes can be looked into, unless one is root (ptrace(2), PTRACE_MODE_READ).
 * @param among the pids to look into; undefined for all
 * @returns of each inode the processes that have it, parents first
 */
export function findHolders(
  inodes: ReadonlySet<number>,
  among?: readonly number[],
): {
  byInode: Map<number, Holder[]>
  unseenProcesses: number
} {
  const byInode = new Map<number, Holder[]>()
  let unseenProcesses = 0
  if (inodes.size === 0) return {byInode, unseenProcesses}
  for (const pid of among ?? pids()) {
    const held = socketInodes(pid)
    if (held === undefined) unseenProcesses++
    const wanted = [...(held ?? [])].filter((inode) => inodes.has(inode))
    if (wanted.length === 0) continue
    const holder = describeProcess(pid)
    if (holder === undefined) continue
    for (const inode of wanted) byInode.set(inode, [...(byInode.get(inode) ?? []), holder])
  }
  for (const [inode, holders] of byInode) byInode.set(inode, parentsFirst(holders))
  return {byInode, unseenProcesses}
}

/** The inodes of a process's sockets; undefined if we may not look, none if it has ended meanwhile. */
function socketInodes(pid: number): Set<number> | undefined {
  const folder = `/proc/${pid}/fd`
  const inodes = new Set<number>()
  let fds: string[]
  try {
    fds = readdirSync(folder)
  } catch (error) {
    if (isOutOfFiles(error)) throw unreadable(folder, error)
    return isForbidden(error) ? undefined : inodes
  }
  for (const fd of fds) {
    try {
      const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${folder}/${fd}`))
      if (match !== null) inodes.add(Number(match[1]))
    } catch {
      // Closed meanwhile.
    }
  }
  return inodes
}

/** Undefined if the process has ended. */
function describeProcess(pid: number): Holder | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const {name, parent, uid} = parseProcStatus(status)
    const command = readCommandLine(pid) || `[${name}]`
    return {pid, parent, uid, user: uid === null ? null : userName(uid), command}
  } catch (error) {
    if (isOutOfFiles(error)) throw unreadable(`/proc/${pid}`, error)
    return undefined
  }
}

/**
 * As much of a command line as is shown, its words joined by spaces. It may have megabytes, which another user's
 * process has written, and all of which would have to be cleaned before it is cut.
 * @throws SystemError if the process has ended
 */
export function readCommandLine(pid: number): string {
  return parseProcCmdline(readCmdline(pid, longestCommand))
}

/** More than the words by which a program is known. */
const longestWords = 64 * 1024

/**
 * The words of a command line, up to a limit.
 * @throws SystemError if the process has ended
 */
export function readCommandWords(pid: number): string[] {
  return readCmdline(pid, longestWords).split('\0')
}

function readCmdline(pid: number, length: number): string {
  const bytes = Buffer.alloc(length)
  const fd = openSync(`/proc/${pid}/cmdline`, 'r')
  try {
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))
  } finally {
    closeSync(fd)
  }
}

/**
 * The words of /proc/PID/cmdline, which its process may have overwritten with anything, on one line; empty
 * where there are none. Not by a pattern: `\\0+$` is quadratic in the zeros within.
 */
export function parseProcCmdline(text: string): string {
  return text.replaceAll('\0', ' ').trimEnd()
}

/** Parses /proc/PID/status (proc(5)); what a line does not say is null, or a name without a character. */
export function parseProcStatus(text: string): Pick<Holder, 'parent' | 'uid'> & {name: string} {
  const numberIn = (field: RegExp) => {
    const [, digits] = field.exec(text) ?? []
    return digits === undefined ? null : Number(digits)
  }
  return {
    name: /^Name:\s+(.*)$/m.exec(text)?.[1] ?? '',
    parent: numberIn(/^PPid:\s+(\d+)/m),
    // Real and effective uid; the second decides what the process may do.
    uid: numberIn(/^Uid:\s+\d+\s+(\d+)/m),
  }
}

function isForbidden(error: unknown): boolean {
  const {code} = error as NodeJS.ErrnoException
  return code === 'EACCES' || code === 'EPERM'
}
