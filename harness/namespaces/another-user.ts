import {execFile} from 'node:child_process'
import {promisify} from 'node:util'
import {passEnvironment, type Through} from './ways.ts'

/** `nobody`, by Debian's and most other systems' numbers; elsewhere a user like any other. */
export const anotherUser = 65_534

/** What becomes another user needs these rights of root's, and no others. */
const confined = ['setpriv', '--no-new-privs', '--bounding-set=-all,+setuid,+setgid', '--'] as const

const timeout = 10_000
let problem: Promise<string | undefined> | undefined

/** Why no process of another user can be started here; undefined where one can. Looked for once. */
export function anotherUserProblem(): Promise<string | undefined> {
  problem ??= isRoot() ? problemOfRoot() : problemOfSudo()
  return problem
}

/** What starts a process that may become another user; undefined where all of ours may. */
export function throughRoot(os = process.platform): Through | undefined {
  if (isRoot()) return undefined
  return ['sudo', '-n', '--', ...(os === 'linux' ? confined : []), ...passEnvironment]
}

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

async function problemOfRoot(): Promise<string | undefined> {
  try {
    await promisify(execFile)('true', {uid: anotherUser, gid: anotherUser, cwd: '/', timeout})
    return undefined
  } catch {
    // E.g. a namespace in which root is the only user.
    return `user ${anotherUser} is not available here`
  }
}

async function problemOfSudo(): Promise<string | undefined> {
  try {
    await promisify(execFile)('sudo', ['-n', 'true'], {timeout})
    return undefined
  } catch {
    return 'needs a second user: root, or sudo without a password'
  }
}
