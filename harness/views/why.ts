import type {WhyPath, WhyPort} from '../documents/why-schema.ts'
import type {Block, Text, View} from '../render/model.ts'
import {endWords, remainingWords, shortCommand} from '../why/words.ts'

/** More sockets than this are counted by state instead of being listed. */
const mostRows = 12

type Socket = NonNullable<WhyPort['sockets']>[number]

/** The answer about a port or the path of a Unix socket: what, until when, why, what to do, and what it rests on. */
export function whyView(answer: WhyPort | WhyPath): View {
  return 'path' in answer ? pathView(answer as WhyPath) : portView(answer as WhyPort)
}

function portView(answer: WhyPort): View {
  const lead = [whereLine(answer), freeLine(answer)].filter((line) => line !== undefined)
  return {
    heading: answerWords(`port ${answer.port}`, answer.bindable, codes(answer)),
    ...(lead.length === 0 ? {} : {lead: lead.join(' ')}),
    blocks: [
      ...reasons(answer),
      ...socketSection(answer),
      ...bindSection(answer),
      section('Not seen', [{kind: 'list', items: answer.unseen}]),
    ],
    file: inJson,
  }
}

function pathView(answer: WhyPath): View {
  return {
    heading: answerWords(answer.path, answer.bindable, ''),
    blocks: [...reasons(answer), section('Not seen', [{kind: 'list', items: answer.unseen}])],
    file: inJson,
  }
}

/** The answer is printed, and kept nowhere. */
const inJson = 'the JSON (--json)'

function section(title: string, blocks: readonly Block[]): Block {
  return {kind: 'section', title, blocks}
}

function reasons({causes, advice}: Pick<WhyPort, 'causes' | 'advice'>): Block[] {
  return [
    section('Why', [{kind: 'list', items: causeItems(causes)}]),
    section('What to do', [{kind: 'list', items: advice.map(({text}) => text)}]),
  ]
}

function answerWords(name: string, bindable: boolean | null, where: string): View['heading'] {
  if (bindable === null) {
    return {tone: 'open', text: `Whether a plain bind of ${name} is granted could not be tried.`}
  }
  return bindable
    ? {tone: 'good', text: `${capital(name)} can be bound now.`}
    : {tone: 'bad', text: `${capital(name)} cannot be bound now${where}.`}
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
    return meaning === undefined ? code : `${code}: ${meaning}`
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

function causeItems(causes: WhyPort['causes']): Text[] {
  // Several causes may go by one rule; it is told below the first.
  const told = new Set<string>()
  return causes.flatMap(({text, rule, because, source}) => {
    const isTold = because === undefined || (rule !== undefined && told.has(rule))
    if (rule !== undefined) told.add(rule)
    return [text, ...(isTold ? [] : [`Rule: ${because} (${source ?? ''}).`])]
  })
}

function socketSection({sockets}: WhyPort): Block[] {
  if (sockets === null || sockets.length === 0) return []
  if (sockets.length > mostRows) {
    return [section(socketsTitle, [{kind: 'list', items: stateCounts(sockets)}])]
  }
  const columns = ['state', 'local', 'remote', 'timer', 'process']
  const rows = sockets.map(socketRow)
  return [section(socketsTitle, [{kind: 'table', label: socketsTitle, columns, rows}])]
}

const socketsTitle = 'Sockets on the port'

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

function bindSection({bind}: WhyPort): Block[] {
  const addresses = [...new Set(bind.map(({address}) => address))]
  const options = ['none', 'reuseaddr', 'reuseport', 'both'] as const
  const observed = (address: string, option: string) =>
    bind.find((trial) => trial.address === address && trial.bind === option)?.observed ?? '-'
  const label = 'What a bind gets now (tried, and closed at once)'
  const columns = ['address', 'no option', 'SO_REUSEADDR', 'SO_REUSEPORT', 'both']
  const rows = addresses.map((address) => [
    addressWords(address),
    ...options.map((option) => observed(address, option)),
  ])
  return [section(label, [{kind: 'table', label, columns, rows}])]
}

const addressNames: Readonly<Record<string, string>> = {
  dual: ':: (IPv4, too)',
  '::': ':: (IPv6 only)',
}

function addressWords(address: string): string {
  return addressNames[address] ?? address
}
