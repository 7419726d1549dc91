/** What stands between a test and a machine that is not as usual: programs that start the command line in it. */
import {spawnSync} from 'node:child_process'
import {projectFolder} from '../commands/cli.ts'
import {missingProgram} from '../needs.ts'

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
    : 'mounting is not allowed'

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

/** The number of the user nobody, who owns nothing and has no process. */
const nobody = 65_534
const becomeNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']

/**
 * Options of startCli that start it as the user nobody. It is mounted where everybody may look: a checkout often
 * lies in a folder that only its owner may enter, as home folders are.
 */
export const asNobody = {
  launcher: [...afterMounting('mount --bind "$1" /mnt', projectFolder), ...becomeNobody],
  commandLine: [process.execPath, '/mnt/dist/harness/cli.js'],
  cwd: '/',
}

/** Runs a program as the user nobody. */
export function runAsNobody(command: readonly string[]): number | null {
  const [program = '', ...args] = [...becomeNobody, ...command]
  return spawnSync(program, args, {stdio: 'ignore'}).status
}

function commandLineProblem(): string | undefined {
  const [program = '', ...args] = [...asNobody.launcher, ...asNobody.commandLine, '--version']
  const {status} = spawnSync(program, args, {cwd: asNobody.cwd, stdio: 'ignore'})
  return status === 0 ? undefined : 'the user nobody cannot read this checkout, or Node'
}

export const nobodyProblem =
  process.getuid?.() === 0
    ? (mountProblem ?? missingProgram('setpriv') ?? commandLineProblem())
    : 'only root can run a program as another user'
