import type {KnownPort, Refusal} from '../why/refusal.ts'

/** A line that says it. What it does not name is null. */
export interface Named {
  stack: string
  code: string
  port: number | null
  address: string | null
  path: string | null
}

/** What the texts below are written in; `{end}` is `127.0.0.1:80`, `[::1]:80`, `:::80`, `:80` or `*:80`. */
const parts: Readonly<Record<string, string>> = {
  code: '(?<code>EADDRINUSE|EACCES|EADDRNOTAVAIL)',
  reason:
    "(?<reason>address already in use|permission denied|can(?:not|'t) assign requested address)",
  address: '(?<address>[^\'"\\s]{0,60}?)',
  port: '(?<port>\\d{1,5})\\b',
  path: '(?<path>/[^\'"]{1,200}?)',
  end: '(?<address>\\[[^\\]\\s]{0,60}\\]|[\\w.:*%-]{0,60}):(?<port>\\d{1,5})\\b',
}

/** How programs say, in a line, that they were refused a port or a path, by their stack. The first that fits decides. */
const messages: readonly (readonly [stack: string, text: string])[] = [
  ['Node', String.raw`\b(?:listen|bind) {code}(?:: [a-z ]+)? {end}`],
  ['Node', String.raw`\blisten {code}: [a-z ]+ {path}(?:["']|$)`],
  ['Python', String.raw`attempting to bind on address \('{address}', {port}.{0,60}{reason}`],
  ['Python', String.raw`Connection in use: \('{address}', {port}`],
  ['Python', String.raw`OSError: \[Errno \d+\] address already in use`],
  ['Go', String.raw`\blisten tcp[46]? {end}: bind: {reason}`],
  ['Go', String.raw`\blisten unix {path}: bind: {reason}`],
  ['Docker', String.raw`\bBind for {end} failed: port is already allocated`],
  ['Docker', 'failed to bind host port (?:for )?{address}:{port}.{0,60}{reason}'],
  ['.NET', String.raw`failed to bind to address \w+://{end}: {reason}`],
  ['Java', String.raw`failed to bind to (?:[^\s/]{0,60}/)?{end}`],
  ['Java', 'BindException: {reason}'],
  ['Ruby', String.raw`{reason} - bind\(2\) for "?{address}"? port {port}`],
  ['Ruby', String.raw`{reason} - bind\(2\) for {end}`],
  ['Ruby', String.raw`{reason} - (?:bind\(2\) for )?"?{path}(?:["\s]|$)`],
  ['PHP', String.raw`failed to listen on {end} \(reason: {reason}`],
  ['PHP', String.raw`unable to connect to \w+://{end} \({reason}`],
  ['nginx', String.raw`bind\(\) to unix:{path} failed \(\d+: {reason}`],
  ['nginx', String.raw`bind\(\) to {end} failed \(\d+: {reason}`],
  ['Apache', '{reason}.{0,60}could not bind to address {end}'],
  ['HAProxy', String.raw`cannot bind socket \({reason}\)(?: for)? \[{end}\]`],
  ['PostgreSQL', String.raw`is another postmaster already running on port {port}\?`],
  ['MySQL', 'another mysqld server running on port: {port}'],
  ['Rust', String.raw`address already in use \(os error \d+\)|kind: AddrInUse\b`],
  ['other', String.raw`\bport:? {port} (?:(?:is|was) )?(?:already )?in use\b`],
  [
    'other',
    String.raw`\b(?:bind|listen|socket)\b.{0,60}? {end}.{0,60}address (?:is )?already in use`,
  ],
  ['other', String.raw`\b(?:bind|listen|socket|port)\b.{0,200}address (?:is )?already in use`],
]

const patterns = messages.map(([stack, text]) => ({
  stack,
  pattern: new RegExp(
    text.replace(/\{(\w+)\}/g, (whole, name) => parts[name] ?? whole),
    'i',
  ),
}))

/** In what all of them have; most lines of most programs have nothing of it. */
const hint =
  /EADDR|EACCES|AddrInUse|in use|allocated|permission denied|requested address|to bind to|running on port/i
const longestLine = 2000

/**
 * What a line says of a port, or a Unix socket, that was refused.
 * @returns undefined if it says nothing of that
 */
export function refusalIn(line: string): Named | undefined {
  const text = line.slice(0, longestLine)
  if (!hint.test(text)) return undefined
  for (const {stack, pattern} of patterns) {
    const found = pattern.exec(text)
    if (found === null) continue
    const {address, port, path, reason: words, code} = found.groups ?? {}
    return {
      stack,
      code: code?.toUpperCase() ?? codeOf(words),
      port: portOf(port),
      address: addressOf(address),
      path: path ?? null,
    }
  }
  return undefined
}

/**
 * How programs in any language say that the port is in use: by name, in words, by Linux' and macOS' number. It also finds
 * what is about no port.
 */
const inAnyWords =
  /EADDRINUSE|address (is )?already in use|address in use|only one usage of each socket address|could not bind.*in use|errno[ :=]*(98|48)\b|os error (98|48)\b/i

/** Whether a line reads as if a port were in use. */
export function readsAsInUse(line: string): boolean {
  return inAnyWords.test(line) || refusalIn(line)?.code === 'EADDRINUSE'
}

/** What is to be explained, where the line does not name the port with another one's. */
export function refusalOfLine(named: Named, known: KnownPort | null): Refusal | undefined {
  const {code, port, path, address} = named
  if (path !== null) return {code, path}
  if (port !== null) return {code, port, address}
  return known === null ? undefined : {code, ...known, address: null}
}

function codeOf(words = ''): string {
  if (/permission/i.test(words)) return 'EACCES'
  return /assign/i.test(words) ? 'EADDRNOTAVAIL' : 'EADDRINUSE'
}

function portOf(digits: string | undefined): number | null {
  const port = Number(digits)
  return port > 0 && port <= 65_535 ? port : null
}

/** Null where it says all of them, or none: `*`, `null` of a worker of Node's cluster. */
function addressOf(text: string | undefined): string | null {
  const address = text?.replace(/^\[(.*)\]$/, '$1') ?? ''
  return address === '' || address === '*' || address === 'null' ? null : address
}
