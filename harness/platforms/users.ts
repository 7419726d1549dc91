import {readFileSync} from 'node:fs'

let users: Map<number, string> | undefined

/** The name of a user that /etc/passwd knows. */
export function userName(uid: number): string | null {
  users ??= readUsers()
  return users.get(uid) ?? null
}

function readUsers(): Map<number, string> {
  try {
    const rows = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .filter(([name, , uid]) => name !== '' && /^\d+$/.test(uid ?? ''))
    // The first of several names of a uid is the one that getpwuid(3) gives.
    return new Map(rows.reverse().map(([name = '', , uid]) => [Number(uid), name]))
  } catch {
    return new Map()
  }
}
