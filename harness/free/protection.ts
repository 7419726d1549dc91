import {readFileSync, readlinkSync} from 'node:fs'
import type {LeftAlone} from '../documents/free-schema.ts'
import type {Stack} from '../platforms/platform.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {proxyOf} from '../why/proxies.ts'
import {holderWords} from '../why/words.ts'
import {type Container, containerOf, isInOtherPidNamespace, publishersOf} from './containers.ts'
import {baseName, isContainerRuntime, isEditor, isSession} from './names.ts'

/** Who asks, and about which port. */
export interface Asking {
  port: number
  stack: Stack
  /** The effective user; null where the OS has none. */
  uid: number | null
  /** This process, and those that it descends from. */
  ancestors: ReadonlySet<number>
}

/** Why a process must not be ended; undefined if it may. */
export async function protectionOf(
  holder: Holder,
  {port, stack, uid, ancestors}: Asking,
): Promise<LeftAlone | undefined> {
  const {pid, command} = holder
  const left = (kind: LeftAlone['kind'], why: string): LeftAlone => ({
    ...{kind, pid, command},
    because: `${holderWords(holder)} is left alone: ${why}`,
  })
  const names = namesOf(pid, command)
  if (ancestors.has(pid)) return left('ancestor', 'it has started this command')
  if (pid === 1) {
    const how = 'stop the service or socket unit instead (systemctl list-sockets shows it)'
    return left('init', `it is the first process of this system; ${how}`)
  }
  if (proxyOf(holder) !== undefined || isContainerRuntime(names)) {
    return left('container', publishedWords(await publishersOf(port), port))
  }
  // gVisor has a number of its own for each process.
  if (stack === 'linux' && isInOtherPidNamespace(pid)) {
    return left('container', insideWords(containerOf(pid)))
  }
  if (isEditor(names, command)) {
    return left('editor', 'it is an editor; close what listens there, or quit it')
  }
  if (isSession(names)) {
    return left('session', "somebody's login, desktop or terminal depends on it")
  }
  if (uid !== 0 && uid !== null && holder.uid !== null && holder.uid !== uid) {
    return left('other-user', `it is another user's; as root: sudo rebind free ${port}`)
  }
  return undefined
}

function publishedWords(containers: readonly Container[], port: number): string {
  const [first] = containers
  if (first === undefined) {
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

/** All that a process is called. */
function namesOf(pid: number, command: string): string[] {
  const [first = ''] = command.split(' ')
  const read = (file: string, get: (path: string) => string) => {
    try {
      return [baseName(get(`/proc/${pid}/${file}`).trim())]
    } catch {
      // Not Linux, not ours, or it has ended.
      return []
    }
  }
  return [
    baseName(first),
    ...read('comm', (path) => readFileSync(path, 'utf8')),
    ...read('exe', (path) => readlinkSync(path)),
  ]
}
