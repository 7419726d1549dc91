import {readFileSync, readlinkSync} from 'node:fs'
import {readLsofFolders} from '../platforms/lsof.ts'
import type {Holder, ProcessDetails} from '../platforms/socket-holders.ts'
import {commandLineOf, type ProcessEntry, readProcesses} from './process-table.ts'

/** USER_HZ of include/asm-generic/param.h, in which /proc counts on every architecture that Node runs on. */
const ticksPerSecond = 100

/** Adds to each process where it runs, since when, and who started it. */
export async function withDetails<Each extends Holder>(holders: readonly Each[]): Promise<Each[]> {
  const details = await readDetails([...new Set(holders.map(({pid}) => pid))])
  return holders.map((holder) => {
    const own = details.get(holder.pid)
    return own === undefined ? holder : {...holder, details: own}
  })
}

async function readDetails(pids: readonly number[]): Promise<Map<number, ProcessDetails>> {
  if (pids.length === 0) return new Map()
  const processes = new Map(readProcesses().map((entry) => [entry.pid, entry]))
  const folderOf = await folderReader(pids)
  const commands = new Map<number, string | null>()
  const commandOf = (pid: number) => {
    const command = commands.get(pid) ?? commandLineOf(pid) ?? null
    commands.set(pid, command)
    return command
  }
  return new Map(
    pids.flatMap((pid) => {
      const entry = processes.get(pid)
      if (entry === undefined) return []
      const parents = ancestorsOf(pid, processes).map((each) => ({
        pid: each.pid,
        command: commandOf(each.pid),
      }))
      return [[pid, {cwd: folderOf(pid), startedAt: startTime(entry), parents}]]
    }),
  )
}

/** From the parent up, of a table by pid. */
export function ancestorsOf(
  pid: number,
  processes: ReadonlyMap<number, ProcessEntry>,
): ProcessEntry[] {
  const above: ProcessEntry[] = []
  for (let entry = processes.get(pid); entry !== undefined; ) {
    const parent = processes.get(entry.parent)
    // A table that is read while pids are used again could lead in a circle.
    if (parent === undefined || parent.pid === pid || above.includes(parent)) break
    above.push(parent)
    entry = parent
  }
  return above
}

async function folderReader(pids: readonly number[]): Promise<(pid: number) => string | null> {
  if (process.platform === 'linux') return procFolder
  const folders = await readLsofFolders(pids).catch(() => new Map<number, string>())
  return (pid) => folders.get(pid) ?? null
}

function procFolder(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return null
  }
}

/** Linux counts ticks since the machine was started; ps prints a date of the local time zone. */
function startTime({started}: ProcessEntry): string | null {
  const milliseconds =
    process.platform === 'linux'
      ? (bootSeconds() + Number(started) / ticksPerSecond) * 1000
      : Date.parse(started)
  return Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString() : null
}

/** When the machine was started, in seconds of the wall clock (proc(5), /proc/stat). */
function bootSeconds(): number {
  try {
    const [, seconds] = /^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1')) ?? []
    return Number(seconds)
  } catch {
    return Number.NaN
  }
}
