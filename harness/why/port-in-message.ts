import {isIP} from 'node:net'
import {refusalIn} from '../explain/messages.ts'
import type {Address} from '../sockets/address.ts'
import {withoutEscapes} from '../text.ts'

/** What was refused: a port, with its address if the message has one of this machine's kind, or a Unix socket. */
export type Refused = {port: number; address?: Address} | {path: string}

/** Longer lines are data, not messages. */
const longestLine = 4096

/** What the operating systems and Docker call it; their words stand in whatever else a program writes. */
const inUse =
  /EADDRINUSE|address (?:is )?already in use|only one usage of each socket address|port is already allocated/i

/** Refused for a reason that concerns no other program: the folder of a path is missing, for example (Go). */
const otherReasons: readonly RegExp[] = [/\blisten (?:tcp[46]?|unix) (?<end>\S+): bind: /]

/** Where such a line has a port. */
const anywhere: readonly RegExp[] = [
  /(?:^|[\s"'(=/])(?<end>(?:\[[\da-f:.]+\]|(?:\d{1,3}\.){3}\d{1,3}|localhost|\*|):\d{1,5})(?!\d)/,
  /\bport[ :=]{1,2}(?<port>\d{1,5})\b/i,
]

/** What the messages in a text say was refused, each once, in their order; and whether any says that something was. */
export function refusedIn(text: string): {refused: Refused[]; saysInUse: boolean} {
  const found = new Map<string, Refused>()
  let saysInUse = false
  for (const raw of text.split('\n')) {
    if (raw.length > longestLine) continue
    const line = withoutEscapes(raw)
    const isInUse = inUse.test(line)
    if (isInUse) saysInUse = true
    const refused = inTable(line) ?? firstIn(line, isInUse ? anywhere : otherReasons)
    if (refused !== undefined) found.set(JSON.stringify(refused), refused)
  }
  return {refused: [...found.values()], saysInUse}
}

/** By the table of messages that `explain` and `check` go by, too. */
function inTable(line: string): Refused | undefined {
  const {path = null, port = null, address = null} = refusalIn(line) ?? {}
  if (path !== null) return {path}
  return port === null ? undefined : refusedEnd(`${address ?? ''}:${port}`)
}

function firstIn(line: string, patterns: readonly RegExp[]): Refused | undefined {
  for (const pattern of patterns) {
    const groups = pattern.exec(line)?.groups
    if (groups === undefined) continue
    const {end = `${groups.address ?? ''}:${groups.port}`} = groups
    const refused = refusedEnd(end)
    if (refused !== undefined) return refused
  }
  return undefined
}

/** `0.0.0.0:80/tcp`, `http://[::1]:80`, `:::80`, `*:80`, `null:80`, `/run/a.sock`, `unix:/run/a.sock`. */
function refusedEnd(end: string): Refused | undefined {
  const [, path] = /^(?:unix:)?(\/[^/].*)$/.exec(end) ?? []
  if (path !== undefined) return {path: path.replace(/[,:;.]$/, '')}
  const [, host = '', digits] = /^(?:.*\/)?([^/]*):(\d{1,5})(?:\/tcp)?[,:;.)]?$/.exec(end) ?? []
  const port = Number(digits)
  if (digits === undefined || port < 1 || port > 65_535) return undefined
  const address = host.replace(/^\[(.*)\]$/, '$1')
  // One with a zone cannot be tried.
  if (isIP(address) === 0 || address.includes('%')) return {port}
  // Most programs leave IPV6_V6ONLY off.
  return {port, address: address === '::' ? 'dual' : address}
}
