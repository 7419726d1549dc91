import type {WhyPath, WhyPort} from '../documents/why-schema.ts'
import {coloursFor} from '../render/colours.ts'
import {fittedTable} from '../render/fitted-table.ts'
import {wrapSentences} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {endWords, remainingWords, shortCommand} from '../why/words.ts'

const pc = coloursFor(process.stdout)
/** More sockets than this are counted by state instead of being listed. */
const mostRows = 12

type Socket = NonNullable<WhyPort['sockets']>[number]

/**
 * The answer about a port, for a person: what, until when, why, what to do, and what it rests on.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderWhyPort(answer: WhyPort, width: number | undefined): string {
  return text(width, [
    headline(`port ${answer.port}`, answer.bindable, codes(answer)),
    whereLine(answer),
    freeLine(answer),
    ...causeSection(answer),
    ...adviceSection(answer),
    ...socketSection(answer, width),
    ...bindSection(answer, width),
    ...unseenSection(answer),
  ])
}

/** The answer about the path of a Unix socket. */
export function renderWhyPath(answer: WhyPath, width: number | undefined): string {
  return text(width, [
    headline(answer.path, answer.bindable, ''),
    ...causeSection(answer),
    ...adviceSection(answer),
    ...unseenSection(answer),
  ])
}

function text(width: number | undefined, lines: (string | undefined)[]): string {
  const known = lines.filter((line) => line !== undefined)
  return `${wrapSentences(known, width).join('\n')}\n`
}

function headline(what: string, bindable: boolean | null, where: string): string {
  const name = printable(what)
  if (bindable === null)
    return pc.bold(pc.yellow(`Whether a plain bind of ${name} is granted could not be tried.`))
  return bindable
    ? pc.bold(pc.green(`${capital(name)} can be bound now.`))
    : pc.bold(pc.red(`${capital(name)} cannot be bound now${where}.`))
}

function capital(name: string): string {
  return name.startsWith('port ') ? `P${name.slice(1)}` : name
}

/** ` (EADDRINUSE: address already in use)`. */
function codes({bind}: WhyPort): string {
  const observed = bind.filter((trial) => trial.bind === 'none').map((trial) => trial.observed)
  const refused = [...new Set(observed)].filter((code) => code !== 'granted')
  const words = refused.map((code) => {
    const meaning = meanings[code]
    return meaning === undefined ? printable(code) : `${code}: ${meaning}`
  })
  return ` (${words.join(', ')})`
}

const meanings: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'address not available',
}

/** Which addresses a plain bind is refused on, if not all of them answer alike. */
function whereLine({bind}: WhyPort): string | undefined {
  const plain = bind.filter((trial) => trial.bind === 'none')
  const names = (isGranted: boolean) =>
    plain
      .filter(({observed}) => (observed === 'granted') === isGranted)
      .map(({address}) => addressWords(address))
      .join(', ')
  if (names(true) === '' || names(false) === '') return undefined
  return `Refused on ${names(false)}; granted on ${names(true)}.`
}

function freeLine({bindable, bind, freeInSeconds, freeInSecondsAtLeast, causes}: WhyPort) {
  const inUse = bind.some((trial) => trial.bind === 'none' && trial.observed === 'EADDRINUSE')
  if (bindable !== false || !inUse) return undefined
  if (freeInSeconds !== null) {
    return `It comes free by itself in ${remainingWords([freeInSecondsAtLeast ?? 0, freeInSeconds])}.`
  }
  const hidden = causes.some(({kind}) => kind === 'not-visible')
  return hidden
    ? 'When it comes free cannot be seen.'
    : 'It does not come free by itself at a known time: see below what to do.'
}

function causeSection({causes}: Pick<WhyPort, 'causes'>): string[] {
  if (causes.length === 0) return []
  // Several causes may go by one rule; it is told below the first.
  const told = new Set<string>()
  const lines = causes.flatMap(({text: sentence, rule, because, source}) => {
    const isTold = because === undefined || (rule !== undefined && told.has(rule))
    if (rule !== undefined) told.add(rule)
    const words = isTold ? [] : [`- Rule: ${printable(`${because} (${source ?? ''})`)}.`]
    return [`- ${printable(sentence)}`, ...words]
  })
  return ['', pc.bold('Why'), ...lines]
}

function adviceSection({advice}: Pick<WhyPort, 'advice'>): string[] {
  if (advice.length === 0) return []
  return [
    '',
    pc.bold('What to do'),
    ...advice.map(({text: sentence}) => `- ${printable(sentence)}`),
  ]
}

function unseenSection({unseen}: Pick<WhyPort, 'unseen'>): string[] {
  return unseen.length === 0
    ? []
    : ['', pc.bold('Not seen'), ...unseen.map((sentence) => `- ${printable(sentence)}`)]
}

function socketSection({sockets}: WhyPort, width: number | undefined): string[] {
  if (sockets === null || sockets.length === 0) return []
  const title = ['', pc.bold('Sockets on the port')]
  if (sockets.length > mostRows) return [...title, ...stateCounts(sockets)]
  return [
    ...title,
    grid([['state', 'local', 'remote', 'timer', 'process'], ...sockets.map(socketRow)], width),
  ]
}

function socketRow({state, local, remote, expiresInSeconds, processes, uid}: Socket): string[] {
  const [first, ...others] = processes ?? []
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  const who =
    first === undefined
      ? uid === undefined
        ? 'none'
        : `not visible (uid ${uid})`
      : `${first.pid} ${first.user ?? first.uid ?? ''} ${shortCommand(first.command)}${more}`
  return [
    state,
    endWords(local),
    state === 'LISTEN' ? '-' : endWords(remote),
    expiresInSeconds === null ? '-' : `${expiresInSeconds.toFixed(1)} s`,
    who,
  ]
}

/** `20000 TIME_WAIT, timers 51.2 to 52.0 s`. */
function stateCounts(sockets: readonly Socket[]): string[] {
  const byState = new Map<string, Socket[]>()
  for (const socket of sockets) {
    const known = byState.get(socket.state)
    if (known === undefined) byState.set(socket.state, [socket])
    else known.push(socket)
  }
  return [...byState].map(([state, group]) => {
    const timers = group.flatMap(({expiresInSeconds, more}) => [
      ...(expiresInSeconds === null ? [] : [expiresInSeconds]),
      ...(more === undefined ? [] : [more.firstExpiresInSeconds]),
    ])
    const [min, max] = timers.reduce(
      ([low, high], each) => [Math.min(low, each), Math.max(high, each)],
      [Number.POSITIVE_INFINITY, 0],
    )
    const range = timers.length === 0 ? '' : `, timers ${min.toFixed(1)} to ${max.toFixed(1)} s`
    const pids = [...new Set(group.flatMap(({pid}) => pid ?? []))]
    const who = pids.length === 0 ? '' : `, process ${pids.slice(0, 8).join(', ')}`
    const number = group.reduce((sum, {more}) => sum + 1 + (more?.count ?? 0), 0)
    return `${number} ${state}${range}${who}`
  })
}

function bindSection({bind}: WhyPort, width: number | undefined): string[] {
  if (bind.length === 0) return []
  const addresses = [...new Set(bind.map(({address}) => address))]
  const options = ['none', 'reuseaddr', 'reuseport', 'both'] as const
  const observed = (address: string, option: string) =>
    bind.find((trial) => trial.address === address && trial.bind === option)?.observed ?? '-'
  return [
    '',
    pc.bold('What a bind gets now (tried, and closed at once)'),
    grid(
      [
        ['address', 'no option', 'SO_REUSEADDR', 'SO_REUSEPORT', 'both'],
        ...addresses.map((address) => [
          addressWords(address),
          ...options.map((option) => observed(address, option)),
        ]),
      ],
      width,
    ),
  ]
}

const addressNames: Readonly<Record<string, string>> = {
  dual: ':: (IPv4, too)',
  '::': ':: (IPv6 only)',
}

function addressWords(address: string): string {
  return addressNames[address] ?? printable(address)
}

function grid(rows: string[][], width: number | undefined): string {
  const [head = [], ...body] = rows.map((row) => row.map(printable))
  return fittedTable(head, body, width, pc.dim)
}
