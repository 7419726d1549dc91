import {isIP} from 'node:net'
import type {Address} from '../sockets/address.ts'
import {withoutEscapes} from '../text.ts'

/** What was refused: a port, with its address if the message has one of this machine's kind, or a Unix socket. */
export type Refused = {port: number; address?: Address} | {path: string}

/** Longer lines are data, not messages. */
const longestLine = 4096

/**
 * What programs write when they do not get their port. A pattern finds the whole end (`127.0.0.1:80`, `:::80`,
 * `unix:/run/a.sock`), or its address and port.
 */
const messages: readonly {of: string; pattern: RegExp}[] = [
  {of: 'Node', pattern: /\b(?:listen|bind) E[A-Z]+(?:: [a-z ]+)? (?<end>\S+)/},
  {of: 'Python asyncio', pattern: /\bbind on address \('(?<address>[^']*)', (?<port>\d+)/},
  {of: 'gunicorn', pattern: /\bConnection in use: \('(?<address>[^']*)', (?<port>\d+)/},
  {of: 'Docker', pattern: /\bhost port (?:for )?(?<end>[\da-f.:[\]]+?:\d+)[:/]/},
  {of: 'Docker', pattern: /\bBind for (?<end>\S+) failed/},
  {of: 'Docker Desktop', pattern: /\bexposing port TCP (?<end>\S+)/},
  {of: 'Go', pattern: /\blisten (?:tcp[46]?|unix) (?<end>\S+): bind: /},
  {of: 'Ruby', pattern: /\bbind\(2\) for "(?<address>[^"]*)" port (?<port>\d+)/},
  {of: 'Ruby', pattern: /\bbind\(2\) for "?(?<end>\/[^"\s]+)/},
  {of: 'PHP', pattern: /\bFailed to listen on (?<end>\S+)/},
  {of: '.NET, Jetty', pattern: /\b[Ff]ailed to bind to (?:address )?(?<end>\S+:\d+)/},
  {of: 'nginx', pattern: /\bbind\(\) to (?<end>\S+) failed/},
  {of: 'Apache', pattern: /\bcould not bind to address (?<end>\S+)/},
  {of: 'Redis', pattern: /\blistening socket (?<end>\S+): bind: /},
  {of: 'ssh', pattern: /\bbind \[(?<address>[^\]]*)\]:(?<port>\d+): /},
  {of: 'PostgreSQL, create-react-app', pattern: /\balready running on port (?<port>\d+)/},
  {of: 'MySQL', pattern: /\banother mysqld server running on port: (?<port>\d+)/},
  {
    of: 'Vite, Next.js, Flask, Spring, Bun',
    pattern: /\bport (?<port>\d+) (?:is |was )?(?:already |currently )?(?:in use|taken|allocated)/i,
  },
  {of: 'Quarkus', pattern: /\bPort\(s\) already bound: (?<port>\d+)/},
]

/** What the operating systems and Docker call it; their words stand in whatever else a program writes. */
const inUse =
  /EADDRINUSE|address (?:is )?already in use|only one usage of each socket address|port is already allocated/i

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
    const patterns = [...messages.map(({pattern}) => pattern), ...(isInUse ? anywhere : [])]
    const refused = firstIn(line, patterns)
    if (refused !== undefined) found.set(JSON.stringify(refused), refused)
  }
  return {refused: [...found.values()], saysInUse}
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
  if (isIP(address) === 0) return {port}
  // Most programs leave IPV6_V6ONLY off.
  return {port, address: address === '::' ? 'dual' : address}
}
