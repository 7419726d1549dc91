import type {WhyPath, WhyPort, WhyProcess} from '../documents/why-schema.ts'
import {groupBy} from '../group-by.ts'
import type {Block, Table, Text, View} from '../render/model.ts'
import {endWords, remainingWords} from '../why/words.ts'
import {parentWords, startWords} from './processes.ts'

type Socket = NonNullable<WhyPort['sockets']>[number]

/** The answer about a port or the path of a Unix socket: what, until when, why, what to do, and what it rests on. */
export function whyView(answer: WhyPort | WhyPath): View {
  return 'path' in answer ? pathView(answer as WhyPath) : portView(answer as WhyPort)
}

/** The first cause and the first advice. */
export function briefWhyView(answer: WhyPort | WhyPath): View {
  const {heading, file} = whyView(answer)
  const [cause] = answer.causes
  const [advice] = answer.advice
  const target = 'path' in answer ? answer.path : answer.port
  const items = [cause?.text, advice?.text, `rebind why ${target} shows everything.`]
  return {
    heading,
    blocks: [{kind: 'list', items: items.filter((item) => item !== undefined)}],
    file,
  }
}

function portView(answer: WhyPort): View {
  const lead = [sourceLine(answer), whereLine(answer), freeLine(answer)].filter(
    (line) => line !== undefined,
  )
  return {
    heading: answerWords(`port ${answer.port}`, answer.bindable, codes(answer)),
    ...(lead.length === 0 ? {} : {lead: lead.join(' ')}),
    blocks: inOrder(answer, [
      ...socketSection(answer),
      processSection(processesOf(answer)),
      ...bindSection(answer),
    ]),
    file: inJson,
  }
}

function pathView(answer: WhyPath): View {
  return {
    heading: answerWords(answer.path, answer.bindable, ''),
    blocks: inOrder(answer, [processSection(answer.processes)]),
    file: inJson,
  }
}

/** The answer is printed, and kept nowhere. */
const inJson = 'the JSON (--json)'

function section(title: string, blocks: readonly Block[]): Block {
  return {kind: 'section', title, blocks}
}

/** What it rests on, in the order of every document: why, what was measured, what to do, what is not known. */
function inOrder(
  {causes, advice, unseen}: Pick<WhyPort, 'causes' | 'advice' | 'unseen'>,
  measured: readonly Block[],
): Block[] {
  return [
    section('Why', [{kind: 'list', items: causeItems(causes)}]),
    ...measured,
    section('What to do', [{kind: 'list', items: advice.map(({text}) => text)}]),
    section('Not seen', [{kind: 'list', items: unseen}]),
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
function codes(answer: WhyPort): string {
  const refused = [...new Set(plainAnswers(answer))].filter((code) => code !== 'granted')
  const words = refused.map((code) => {
    const meaning = meanings[code]
    return meaning === undefined ? code : `${code}: ${meaning}`
  })
  return ` (${words.join(', ')})`
}

/** What binds without options got, or the bind of a program that is explained. */
function plainAnswers({bind, refused}: WhyPort): string[] {
  if (refused !== undefined) return [refused.code]
  return bind.filter((trial) => trial.bind === 'none').map(({observed}) => observed)
}

const meanings: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'address not available',
}

const sources = {command: 'the command line', variable: 'the variable PORT'}

/** Where the port is taken from, if the program does not name it. */
function sourceLine({refused}: WhyPort): string | undefined {
  const from = refused?.portFrom
  return from && `The message names no port: this one is taken from ${sources[from]}.`
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

function freeLine(answer: WhyPort) {
  const {bindable, freeInSeconds, freeInSecondsAtLeast, causes} = answer
  const inUse = plainAnswers(answer).includes('EADDRINUSE')
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
  if (sockets === null) return []
  const title = 'Sockets on the port'
  const columns = ['state', 'local', 'remote', 'timer', 'process']
  const all: Table = {kind: 'table', label: title, columns, rows: sockets.map(socketRow)}
  const summary: Block = {kind: 'list', items: stateCounts(sockets)}
  return [section(title, [{kind: 'many', all, summary}])]
}

function socketRow({state, local, remote, expiresInSeconds, processes, uid}: Socket): Text[] {
  const [first, ...others] = processes ?? []
  const more = others.length === 0 ? '' : ` and ${others.length} more`
  const who: Text =
    first === undefined
      ? uid === undefined
        ? 'none'
        : `not visible (uid ${uid})`
      : [`${first.pid} ${first.user ?? first.uid ?? ''} `, {short: first.command}, more]
  return [
    state,
    endWords(local),
    state === 'LISTEN' ? '-' : endWords(remote),
    expiresInSeconds === null ? '-' : `${expiresInSeconds.toFixed(1)} s`,
    who,
  ]
}

/** `20000 TIME_WAIT, timers 51.2 to 52.0 s`. */
function stateCounts(sockets: readonly Socket[]): Text[] {
  return [...groupBy(sockets, ({state}) => state)].map(([state, group]) => {
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
    const who = pids.length === 0 ? [] : [', process ', {short: pids.join(', ')}]
    const number = group.reduce((sum, {more}) => sum + 1 + (more?.count ?? 0), 0)
    return [`${number} ${state}${range}`, ...who]
  })
}

/** Each process once, however many sockets it has. */
function processesOf({sockets}: WhyPort): WhyProcess[] {
  const all = (sockets ?? []).flatMap(({processes}) => processes ?? [])
  return [...new Map(all.map((each) => [each.pid, each])).values()]
}

/** What a person recognizes them by. */
function processSection(processes: readonly WhyProcess[]): Block {
  const rows = processes.flatMap(({pid, cwd, startedAt, parents}): Text[][] =>
    parents === undefined
      ? []
      : [[String(pid), startWords(startedAt ?? null), cwd ?? '-', parentWords(parents)]],
  )
  const columns = ['process', 'started', 'folder', 'started by']
  const table: Table = {kind: 'table', label: 'The processes', columns, rows, stacked: true}
  return section('The processes', [table])
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
