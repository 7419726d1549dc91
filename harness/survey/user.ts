import {execFileSync} from 'node:child_process'
import {anybodyMayRun, findProgram} from './programs.ts'

/** `nobody`, by Debian's and most other systems' numbers. */
const nobody = 65_534

/** The user that servers run as instead of root. */
export interface ServerUser {
  uid: number
  gid: number
  /** What a command of that user begins with. It becomes the command, so that its pid is the server's. */
  through: readonly string[]
}

/**
 * Who the servers run as: null if as whoever runs the survey, who then is not root.
 * Every local user can connect to a server, and what is wrong with it must not be worth root.
 */
export type ServersRunAs = {user: ServerUser | null} | {problem: string}

/** Finds out whether this process is root, and whether it can start commands as somebody else. */
export function serversRunAs(): ServersRunAs {
  if (process.getuid?.() !== 0) return {user: null}
  const without = `servers do not run as root, and user ${nobody} is not available instead`
  const setpriv = findProgram('setpriv', anybodyMayRun)
  if (setpriv === undefined)
    return {problem: `${without}: setpriv is not installed (package util-linux)`}
  const ids = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
  const through = [setpriv, ...ids, '--inh-caps=-all', '--no-new-privs', '--']
  try {
    const [program = '', ...args] = [...through, setpriv, '--version']
    execFileSync(program, args, {stdio: 'ignore', timeout: 10_000})
  } catch {
    // E.g. a namespace in which root is the only user.
    return {problem: `${without}: setpriv is not allowed to change to it`}
  }
  return {user: {uid: nobody, gid: nobody, through}}
}
