import type {Holder} from '../platforms/socket-holders.ts'
import {printable} from '../text.ts'
import type {Remaining} from './remaining.ts'

const longestCommand = 80

/** `process 4711 (user www-data, "python3 server.py")`. */
export function holderWords({pid, uid, user, command}: Holder): string {
  const owner = user ?? (uid === null ? 'unknown' : `uid ${uid}`)
  return `process ${pid} (user ${owner}, "${shortCommand(command)}")`
}

/** A command line of no more than a line, without the breaks that a script on it may have. */
export function shortCommand(command: string): string {
  const line = printable(command).replace(/\s+/g, ' ').trim()
  return line.length > longestCommand ? `${line.slice(0, longestCommand)}...` : line
}

/** `41 to 44 s`, in whole seconds, the earliest rounded down and the latest up. */
export function remainingWords([min, max]: Remaining): string {
  const [from, to] = [Math.floor(min), Math.max(1, Math.ceil(max))]
  return from === 0 ? `at most ${to} s` : from === to ? `${to} s` : `${from} to ${to} s`
}

/** A path as it can be pasted into a shell. */
export function shellWord(path: string): string {
  return /^[\w./@%+=:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}

/** `127.0.0.1:8080`, `[::1]:8080`. */
export function endWords({address, port}: {address: string; port: number}): string {
  return `${address.includes(':') ? `[${address}]` : address}:${port}`
}
