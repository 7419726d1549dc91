import {execFileSync, spawnSync} from 'node:child_process'
import {closeSync, openSync, readdirSync, readSync} from 'node:fs'
import {readCommandLine} from '../platforms/proc-processes.ts'
import {limitsInSync} from '../platforms/run-program.ts'
import {longestCommand} from '../platforms/socket-holders.ts'

/** One process of the machine. */
export interface ProcessEntry {
  pid: number
  parent: number
  /** Its process group: the pid of the process that leads it. */
  group: number
  /** It has ended, and only its parent has not asked after it yet. It holds nothing any more. */
  zombie: boolean
  /**
   * When it was started, in the operating system's own words: a pid is used again after its process has
   * ended, but not with the same start time.
   */
  started: string
}

/** What tells one process from every other, before it and after it. */
export type ProcessIdentity = Pick<ProcessEntry, 'pid' | 'started'>

/** All processes of this machine that this user may see: from /proc on Linux, from ps elsewhere. */
export function readProcesses(): ProcessEntry[] {
  return process.platform === 'linux' ? readProc() : readPs()
}

function readProc(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    return readProcStat(Number(name)) ?? []
  })
}

/** Longer than any: a name of 15 bytes, and some fifty numbers. */
const stat = Buffer.alloc(4096)

/** Read a hundred times a second of every process, with as few calls of the system as there can be. */
function readProcStat(pid: number): ProcessEntry | undefined {
  let fd: number | undefined
  try {
    fd = openSync(`/proc/${pid}/stat`, 'r')
    const entry = parseProcStat(stat.toString('latin1', 0, readSync(fd, stat)))
    return entry?.zombie === true && hasThreads(pid) ? {...entry, zombie: false} : entry
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/**
 * Whether a process whose main thread has ended has others: pthread_exit(3) ends that alone, and the threads of a killed
 * process end one after the other. Until the last has ended, it has what it had, and its parent hears nothing.
 */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1
  } catch {
    return false
  }
}

/** One process; undefined if there is none of this pid, or this user may not see it. */
export function readProcess(pid: number): ProcessEntry | undefined {
  if (process.platform === 'linux') return readProcStat(pid)
  return readPs().find((entry) => entry.pid === pid)
}

/**
 * Sends a signal to the process that is meant, and to no other that has got its pid since.
 * @returns false if it has ended already
 * @throws SystemError EPERM if it belongs to another user
 */
export function signalProcess(
  {pid, started}: ProcessIdentity,
  signal: NodeJS.Signals = 'SIGKILL',
): boolean {
  const entry = readProcess(pid)
  if (entry === undefined || entry.zombie || entry.started !== started) return false
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** Parses /proc/PID/stat (proc(5)): the name in parentheses may hold spaces and parentheses of its own. */
export function parseProcStat(text: string): ProcessEntry | undefined {
  // Fields 1 to 5, and 22: when it was started, in ticks since the machine was.
  const match = /^(\d+) \(.*\) (\S) (\d+) (\d+)(?: -?\d+){16} (\d+)/s.exec(text)
  if (match === null) return undefined
  const [, pid, state, parent, group, started = ''] = match
  const zombie = state === 'Z' || state === 'X'
  return {pid: Number(pid), parent: Number(parent), group: Number(group), zombie, started}
}

/** What `ps` is asked for by {@link parsePs}; POSIX has no start time, but each of its systems `lstart`. */
export const psArguments = ['-axo', 'pid=,ppid=,pgid=,stat=,lstart=']

function readPs(): ProcessEntry[] {
  const {stdout, pid: own} = spawnSync('ps', psArguments, {
    // lstart is a date in the words of the language.
    env: {...process.env, LC_ALL: 'C'},
    encoding: 'latin1',
    stdio: ['ignore', 'pipe', 'ignore'],
    ...limitsInSync,
  })
  // ps lists itself, and has ended by now.
  return parsePs(stdout ?? '').filter(({pid}) => pid !== own)
}

/** Parses what ps(1) prints with {@link psArguments}: one process per line, its fields separated by spaces. */
export function parsePs(text: string): ProcessEntry[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)(.*)/.exec(line)
    if (match === null) return []
    const [, pid, parent, group, state = '', started = ''] = match
    const zombie = state.startsWith('Z')
    return {
      ...{pid: Number(pid), parent: Number(parent), group: Number(group), zombie},
      started: started.trim(),
    }
  })
}

/**
 * Process groups whose members are ours. The number of a group is free again when its last member has
 * ended, and the next to get it may be anybody: a group counts only for as long as each look at it finds a
 * member that the look before found, too.
 */
export class ProcessGroups {
  /** By their leaders' pids. */
  #members = new Map<number, Set<string>>()

  /** Adds the group that a process leads, or has led until just now: who is in it now is ours. */
  add(leader: number): void {
    const members = readProcesses().filter(({group}) => group === leader)
    if (members.length > 0) this.#members.set(leader, new Set(members.map(identityOf)))
  }

  get size(): number {
    return this.#members.size
  }

  /** Forgets the groups that have come to mean other processes, or none, and returns the others. */
  look(processes: readonly ProcessEntry[] = readProcesses()): ReadonlySet<number> {
    for (const [leader, known] of this.#members) {
      const now = processes.filter(({group}) => group === leader).map(identityOf)
      if (now.some((identity) => known.has(identity))) this.#members.set(leader, new Set(now))
      else this.#members.delete(leader)
    }
    return new Set(this.#members.keys())
  }
}

function identityOf({pid, started}: ProcessIdentity): string {
  return `${pid} ${started}`
}

/** The living processes below `root`, and those of the given groups, wherever they are. */
export function livingBelow(root: number, groups = new ProcessGroups()): number[] {
  return entriesBelow(root, groups).map(({pid}) => pid)
}

/** As {@link livingBelow}, with what a signal needs to reach no other process. */
export function entriesBelow(root: number, ours = new ProcessGroups()): ProcessEntry[] {
  const processes = readProcesses()
  const groups = ours.look(processes)
  const below = new Set([root])
  // Parents may come after their children in the table, so it is gone through until nothing is added.
  for (let size = 0; size !== below.size; ) {
    size = below.size
    for (const {pid, parent, group} of processes) {
      if (below.has(parent) || groups.has(group)) below.add(pid)
    }
  }
  return processes.filter(({pid, zombie}) => pid !== root && !zombie && below.has(pid))
}

/** The command line of a process, its arguments joined by spaces; undefined where it is not visible. */
export function commandLineOf(pid: number): string | undefined {
  try {
    const text =
      process.platform === 'linux'
        ? readCommandLine(pid)
        : execFileSync('ps', ['-o', 'command=', '-p', String(pid)], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
            ...limitsInSync,
          }).slice(0, longestCommand)
    return text.trim() === '' ? undefined : text.trim()
  } catch {
    return undefined
  }
}
