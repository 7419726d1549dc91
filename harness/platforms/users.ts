import {readFileSync} from 'node:fs'

let users: Map<number, string> | undefined

/** The name of a user that /etc/passwd knows. */
export function userName(uid: number): string | null {
  users ??= readUsers()
  return users.get(uid) ?? null
}

function readUsers(): Map<number, string> {
  try {
    return parsePasswd(readFileSync('/etc/passwd', 'utf8'))
  } catch {
    return new Map()
  }
}

/** The names of all users by uid, as /etc/passwd has them (passwd(5)); a malformed line is passed over. */
export function parsePasswd(text: string): Map<number, string> {
  const rows = text
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name, , uid]) => name !== '' && /^\d+$/.test(uid ?? ''))
  // The first of several names of a uid is the one that getpwuid(3) gives.
  return new Map(rows.reverse().map(([name = '', , uid]) => [Number(uid), name]))
}
