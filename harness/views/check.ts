import {hasGap, isSafeStart} from '../check/safe.ts'
import type {CheckDocument, CheckError, CheckRound} from '../documents/check-schema.ts'
import {hostWords, residueWords} from '../documents/words.ts'
import type {Block, Tone, View} from '../render/model.ts'

/** What `rebind check` found: whether the restart is safe, what to do, and what it rests on. */
export function checkView(document: CheckDocument): View {
  return {
    heading: `Rebind check of ${subjectWords(document)}`,
    verdict: {tone: toneOf(document), text: safetyWords(document)},
    lead: hostWords(document.host),
    blocks: checkBlocks(document),
    file: 'check.json',
  }
}

function toneOf({problem, safe}: CheckDocument): Tone {
  if (problem !== undefined) return 'open'
  return safe ? 'good' : 'bad'
}

/** Without the verdict, for whoever has said it. */
export function checkBlocks(document: CheckDocument): Block[] {
  const {rounds, advice} = document
  const rows = rounds.map((round, index) => roundColumns.map(([, cell]) => cell(round, index)))
  const columns = roundColumns.map(([title]) => title)
  const sectionOf = (title: string, items: string[]): Block => ({
    ...{kind: 'section', title},
    blocks: [{kind: 'list', items}],
  })
  const measured: Block[] = [
    {kind: 'table', label: 'Rounds', columns, rows},
    {kind: 'text', text: reuseaddrWords(document)},
  ]
  return [
    {kind: 'section', title: 'The restarts', blocks: rounds.length === 0 ? [] : measured},
    ...reloadBlocks(document),
    ...limitBlocks(document),
    ...twiceBlocks(document),
    ...socketBlocks(document),
    // What could not be measured has its remedy in there.
    sectionOf('What to do', advice),
    sectionOf(
      'What the server said',
      rounds.flatMap((round) => round.errors.map(errorWords)),
    ),
    sectionOf('Who served, since the check began to watch', generationWords(document)),
    sectionOf('Who listened, since the first start', rounds.flatMap(listenedWords)),
  ]
}

/** `0.012 s, SIGTERM`. */
function exitWords({exitSeconds, exitedBy, stopTimedOut}: CheckRound): string {
  return `${exitSeconds.toFixed(3)} s, ${exitedBy}${stopTimedOut ? ' (timed out)' : ''}`
}

function waitWords({verdict, waitSeconds, interrupted = false}: CheckRound): string {
  if (verdict === 'immediate') return '0 s'
  if (interrupted) return 'interrupted'
  return waitSeconds === null ? 'not within the limit' : `${waitSeconds.toFixed(2)} s`
}

function outageWords({outageSeconds}: CheckRound): string {
  return outageSeconds === null ? 'not over' : `${outageSeconds.toFixed(3)} s`
}

function clientWords({refusedConnections, failedConnections}: CheckRound): string {
  const failed = failedConnections > 0 ? `, ${failedConnections} failed` : ''
  return `${refusedConnections} refused${failed}`
}

const roundColumns: readonly [string, (round: CheckRound, index: number) => string][] = [
  ['round', (_, index) => String(index + 1)],
  ['exit', exitWords],
  ['residue', residueWords],
  ['attempts', ({attempts}) => String(attempts)],
  ['verdict', ({verdict}) => verdict],
  ['wait', waitWords],
  ['outage', outageWords],
  ['clients', clientWords],
]

/** `SAFE: ...` and what it rests on. */
export function safetyWords(document: CheckDocument): string {
  const {safe, problem, rounds, trigger, thresholds = []} = document
  if (problem !== undefined) return `COULD NOT MEASURE: ${problem.message}`
  if (document.activation?.took === false) {
    return `NOT SAFE: the server did not take the socket that it was given: ${document.activation.because}`
  }
  if (trigger !== undefined) return reloadWords(document)
  if (document.twice !== undefined) return twiceWords(document)
  if (document.socket !== undefined) return socketWords(document)
  const exceeded = thresholds.filter(({met}) => !met)
  if (exceeded.length > 0 && rounds.every(({verdict}) => verdict === 'immediate')) {
    return `NOT SAFE: ${exceeded.map(exceededWords).join(', ')}`
  }
  const many = rounds.length === 1 ? 'the restart was' : `each of ${rounds.length} restarts was`
  if (safe) return `SAFE: ${many} immediate`
  const bad = rounds.filter(({verdict}) => verdict !== 'immediate').map(({verdict}) => verdict)
  if (bad.length === 0) {
    const beside = rounds.filter(({survivors}) => survivors.some(({listening}) => listening))
    return `NOT SAFE: an old process still listened after ${beside.length} of ${rounds.length} stops`
  }
  return `NOT SAFE: ${bad.length} of ${rounds.length} restarts ${bad.length === 1 ? 'was' : 'were'} not immediate (${[...new Set(bad)].join(', ')})`
}

/** `SO_REUSEADDR: not set; its bind was ...`. */
function reuseaddrWords({reuseaddr}: CheckDocument): string {
  const what = reuseaddr.set === null ? 'not known' : reuseaddr.set ? 'set' : 'not set'
  return `SO_REUSEADDR: ${what}; ${reuseaddr.because}`
}

/** `attempts 1 to 61: exited with status 1: OSError: [Errno 98] Address already in use`. */
function errorWords({firstAttempt, count, what, lines}: CheckError): string {
  const which =
    count === 1
      ? `attempt ${firstAttempt}`
      : `attempts ${firstAttempt} to ${firstAttempt + count - 1}`
  const said = lines.length === 0 ? '' : `: ${lines.join(' / ')}`
  return `${which}: ${what}${said}`
}

/** `round 1: pid 12 from 0.08 to 1.31 s, pid 15 from 1.40 to 1.95 s`; absent where a document does not say. */
function listenedWords({listened = []}: CheckRound, index: number): string[] {
  const spans = listened.map(
    ({pid, from, to}) => `pid ${pid} from ${from.toFixed(2)} to ${to.toFixed(2)} s`,
  )
  return spans.length === 0 ? [] : [`round ${index + 1}: ${spans.join(', ')}`]
}

/** `node server.js on 127.0.0.1:3000`. */
export function subjectWords(document: CheckDocument): string {
  const {command, address, port, ports = [port]} = document
  const host = address.includes(':') ? `[${address}]` : address
  const what = command.length === 0 ? 'the server' : command.join(' ')
  if (port === null) return `${what} on ${address}`
  return `${what} on ${host}:${ports.join(' and ')}`
}

/** `SAFE: the new server answered after 0.42 s, and nothing was lost`. */
function reloadWords(document: CheckDocument): string {
  const {safe, trigger, traffic, lossless, activation, thresholds = []} = document
  const since = activation === undefined ? 'the trigger' : 'the old one was stopped'
  const answered = `the new server answered ${secondsWords(trigger?.answeredAfterSeconds)} after ${since}`
  if (safe) {
    return lossless === null
      ? `SAFE: ${answered}, and no connection was refused or reset (no answer was expected)`
      : `SAFE: ${answered}, and nothing was lost`
  }
  if (trigger?.reloaded === false) return 'NOT SAFE: no new server answered'
  const missing = trigger?.missingPorts ?? []
  if (missing.length > 0) {
    return `NOT SAFE: the new server does not listen on port ${missing.join(' and ')}`
  }
  const old = (trigger?.oldListeners ?? []).map(({pid, command}) => `pid ${pid} (${command})`)
  const beside =
    old.length === 0 ? [] : [`the old server still listens, and gets clients: ${old.join(', ')}`]
  const lost = lanesOf(traffic).reduce((sum, [, lane]) => sum + lostIn(lane), 0)
  const exceeded = thresholds.filter(({met}) => !met).map(exceededWords)
  const losses = lost === 0 ? gapWords(trigger) : [`${lost} of ${askedWords(traffic)} were lost`]
  return `NOT SAFE: ${[...beside, ...losses, ...exceeded].join(', ')}`
}

function gapWords(trigger: CheckDocument['trigger']): string[] {
  return trigger !== undefined && hasGap(trigger)
    ? [`${withoutListenerWords(trigger)}, when no client happened to come`]
    : []
}

function withoutListenerWords({withoutListenerSeconds: [atLeast, atMost]}: Trigger): string {
  return `nobody listened for ${milliseconds(atLeast)} to ${milliseconds(atMost)} ms`
}

type Trigger = NonNullable<CheckDocument['trigger']>
type Traffic = NonNullable<CheckDocument['traffic']>
type LaneTally = Traffic['new']

function lanesOf(traffic: CheckDocument['traffic']): [title: string, lane: LaneTally][] {
  if (traffic === undefined) return []
  const lanes: [string, LaneTally][] = [
    ['new connections', traffic.new],
    ['idle connections', traffic.idle],
    ['requests in flight', traffic.inFlight],
  ]
  return lanes.filter(([, {opened}]) => opened > 0)
}

function lostIn({refused, reset, cutOff, unanswered}: LaneTally): number {
  return refused + reset + cutOff + unanswered
}

/** `2340 connections and requests`. */
function askedWords(traffic: CheckDocument['traffic']): string {
  const all = lanesOf(traffic).reduce(
    (sum, [, lane]) => sum + Math.max(lane.opened, lane.answered + lostIn(lane)),
    0,
  )
  return `${all} connections and requests`
}

function secondsWords(seconds: number | null | undefined): string {
  return seconds === null || seconds === undefined ? 'never' : `${seconds.toFixed(3)} s`
}

/** What became of the clients, and why. */
function reloadBlocks(document: CheckDocument): Block[] {
  const {trigger, traffic, losses = []} = document
  if (trigger === undefined || traffic === undefined) return []
  const columns = [
    'clients',
    'opened',
    'answered',
    'refused',
    'reset',
    'cut off',
    'unanswered',
    'slowest',
  ]
  const rows = lanesOf(traffic).map(([title, lane]) => [
    title,
    ...[lane.opened, lane.answered, lane.refused, lane.reset, lane.cutOff, lane.unanswered].map(
      String,
    ),
    lane.slowestSeconds === null ? '-' : secondsWords(lane.slowestSeconds),
  ])
  const statuses = Object.entries(traffic.statusClasses).map(([name, count]) => `${count} ${name}`)
  const facts = [
    `longest time without an answer: ${secondsWords(traffic.longestGapSeconds)}`,
    hasGap(trigger) ? withoutListenerWords(trigger) : 'somebody listened in every look',
    ...(statuses.length > 0 ? [`responses: ${statuses.join(', ')}`] : []),
    ...activationWords(document),
    ...(traffic.idleClosed > 0
      ? [`${traffic.idleClosed} idle connections were closed by the server between two requests`]
      : []),
  ]
  return [
    {
      kind: 'section',
      title: 'The clients',
      blocks: [
        {kind: 'table', label: 'Clients', columns, rows},
        {kind: 'list', items: facts},
      ],
    },
    {
      kind: 'section',
      title: 'Why connections were lost',
      blocks: losses.length === 0 ? [] : [{kind: 'list', items: losses.map(lossWords)}],
    },
  ]
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000)
}

function lossWords({count, because}: NonNullable<CheckDocument['losses']>[number]): string {
  return `${count}: ${because}`
}

function limitBlocks({thresholds = []}: CheckDocument): Block[] {
  if (thresholds.length === 0) return []
  const rows = thresholds.map((each) => [
    `--${each.name}`,
    limitWords(each, each.limit),
    each.measured === null ? 'not measured' : limitWords(each, each.measured),
    each.met ? 'kept' : 'exceeded',
  ])
  return [
    {
      ...{kind: 'section', title: 'The limits'},
      blocks: [
        {kind: 'table', label: 'Limits', columns: ['limit', 'allowed', 'measured', 'result'], rows},
      ],
    },
  ]
}

type Threshold = NonNullable<CheckDocument['thresholds']>[number]

function limitWords({name}: Threshold, value: number): string {
  return name === 'max-lost' ? String(value) : `${value.toFixed(3)} s`
}

function exceededWords(threshold: Threshold): string {
  const {name, limit, measured} = threshold
  const seen = measured === null ? 'not reached' : limitWords(threshold, measured)
  return `--${name} ${limitWords(threshold, limit)} was exceeded (${seen})`
}

/** `generation 1: pid 12 (node server.js), from 0.00 to 1.31 s`. */
function generationWords({trigger}: CheckDocument): string[] {
  return (trigger?.generations ?? []).map(({processes, from, to}, index) => {
    const who = processes.map(({pid, command}) => `pid ${pid} (${command})`).join(', ')
    const end = to === null ? 'the end' : `${to[0].toFixed(3)} to ${to[1].toFixed(3)} s`
    const start = index === 0 ? '' : `, from ${from[0].toFixed(3)} to ${from[1].toFixed(3)} s`
    return `generation ${index + 1}: ${who}${start}, until ${end}`
  })
}

/** `NOT SAFE: a second instance shares the port`. */
function twiceWords({safe, twice = []}: CheckDocument): string {
  const starts =
    twice.length === 1 ? 'a second instance' : `each of ${twice.length} second instances`
  if (safe) {
    const status = twice.some((each) => each.status === 0) ? ' with status 0' : ''
    const isSilent = twice.some(({lines}) => lines.length === 0)
    return `SAFE: ${starts} ends${status}${isSilent ? ', but does not say why' : ' and says why'}`
  }
  const bad = [...new Set(twice.flatMap(({verdict}) => (verdict === 'refuses' ? [] : [verdict])))]
  return `NOT SAFE: a second instance ${bad.map((verdict) => secondWords[verdict]).join(', and ')}`
}

type Second = NonNullable<CheckDocument['twice']>[number]

const secondWords: Readonly<Record<Second['verdict'], string>> = {
  refuses: 'ends',
  moves: 'moves to another port',
  shares: 'shares the port',
  hijacks: 'takes all clients of the first one',
  hangs: 'runs on without listening',
}

function twiceBlocks({twice}: CheckDocument): Block[] {
  if (twice === undefined) return []
  const rows = twice.map(({address, verdict, what, answeredBy, lines}) => [
    address ?? 'as it is',
    verdict,
    what,
    answeredBy === null ? '-' : answeredWords(answeredBy),
    lines.join(' / '),
  ])
  const columns = ['address', 'verdict', 'the second one', 'clients', 'what it said']
  return [
    {
      ...{kind: 'section', title: 'The second start'},
      blocks: [{kind: 'table', label: 'Second starts', columns, rows}],
    },
  ]
}

function answeredWords({first, second, nobody}: NonNullable<Second['answeredBy']>): string {
  const unanswered = nobody === 0 ? '' : `, ${nobody} not seen`
  return `${first} the first, ${second} the second${unanswered}`
}

/** What became of the clients that came while the socket was there, and no server. */
function activationWords({activation}: CheckDocument): string[] {
  if (activation === undefined) return []
  const {queued, answered, slowestSeconds} = activation
  return [
    `${queued} clients came while there was no server: ${answered} were answered, the slowest after ${secondsWords(slowestSeconds)}`,
  ]
}

type SocketStart = NonNullable<CheckDocument['socket']>['starts'][number]

const situationWords: Readonly<Record<SocketStart['situation'], string>> = {
  stopped: 'after a stop',
  killed: 'after SIGKILL',
  beside: 'beside the running one',
}

/** `after a stop`. */
export function startedWords({situation, stopTimedOut = false}: SocketStart): string {
  const words = situationWords[situation]
  return stopTimedOut ? `${words} (timed out, SIGKILL)` : words
}

/** `exited with status 1; the old server still listened (pid 12)`. */
export function didWords({what, survivors = []}: SocketStart): string {
  const listening = survivors.filter((survivor) => survivor.listening).map(({pid}) => pid)
  return listening.length === 0
    ? what
    : `${what}; the old server still listened (pid ${listening.join(', ')})`
}

const socketVerdictWords: Readonly<Record<SocketStart['verdict'], string>> = {
  granted: 'listened',
  refused: 'was refused its path',
  'takes-over': 'took the path over',
  hangs: 'ran on without listening',
}

/** `NOT SAFE: the server was refused its path after SIGKILL`. */
function socketWords({safe, socket}: CheckDocument): string {
  if (safe) return 'SAFE: the path was free again each time, and a second instance ends'
  const bad = (socket?.starts ?? []).filter((start) => !isSafeStart(start))
  const words = bad.map((start) => {
    const beside = start.verdict === 'granted' ? ' beside the old one' : ''
    return `${socketVerdictWords[start.verdict]}${beside} ${startedWords(start)}`
  })
  return `NOT SAFE: the server ${words.join(', and ')}`
}

function socketBlocks({socket}: CheckDocument): Block[] {
  if (socket === undefined) return []
  const rows = socket.starts.map((start) => [
    ...[startedWords(start), start.fileLeft ? 'yes' : 'no', start.verdict, didWords(start)],
    ...[secondsWords(start.afterSeconds), start.lines.join(' / ')],
  ])
  const columns = ['started', 'file there', 'verdict', 'what it did', 'after', 'what it said']
  return [
    {
      ...{kind: 'section', title: 'The starts'},
      blocks: [{kind: 'table', label: 'Starts', columns, rows}],
    },
  ]
}
