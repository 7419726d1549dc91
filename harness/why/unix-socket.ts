import {constants} from 'node:fs'
import {access, lstat, realpath} from 'node:fs/promises'
import {connect} from 'node:net'
import {basename, dirname, join, resolve} from 'node:path'
import type {Host} from '../documents/report-schema.ts'
import type {Advice, Cause, WhyPath} from '../documents/why-schema.ts'
import {ruleTexts} from '../platforms/detect.ts'
import type {Platform} from '../platforms/platform.ts'
import {generalRules} from '../platforms/rule-table.ts'
import type {Holder, UnixSocketEntry} from '../platforms/socket-holders.ts'
import {withDetails} from '../processes/process-details.ts'
import {processFields} from './process-fields.ts'
import {leaveAlone, type Protections, protectionsOf} from './protection.ts'
import {holderWords, shellWord} from './words.ts'

/** What is at the path, and what a client would get there. */
type PathState =
  | 'free'
  | 'no-folder'
  | 'no-permission'
  | 'too-long'
  | 'not-a-socket'
  | 'live'
  | 'not-listening'
  | 'left-behind'
  | 'closed-to-us'

/** How long a server may take to let a connection into its queue, which takes no act of its own. */
const connectWithinMilliseconds = 500
/** sun_path of struct sockaddr_un, less its final 0: 108 bytes on Linux (unix(7)), 104 on macOS. */
const longestPath = process.platform === 'linux' ? 107 : 103

/**
 * Why a Unix socket can or cannot be bound to the path. No bind is tried, because a granted one would make
 * the file; whatever is at the path refuses it (EADDRINUSE; net/unix/af_unix.c: unix_bind_bsd). A socket
 * is asked whether it is alive by connecting once and closing.
 */
export async function explainPath(given: string, platform: Platform, host: Host): Promise<WhyPath> {
  const path = await realFolder(resolve(given))
  let problem: string | undefined
  const visible = await platform.readUnixSockets?.(path).catch((error: Error) => {
    problem = error.message
    return undefined
  })
  const bound = visible?.sockets ?? []
  const state = await stateOf(path, given, bound)
  const holders = await withDetails(bound.flatMap((socket) => socket.holders))
  const unseen =
    problem !== undefined && state !== 'free'
      ? [`Which process has the socket could not be looked up: ${problem}.`]
      : bound.some((socket) => socket.holders.length === 0) && process.geteuid?.() !== 0
        ? ['Which process has the socket could not be seen: it is of another user; root can.']
        : []
  const uid = process.geteuid?.() ?? null
  const protections = protectionsOf(holders, {platform, port: null, uid})
  const causes = causeOf(state, path, holders, bound)
  return {
    format: 'rebind-why',
    version: 1,
    host,
    path,
    bindable: state === 'free',
    processes: holders.map(processFields),
    causes,
    advice: adviceOf(state, path, holders, bound, protections),
    rules: ruleTexts(
      platform.rules,
      causes.flatMap(({rule}) => rule ?? []),
    ),
    unseen,
  }
}

/** The folder's own name, as the socket's path is in the kernel's table; the last part may be a link itself. */
async function realFolder(path: string): Promise<string> {
  return join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path))
}

async function stateOf(
  path: string,
  given: string,
  bound: readonly UnixSocketEntry[],
): Promise<PathState> {
  if (Math.min(Buffer.byteLength(path), Buffer.byteLength(given)) > longestPath) return 'too-long'
  try {
    const file = await lstat(path)
    if (!file.isSocket()) return 'not-a-socket'
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') return 'no-permission'
    return stateOfFolder(dirname(path))
  }
  const answer = await tryConnect(Buffer.byteLength(path) <= longestPath ? path : given)
  if (answer === 'EACCES' || answer === 'EPERM') return 'closed-to-us'
  if (answer !== 'ECONNREFUSED') return 'live'
  return bound.some(({listening}) => !listening) ? 'not-listening' : 'left-behind'
}

async function stateOfFolder(folder: string): Promise<PathState> {
  try {
    if (!(await lstat(folder)).isDirectory()) return 'no-folder'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'no-permission' : 'no-folder'
  }
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return 'free'
  } catch {
    return 'no-permission'
  }
}

/**
 * Connects and closes at once.
 * @returns `connected`, or the error's code. A full queue (EAGAIN), a socket of another type (EPROTOTYPE)
 * and silence (ETIMEDOUT) are signs of life, too.
 */
function tryConnect(path: string): Promise<string> {
  return new Promise((done) => {
    const socket = connect({path})
    const end = (answer: string) => {
      socket.destroy()
      done(answer)
    }
    socket.setTimeout(connectWithinMilliseconds, () => end('ETIMEDOUT'))
    socket.once('connect', () => end('connected'))
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? 'EIO'))
  })
}

function who(holders: readonly Holder[]): string {
  const [first] = holders
  if (first === undefined) return 'a process that we may not look into'
  const others = [...new Set(holders.map(({pid}) => pid))].length - 1
  return `${holderWords(first)}${others > 0 ? ` (and ${others} more)` : ''}`
}

function causeOf(
  state: PathState,
  path: string,
  holders: readonly Holder[],
  bound: readonly UnixSocketEntry[],
): Cause[] {
  const exists = {rule: 'path-exists', ...generalRules['path-exists']}
  switch (state) {
    case 'free':
      return []
    case 'live':
      return [
        {
          kind: 'unix-listener',
          text: `A server is running on ${path}: ${bound.length === 0 ? 'it answers, but which process it is could not be seen' : who(holders)}.`,
          ...exists,
        },
      ]
    case 'not-listening':
      return [
        {
          kind: 'unix-not-listening',
          text: `${path} is bound, but does not take connections: ${who(holders)} has it and does not listen (yet).`,
          ...exists,
        },
      ]
    case 'left-behind':
      return [
        {
          kind: 'unix-left-behind',
          text: `${path} was left behind: the file is there, but no server is (ECONNREFUSED). Unlike a TCP port, a Unix socket's file stays when its server ends without removing it, until somebody does.`,
          ...exists,
        },
      ]
    case 'not-a-socket':
      return [
        {
          kind: 'unix-not-a-socket',
          text: `${path} is in the way, and it is not a socket: it is another kind of file, a folder or a link.`,
          ...exists,
        },
      ]
    case 'closed-to-us':
      return [
        {
          kind: 'unix-no-permission',
          text: `${path} exists, and we are not permitted to connect to it, so whether a server is there could not be found out${bound.some(({listening}) => listening) ? '; the kernel lists one that listens there' : ''}. A bind is refused in either case.`,
          ...exists,
        },
      ]
    case 'no-permission':
      return [
        {
          kind: 'unix-no-permission',
          text: `A socket cannot be made at ${path}: we are not permitted to write to ${dirname(path)} or to look into it (EACCES).`,
        },
      ]
    case 'no-folder':
      return [
        {
          kind: 'unix-no-folder',
          text: `A socket cannot be made at ${path}: there is no folder ${dirname(path)} (ENOENT).`,
        },
      ]
    case 'too-long':
      return [
        {
          kind: 'other-error',
          text: `A socket cannot be made at ${path}: the path has ${Buffer.byteLength(path)} bytes, and the address of a Unix socket holds ${longestPath}.`,
        },
      ]
  }
}

function adviceOf(
  state: PathState,
  path: string,
  holders: readonly Holder[],
  bound: readonly UnixSocketEntry[],
  protections: Protections,
): Advice[] {
  switch (state) {
    case 'free':
      return [
        {kind: 'start', text: 'Start the server: nothing is at the path, and it can be made.'},
        ...(bound.some(({listening}) => listening)
          ? [
              {
                kind: 'note' as const,
                text: `An old server still listens on a file of this name that was removed since: ${who(holders)}. It is in nobody's way, and no new client reaches it.`,
              },
            ]
          : []),
      ]
    case 'live':
    case 'not-listening': {
      const processes = new Map(holders.map((holder) => [holder.pid, holder]))
      return processes.size === 0
        ? [
            {
              kind: 'look-as-root',
              text:
                process.geteuid?.() === 0
                  ? 'The process is not visible from here: look on the host, or in the container that shares this folder.'
                  : `Ask again as root to see which process it is: sudo rebind why ${shellWord(path)}.`,
            },
          ]
        : [...processes.values()].map((holder) => stopAdvice(holder, protections))
    }
    case 'left-behind':
      return [
        {
          kind: 'unlink',
          text: `Remove the file (rm -- ${shellWord(path)}), or let the server do it before bind: connect first, and unlink only if that gets ECONNREFUSED, so that it does not take a running server's file.`,
        },
      ]
    case 'not-a-socket':
      return [
        {kind: 'check-path', text: 'Look what it is (ls -ld), and give the server another path.'},
      ]
    case 'closed-to-us':
      return [
        {
          kind: 'look-as-root',
          text: `Ask again as its owner or as root: sudo rebind why ${shellWord(path)}.`,
        },
      ]
    case 'no-permission':
      return [
        {
          kind: 'check-path',
          text: `Let the server run as a user who may write to ${dirname(path)}, or give it a folder of its own (/run/NAME; RuntimeDirectory= in systemd).`,
        },
      ]
    case 'no-folder':
      return [
        {
          kind: 'check-path',
          text: `Make the folder before the server starts (mkdir -p -- ${shellWord(dirname(path))}); /run is empty after a reboot.`,
        },
      ]
    case 'too-long':
      return [{kind: 'check-path', text: 'Give the server a shorter path, e.g. below /run.'}]
  }
}

function stopAdvice(holder: Holder, protections: Protections): Advice {
  const {pid} = holder
  const protection = protections.get(pid)
  if (protection !== undefined) return leaveAlone(holder, protection)
  return {
    kind: 'stop-process',
    pid,
    text: `Stop process ${pid} (kill ${pid}); if it does not remove the file at its end, remove it then. Do not remove the file of a running server: its clients would no longer find it.`,
  }
}
