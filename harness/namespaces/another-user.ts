import {execFile} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {promisify} from 'node:util'
import {passEnvironment, type Through} from './ways.ts'

/** `nobody`, by Debian's and most other systems' numbers, or the one before: any user but our own. */
export const anotherUser = process.getuid?.() === 65_534 ? 65_533 : 65_534

/** What becomes another user needs these rights of root's, and no others. */
const confined = ['setpriv', '--no-new-privs', '--bounding-set=-all,+setuid,+setgid', '--'] as const

const timeout = 10_000
let problem: Promise<string | undefined> | undefined

/** Why no process of another user can be started here; undefined where one can. Looked for once. */
export function anotherUserProblem(): Promise<string | undefined> {
  problem ??= isRoot() ? Promise.resolve(problemOfRoot()) : problemOfSudo()
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

/** CAP_SETGID and CAP_SETUID of include/uapi/linux/capability.h. */
const capabilities = (1n << 6n) | (1n << 7n)

/** By what /proc says of this process, as no program is sure to be there that another user could try. */
function problemOfRoot(): string | undefined {
  const {uids, gids, effective} = ownRights()
  const isThere = [uids, gids].every((map) => map === undefined || isMapped(map, anotherUser))
  const isAllowed = effective === undefined || (effective & capabilities) === capabilities
  // E.g. a namespace in which root is the only user, or a container without these rights.
  return isThere && isAllowed ? undefined : `user ${anotherUser} is not available here`
}

function ownRights(): {uids?: string; gids?: string; effective?: bigint} {
  try {
    const [, effective] =
      /^CapEff:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    return {
      uids: readFileSync('/proc/self/uid_map', 'utf8'),
      gids: readFileSync('/proc/self/gid_map', 'utf8'),
      ...(effective === undefined ? {} : {effective: BigInt(`0x${effective}`)}),
    }
  } catch {
    // macOS has neither namespaces of users nor capabilities.
    return {}
  }
}

/** Whether the text of /proc/PID/uid_map has a number: lines of `first, first outside, how many` (user_namespaces(7)). */
export function isMapped(map: string, id: number): boolean {
  return map.split('\n').some((line) => {
    const [first = Number.NaN, , count = 0] = line.trim().split(/\s+/).map(Number)
    return id >= first && id < first + count
  })
}

async function problemOfSudo(): Promise<string | undefined> {
  try {
    await promisify(execFile)('sudo', ['-n', 'true'], {timeout})
    return undefined
  } catch {
    return 'needs a second user: root, or sudo without a password'
  }
}
