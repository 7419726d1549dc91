import {runProgram, usualLimits} from './run-program.ts'
import {
  type Holder,
  type HoldersOfSockets,
  longestCommand,
  parentsFirst,
  type UnixSocketReader,
} from './socket-holders.ts'
import type {SocketEntry} from './socket-table.ts'

/** One file of a process, as `lsof -F` tells of it. */
export interface LsofFile {
  pid: number
  parent: number | null
  uid: number | null
  user: string | null
  /** The program's name, cut off by lsof. */
  program: string
  /** `127.0.0.1:8080`, `127.0.0.1:8080->127.0.0.1:51234`, or a path. */
  name: string
  /** `LISTEN`, `ESTABLISHED` ...; absent for what is not a TCP socket. */
  state?: string
}

/**
 * Who has the sockets of the port open, from `lsof -nP -iTCP:PORT`, for an OS without /proc. An
 * ordinary user is shown no other user's processes, and lsof does not say how many it left out.
 */
export async function readLsofHolders(
  port: number | undefined,
  _sockets?: readonly SocketEntry[],
  limits = usualLimits,
): Promise<HoldersOfSockets> {
  const which = port === undefined ? ['-iTCP', '-sTCP:LISTEN'] : [`-iTCP:${port}`]
  const files = await lsof(['-nP', ...which], limits)
  const holders = await withCommandLines(files)
  const byName = new Map<string, Holder[]>()
  for (const [index, {name}] of files.entries()) {
    const holder = holders[index]
    const known = byName.get(name) ?? []
    if (holder === undefined || known.some(({pid}) => pid === holder.pid)) continue
    byName.set(name, [...known, holder])
  }
  return {
    of: (socket) => parentsFirst(namesOf(socket).flatMap((name) => byName.get(name) ?? [])),
    unseenProcesses: null,
  }
}

/** The Unix sockets that are bound to the path; lsof does not tell which of them listen. */
export const readLsofUnixSockets: UnixSocketReader = async (path) => {
  // Linux's lsof appends the type: ` type=STREAM`.
  const files = (await lsof(['-nP', '-U'])).filter(
    ({name}) => name === path || name.startsWith(`${path} type=`),
  )
  // A server's accepted connections have its path, too.
  const servers = [...new Map(files.map((file) => [file.pid, file])).values()]
  const holders = await withCommandLines(servers)
  return {
    sockets: holders.length === 0 ? [] : [{listening: true, holders}],
    unseenProcesses: null,
  }
}

/** The working directories of processes. */
export async function readLsofFolders(pids: readonly number[]): Promise<Map<number, string>> {
  if (pids.length === 0) return new Map()
  const files = await lsof(['-a', '-d', 'cwd', '-p', pids.join(',')])
  return new Map(files.map(({pid, name}) => [pid, name]))
}

/** lsof ends with 1 when it has found nothing, and also when it could not look everywhere. */
async function lsof(args: string[], limits = usualLimits): Promise<LsofFile[]> {
  const env = {LC_ALL: 'C', PATH: searchPath()}
  const {status, stdout, stderr} = await runProgram(
    'lsof',
    ['-w', ...args, '-F', 'pRcuLfnT'],
    env,
    limits,
  )
  if (status !== 0 && status !== 1) {
    throw new Error(`lsof ended with status ${status}: ${stderr.trim().split('\n')[0]}`)
  }
  return parseLsof(stdout)
}

/** lsof is in /usr/sbin on macOS, which not every PATH has. */
function searchPath(): string {
  return `${process.env.PATH ?? ''}:/usr/sbin:/usr/bin:/bin`
}

/** Parses `lsof -F pRcuLfnT`: a line a field, `p` begins a process and `f` a file (lsof(8), OUTPUT FOR OTHER PROGRAMS). */
export function parseLsof(text: string): LsofFile[] {
  const files: LsofFile[] = []
  const nobody: Omit<LsofFile, 'name'> = {pid: 0, parent: null, uid: null, user: null, program: ''}
  let owner = nobody
  for (const line of text.split('\n')) {
    const [field, value] = [line[0], line.slice(1)]
    const file = files.at(-1)
    if (field === 'p') owner = {...nobody, pid: Number(value)}
    else if (field === 'R') owner.parent = Number(value)
    else if (field === 'c') owner.program = value
    else if (field === 'u') owner.uid = Number(value)
    else if (field === 'L') owner.user = value
    else if (field === 'f') files.push({...owner, name: ''})
    else if (field === 'n' && file !== undefined) file.name = value
    else if (field === 'T' && value.startsWith('ST=') && file !== undefined) {
      file.state = value.slice(3)
    }
  }
  return files.filter(({pid, name}) => pid > 0 && name !== '')
}

/** The command lines, which lsof does not know, from ps. */
async function withCommandLines(files: readonly LsofFile[]): Promise<Holder[]> {
  const wanted = [...new Set(files.map(({pid}) => pid))]
  const commands = new Map<number, string>()
  if (wanted.length > 0) {
    const args = ['-ww', '-o', 'pid=,command=', '-p', wanted.join(',')]
    // A process that has ended meanwhile makes ps fail; the others are printed all the same.
    const {stdout} = await runProgram('ps', args).catch(() => ({stdout: ''}))
    for (const line of stdout.split('\n')) {
      const match = /^\s*(\d+) (.*)$/.exec(line)
      if (match !== null) commands.set(Number(match[1]), (match[2] ?? '').slice(0, longestCommand))
    }
  }
  return files.map(({pid, parent, uid, user, program}) => ({
    pid,
    parent,
    uid,
    user,
    command: commands.get(pid) ?? program,
  }))
}

/** How lsof may write the socket: `*` for a wildcard, brackets around IPv6. */
function namesOf({state, local, remote}: SocketEntry): string[] {
  const hosts = (address: string) => {
    const literal = address.includes(':') ? `[${address}]` : address
    return address === '0.0.0.0' || address === '::' ? ['*', literal] : [literal]
  }
  const locals = hosts(local.address).map((host) => `${host}:${local.port}`)
  if (state === 'LISTEN' || remote.port === 0) return locals
  return locals.flatMap((end) =>
    hosts(remote.address).map((host) => `${end}->${host}:${remote.port}`),
  )
}
