import type {SocketEntry} from './socket-table.ts'

/** Command lines are told up to here, in bytes or characters. */
export const longestCommand = 4096

/** A process that has a socket open. */
export interface Holder {
  pid: number
  /** The process that started it; null where the OS does not tell. */
  parent: number | null
  uid: number | null
  /** Null where the system has no name for the uid. */
  user: string | null
  /** The command line as the process shows it: text from elsewhere, to be made printable before it is shown. */
  command: string
  /** Where it runs, since when, and who started it; absent where nobody asked. */
  details?: ProcessDetails
}

/** What a person recognizes a process by, beyond its command line. */
export interface ProcessDetails {
  /** Its working directory; null where we may not look. */
  cwd: string | null
  /** ISO 8601; null where the OS does not say. */
  startedAt: string | null
  /** The process that started it, the one that started that, and so on. */
  parents: {pid: number; command: string | null}[]
}

/**
 * Whoever started others of them comes first: a server before its workers, and before a child that has all that its
 * parent has open until it becomes another program (FD_CLOEXEC: execve(2)).
 */
export function parentsFirst(holders: readonly Holder[]): Holder[] {
  const pids = new Set(holders.map(({pid}) => pid))
  const isStarted = ({parent}: Holder) => parent !== null && pids.has(parent)
  return holders.toSorted((one, other) => Number(isStarted(one)) - Number(isStarted(other)))
}

export interface HoldersOfSockets {
  /** The processes that have a socket open; several where a server has forked, the one that started others first. */
  of(socket: SocketEntry): Holder[]
  /** How many processes we were not permitted to look into, or null where the OS does not tell. */
  unseenProcesses: number | null
}

/** Looks up who has the sockets of a port open, or of all ports (`undefined`) who listens. */
export type HolderReader = (
  port: number | undefined,
  sockets: readonly SocketEntry[],
) => Promise<HoldersOfSockets>

/** A Unix socket that is bound to a path. */
export interface UnixSocketEntry {
  listening: boolean
  holders: Holder[]
}

/** The sockets that are bound to an absolute path and not merely connections made there. */
export type UnixSocketReader = (path: string) => Promise<{
  sockets: UnixSocketEntry[]
  /** Connections that no process has accepted; absent where that is not visible. */
  queued?: number
  unseenProcesses: number | null
}>

/** A listener on the port in another network namespace, where it is in nobody's way here. */
export interface ForeignListener {
  local: {address: string; port: number}
  holders: Holder[]
}
