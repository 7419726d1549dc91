/** A machine, or a chroot, in which nobody has mounted /proc. */
import {spawnSync} from 'node:child_process'

const mounting = ['sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh']
const ways = [
  ['unshare', '-Urm', ...mounting],
  ...(process.getuid?.() === 0 ? [['unshare', '-m', ...mounting]] : []),
]

/** The program and arguments that run a command without /proc; empty where there are none. */
export const withoutProc: string[] =
  (process.platform === 'linux' ? ways.find(works) : undefined) ?? []

export const withoutProcProblem =
  withoutProc.length === 0 ? '/proc cannot be taken away here' : undefined

function works([command = '', ...args]: string[]): boolean {
  return spawnSync(command, [...args, 'true']).status === 0
}
