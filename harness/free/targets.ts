import {statSync} from 'node:fs'
import type {Holder} from '../platforms/socket-holders.ts'
import {ancestorsOf} from '../processes/process-details.ts'
import {sessionOf} from '../processes/process-handle.ts'
import {commandLineOf, type ProcessEntry, readProcesses} from '../processes/process-table.ts'
import {isWrapper} from './names.ts'

/** A process that is to end. */
export interface Target {
  entry: ProcessEntry
  command: string
  /** Workers end with the server that started them; only if they do not, they get SIGKILL. */
  role: 'wrapper' | 'server' | 'worker'
}

/** The processes of the machine, by pid. */
export type ProcessTable = ReadonlyMap<number, ProcessEntry>

export function readTable(): ProcessTable {
  return new Map(readProcesses().map((entry) => [entry.pid, entry]))
}

/** This process, and all that it descends from. */
export function ownAncestors(table: ProcessTable): Set<number> {
  return new Set([process.pid, ...ancestorsOf(process.pid, table).map(({pid}) => pid)])
}

/**
 * Which processes have to end for these listeners to be gone: who holds the sockets, and the wrappers (`npm start`,
 * `sh -c`) that run nothing else, the outermost first.
 */
export function targetsOf(
  holders: readonly Holder[],
  table: ProcessTable,
  ancestors: ReadonlySet<number>,
): Target[] {
  const pids = new Set(holders.map(({pid}) => pid))
  const targets = new Map<number, Target>()
  const add = (pid: number, command: string, role: Target['role']) => {
    const entry = table.get(pid)
    if (entry !== undefined && !entry.zombie) targets.set(pid, {entry, command, role})
  }
  for (const {pid, parent} of holders) {
    if (parent !== null && pids.has(parent)) continue
    for (const {entry, command} of wrappersOf(pid, table, ancestors)) {
      add(entry.pid, command, 'wrapper')
    }
  }
  for (const {pid, parent, command} of holders) {
    // Workers end with the process that started them, and come back if they are stopped alone.
    add(pid, command, parent !== null && pids.has(parent) ? 'worker' : 'server')
  }
  return [...targets.values()]
}

/** The wrappers of a process, the outermost first: of the same session and user, each with no other child. */
function wrappersOf(pid: number, table: ProcessTable, ancestors: ReadonlySet<number>) {
  const session = sessionOf(pid)
  const wrappers: {entry: ProcessEntry; command: string}[] = []
  for (const entry of ancestorsOf(pid, table)) {
    const command = commandLineOf(entry.pid)
    const children = [...table.values()].filter(
      ({parent, zombie}) => parent === entry.pid && !zombie,
    )
    const isOurs = ancestors.has(entry.pid) || entry.pid === 1
    const isSame =
      session !== undefined &&
      sessionOf(entry.pid) === session &&
      ownerOf(entry.pid) === ownerOf(pid)
    if (isOurs || !isSame || children.length > 1 || !isWrapper(command ?? '')) break
    wrappers.unshift({entry, command: command ?? ''})
  }
  return wrappers
}

/** The user of a process; undefined where /proc does not tell. */
function ownerOf(pid: number): number | undefined {
  return statSync(`/proc/${pid}`, {throwIfNoEntry: false})?.uid
}
