import {readlinkSync} from 'node:fs'
import type {LeftAlone} from '../documents/free-schema.ts'
import type {Advice} from '../documents/why-schema.ts'
import type {Platform} from '../platforms/platform.ts'
import {readCommandWords} from '../platforms/proc-processes.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {ancestorsOf} from '../processes/process-details.ts'
import {readProcesses} from '../processes/process-table.ts'
import {type Container, containerOf, isInOtherPidNamespace} from './containers.ts'
import {editorIn, isContainerRuntime, isPm2, isSession, type Program, programOf} from './names.ts'
import {proxyOf} from './proxies.ts'
import {holderWords} from './words.ts'

/** Why a process must not be ended, with what to do instead. */
export interface Protection {
  kind: LeftAlone['kind']
  because: string
  /** It publishes ports of containers; their runtimes know of which. */
  publishes?: true
}

export type Protections = ReadonlyMap<number, Protection>

/** What is asked about. */
interface Asked {
  platform: Pick<Platform, 'stack'>
  /** Null for a Unix socket. */
  port: number | null
  /** The effective user; null where the OS has none. */
  uid: number | null
}

/** Which of these processes must not be ended, by their pids. */
export function protectionsOf(holders: readonly Holder[], asked: Asked): Protections {
  if (holders.length === 0) return new Map()
  const table = new Map(readProcesses().map((entry) => [entry.pid, entry]))
  const own = new Set([process.pid, ...ancestorsOf(process.pid, table).map(({pid}) => pid)])
  return new Map(
    holders.flatMap((holder) => {
      const protection = protectionOf(holder, own, asked)
      return protection === undefined ? [] : [[holder.pid, protection]]
    }),
  )
}

/** @param own the pids of this process and of those that it descends from */
function protectionOf(
  holder: Holder,
  own: ReadonlySet<number>,
  {platform, port, uid}: Asked,
): Protection | undefined {
  const {pid} = holder
  if (own.has(pid)) {
    return {kind: 'ancestor', because: 'it has started this command; close what it has open there'}
  }
  if (pid === 1) {
    const how = 'stop the service or socket unit instead (systemctl list-sockets shows it)'
    return {kind: 'init', because: `it is the first process of this system; ${how}`}
  }
  const program = readProgram(holder)
  if (proxyOf(holder) !== undefined || isContainerRuntime(program)) {
    return {kind: 'container', because: publishedWords([], port), publishes: true}
  }
  // gVisor has a number of its own for each process.
  if (platform.stack === 'linux') {
    // Some have the host's pids (docker run --pid=host).
    const container = containerOf(pid)
    if (container !== undefined || isInOtherPidNamespace(pid)) {
      return {kind: 'container', because: insideWords(container)}
    }
  }
  const editor = editorIn(program)
  if (editor !== undefined) {
    const how = 'close what listens there, or quit it'
    return {kind: 'editor', because: `it looks like an editor (${editor}); ${how}`}
  }
  if (isSession(program)) {
    return {kind: 'session', because: "somebody's login, desktop or terminal depends on it"}
  }
  if (isPm2(holder.command)) {
    const how = 'stop the one that listens: pm2 list shows them, and pm2 stop NAME stops one'
    return {kind: 'supervisor', because: `it keeps the sockets of all apps that it runs; ${how}`}
  }
  if (uid !== 0 && uid !== null && holder.uid !== null && holder.uid !== uid) {
    const how = port === null ? 'ask them, or root' : `as root: sudo rebind free ${port}`
    return {kind: 'other-user', because: `it is another user's; ${how}`}
  }
  return undefined
}

/** @param containers those that publish the port, as far as it is known */
export function publishedWords(containers: readonly Container[], port: number | null): string {
  if (port === null) return 'it runs containers; stop those, or its service'
  if (containers.length === 0) {
    return `it publishes the port of a container; docker ps --filter publish=${port}, or podman ps, shows which, and docker stop NAME, or podman stop NAME, stops it`
  }
  const stops = containers.map(({stop}) => stop).join('; ')
  return `it publishes the port of container ${containers.map(({name}) => name).join(', ')}; stop that instead: ${stops}`
}

function insideWords(container: Container | undefined): string {
  return container === undefined
    ? 'it runs in a container or sandbox (another pid namespace); stop that instead'
    : `it runs in container ${container.name}; stop that instead: ${container.stop}`
}

/** The advice about a process that must not be ended. */
export function leaveAlone(holder: Holder, {kind, because}: Protection): Advice {
  const text = `Leave ${holderWords(holder)} alone: ${because}.`
  return kind === 'container'
    ? {kind: 'stop-container', pid: holder.pid, text}
    : {kind: 'note', text}
}

function readProgram({pid, command}: Holder): Program {
  const read = <Value>(get: () => Value) => {
    try {
      return get()
    } catch {
      // Not Linux, not ours, or it has ended.
      return undefined
    }
  }
  const words = read(() => readCommandWords(pid)) ?? command.split(' ')
  return programOf(
    read(() => readlinkSync(`/proc/${pid}/exe`)),
    words,
  )
}
