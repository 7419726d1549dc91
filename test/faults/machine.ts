/** What stands between a test and a machine that is not as usual: programs that start the command line in it. */
import {spawnSync} from 'node:child_process'

/** In a mount namespace of its own; as an ordinary user, in a user namespace of which it is root. */
const ownMounts: readonly string[] = [
  'unshare',
  process.getuid?.() === 0 ? '-m' : '-Urm',
  '--propagation',
  'private',
]

const [program = '', ...options] = ownMounts
export const mountProblem =
  process.platform === 'linux' &&
  spawnSync(program, [...options, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
    ? undefined
    : 'nothing can be mounted'

/** Starts a command after a shell has done something to the machine that it sees. */
export function after(preparation: string, ...parameters: string[]): string[] {
  const count = parameters.length
  const script = `${preparation}; shift ${count}; exec "$@"`
  return ['sh', '-c', script, 'sh', ...parameters]
}

/** The same, where mounts are seen by that command alone, and gone with it. */
export function afterMounting(preparation: string, ...parameters: string[]): string[] {
  return [...ownMounts, ...after(preparation, ...parameters)]
}
