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
    // What could not be measured has its remedy in there.
    sectionOf('What to do', advice),
    sectionOf(
      'What the server said',
      rounds.flatMap((round) => round.errors.map(errorWords)),
    ),
    sectionOf('Who listened, since the first start', rounds.flatMap(listenedWords)),
  ]
}

/** `0.012 s, SIGTERM`. */
function exitWords({exitSeconds, exitedBy, stopTimedOut}: CheckRound): string {
  return `${exitSeconds.toFixed(3)} s, ${exitedBy}${stopTimedOut ? ' (timed out)' : ''}`
}

function waitWords({verdict, waitSeconds}: CheckRound): string {
  if (verdict === 'immediate') return '0 s'
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
export function safetyWords({safe, problem, rounds}: CheckDocument): string {
  if (problem !== undefined) return `COULD NOT MEASURE: ${problem.message}`
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
export function subjectWords({command, address, port}: CheckDocument): string {
  const host = address.includes(':') ? `[${address}]` : address
  return `${command.join(' ')} on ${host}:${port}`
}
