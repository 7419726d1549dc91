import type {Holder} from '../platforms/socket-holders.ts'
import {type ProcessEntry, readProcesses} from '../processes/process-table.ts'

/** A process that is to end. */
export interface Target {
  entry: ProcessEntry
  command: string
  /** Of a worker, the process that started it and has the socket, too; of a server null. */
  starter: number | null
}

/** The processes of the machine, by pid. */
export type ProcessTable = ReadonlyMap<number, ProcessEntry>

export function readTable(): ProcessTable {
  return new Map(readProcesses().map((entry) => [entry.pid, entry]))
}

/**
 * Which processes have to end for these listeners to be gone: servers, and then their workers. Whoever started a
 * server is none of them: `npm start` and `sh -c` end with it, and what starts it again is a supervisor.
 */
export function targetsOf(holders: readonly Holder[], table: ProcessTable): Target[] {
  const pids = new Set(holders.map(({pid}) => pid))
  const targets = holders.flatMap(({pid, parent, command}): Target[] => {
    const entry = table.get(pid)
    const starter = parent !== null && pids.has(parent) ? parent : null
    return entry === undefined || entry.zombie ? [] : [{entry, command, starter}]
  })
  return [true, false].flatMap((isServer) =>
    targets.filter(({starter}) => (starter === null) === isServer),
  )
}
