import type {Report, Result, ServerReport} from '../documents/report-schema.ts'
import type {RunLog} from '../documents/run-log.ts'
import {
  besidesWords,
  bindWords,
  emulationWords,
  hostWords,
  residueWords,
  resultColumns,
  statusWords,
  tally,
  verdictWords,
  waitWords,
} from '../documents/words.ts'
import {greatestOf, leastOf} from '../extremes.ts'
import {platformOf} from '../platforms/detect.ts'
import type {Block, Cell, Details, Medium, Section, Text, Tone, View} from '../render/model.ts'
import {optionNames} from '../sockets/bind-options.ts'
import {byHandLines, byHandNotes} from './by-hand.ts'
import {grouped} from './groups.ts'
import {outcomeWords, renderGantt} from './html/gantt.ts'
import {renderStateDiagram, stateDiagramParts} from './html/state-diagram.ts'
import {happenings, originOf, rowOf} from './html/timeline.ts'
import {ladderFigure} from './ladder.ts'
import {wayNotes, waysOf, wayWords} from './state-ways.ts'

/** What is beside report.json in its folder. */
export interface RunDetails {
  /** Null where there is no events.ndjson. */
  log: RunLog | null
  /** What contradicts common advice. */
  sentences: readonly string[]
}

type Bind = NonNullable<Result['bind']>

/**
 * What a run has shown: whether all was as expected, what was not, the table, and what contradicts common advice; on
 * a page also when each port came free, and what happened in each scenario.
 */
export function reportView(report: Report, details: RunDetails): View {
  const {run, host, results} = report
  const {log, sentences} = details
  const groups = grouped(results)
  const early = run.interrupted === undefined ? '' : `, interrupted by ${run.interrupted}`
  return {
    heading: `Rebind run ${run.id}`,
    verdict: {tone: verdictOf(results), text: tally(results)},
    lead: `${hostWords(host)}; started ${run.startedAt}, took ${run.wallSeconds.toFixed(1)} s${early}.${emulationWords(host)}`,
    blocks: [
      ...(run.partial === true ? [partialText(run)] : []),
      {kind: 'text', text: grantsWords(results)},
      section('Unexpected results', [{kind: 'list', items: results.flatMap(problem)}]),
      section('Results', [resultTable(groups)], ['terminal', 'markdown']),
      ...(isOneScenario(results)
        ? results.map((result) =>
            section(
              results.length > 1 ? `What happened in ${result.scenario}` : 'What happened',
              seenAt(result, host),
              ['terminal'],
            ),
          )
        : []),
      section('When each port came free', gantt(groups, log), ['page', 'markdown']),
      section(
        'Other measurements',
        [{kind: 'list', items: results.flatMap(otherMeasurements)}],
        ['terminal', 'markdown'],
      ),
      section('What contradicts common advice', [{kind: 'list', items: sentences}]),
    ],
    pageParts: stateDiagramParts,
    file: 'report.json',
  }
}

/** The same with what each scenario shows and the settings, for a document that is kept. */
export function wholeReportView(report: Report, details: RunDetails): View {
  const view = reportView(report, details)
  const {results, host} = report
  const places = new Map(results.map((result, index) => [result, index]))
  const settings = Object.entries(host.settings)
  const table: Block = {
    kind: 'table',
    label: 'Settings of the operating system',
    columns: ['setting', 'value'],
    rows: settings.map(([name, value]) => [name, String(value ?? 'not readable')]),
  }
  return {
    ...view,
    blocks: [
      ...view.blocks,
      section(
        'What each scenario shows',
        grouped(results).map(({group, items}) =>
          section(group.title, [
            {kind: 'text', text: group.lesson, muted: true},
            ...items.map((each) => detailsOf(each, places.get(each) ?? 0, report, details.log)),
          ]),
        ),
        ['page', 'markdown'],
      ),
      section('Settings', [table]),
    ],
  }
}

/** When each port came free, of those that were restarted on, by what their scenarios teach. */
function gantt(groups: ReturnType<typeof grouped<Result>>, log: RunLog | null): Block[] {
  const seen = groups
    .map(({group: {title}, items}) => ({
      title,
      results: items.filter(({timeline, bind}) => timeline.length > 0 || bind !== null),
    }))
    .filter(({results}) => results.length > 0)
  if (seen.length === 0) return []
  const longest = greatestOf(
    seen.flatMap(({results}) => results.map(({bind}) => bind?.waitSeconds ?? 0)),
    0.001,
  )
  return [
    {
      kind: 'figure',
      picture: () =>
        renderGantt(
          seen.map(({title, results}) => ({
            title,
            rows: results.map((result) => rowOf(result, log)),
          })),
        ),
      bars: seen.map(({title, results}) => ({
        title,
        bars: results.map((result) => ({
          label: result.scenario,
          value: outcomeWords(result),
          share: (result.bind?.waitSeconds ?? 0) / longest,
        })),
      })),
    },
  ]
}

function section(title: string, blocks: readonly Block[], only?: readonly Medium[]): Section {
  return {kind: 'section', title, blocks, ...(only === undefined ? {} : {only})}
}

function verdictOf(results: readonly Result[]): Tone {
  if (results.some(({status}) => status === 'unexpected' || status === 'failed')) return 'bad'
  return results.some(({status}) => status === 'skipped') ? 'open' : 'good'
}

/** `Granted at once: 19; after 1.1 to 63.3 s: 26; refused to the end: 0; without a bind to judge: 3.` */
function grantsWords(results: readonly Result[]): string {
  const binds = results.flatMap(({bind}) => bind ?? [])
  const waits = binds.flatMap(({verdict, waitSeconds}) =>
    verdict === 'delayed' ? (waitSeconds ?? []) : [],
  )
  const immediate = binds.filter(({verdict}) => verdict === 'immediate')
  const blocked = binds.filter(({verdict}) => verdict === 'blocked')
  const untilLimit = blocked.filter(({waited}) => waited)
  const range = new Set([leastOf(waits), greatestOf(waits)].map((seconds) => seconds.toFixed(1)))
  return [
    `Granted at once: ${immediate.length}`,
    ...(waits.length > 0 ? [`after ${[...range].join(' to ')} s: ${waits.length}`] : []),
    `refused to the end: ${untilLimit.length}`,
    ...(blocked.length > untilLimit.length
      ? [`refused and not waited for: ${blocked.length - untilLimit.length}`]
      : []),
    `without a bind to judge: ${results.length - binds.length}`,
  ]
    .join('; ')
    .concat('.')
}

function partialText({wallSeconds}: Report['run']): Block {
  return {
    kind: 'text',
    text: [
      {strong: 'This report is partial:'},
      ` the run was ended before it could write its own, so this one was made from its log, which breaks off ${wallSeconds.toFixed(1)} s after the beginning.`,
    ],
  }
}

const tones: Readonly<Record<Result['status'], Tone>> = {
  'as-expected': 'good',
  unexpected: 'bad',
  failed: 'bad',
  skipped: 'open',
}

/** Of one scenario everything is told on a terminal, of its arms too. */
function isOneScenario(results: readonly Result[]): boolean {
  return new Set(results.map(({scenario}) => scenario.split('/', 1)[0])).size === 1
}

/** The ways of both ends, and how a reader sees the residue without Rebind. */
function seenAt(result: Result, host: Report['host']): Block[] {
  const {hiddenStates} = platformOf(host.stack)
  const shown = waysOf(result, hiddenStates)
  const note = wayNotes(shown, hiddenStates)
  const figure: Block = {
    kind: 'figure',
    picture: () => renderStateDiagram(shown, note),
    lines: {rows: shown.ways.map((way) => [way.endpoint, wayWords(way)]), note},
  }
  const items = byHandLines(result, host)
  return [
    ...(shown.ways.length === 0 ? [] : [figure]),
    section('On the wire', ladderFigure(result)),
    ...(items.length === 0
      ? []
      : [
          section('How to see it yourself', [
            {kind: 'text', text: byHandNotes(result)},
            {kind: 'list', items},
          ]),
        ]),
  ]
}

function resultTable(groups: ReturnType<typeof grouped<Result>>): Block {
  const results = groups.flatMap(({items}) => items)
  const rows = results.map((result): Cell[] => {
    const cells = resultColumns.map(([, cell]) => cell(result))
    return [...cells.slice(0, -1), {tone: tones[result.status], text: cells.at(-1) ?? ''}]
  })
  const columns = resultColumns.map(([title, cell]) =>
    cell === residueWords ? ({title, above: true} as const) : title,
  )
  const headings = groups.map(({group, items}) => ({...group, rows: items.length}))
  return {kind: 'table', label: 'Results', columns, rows, groups: headings}
}

function problem({scenario, status, reason}: Result, index: number): Text[] {
  if (status === 'as-expected') return []
  return [[`${status} `, {link: scenario, to: `scenario-${index}`}, `: ${reason ?? 'not judged'}`]]
}

function otherMeasurements(result: Result): Text[] {
  const words = besidesWords(result)
  return words === undefined ? [] : [[{strong: result.scenario}, `: ${words}`]]
}

function detailsOf(result: Result, index: number, {host}: Report, run: RunLog | null): Details {
  const {scenario, title, claim, status, reason} = result
  const why: Block[] =
    reason === undefined ? [] : [{kind: 'text', text: [{strong: `Why ${status}:`}, ` ${reason}`]}]
  return {
    kind: 'details',
    id: `scenario-${index}`,
    open: status === 'unexpected' || status === 'failed',
    summary: scenario,
    aside: bindWords(result).join(', '),
    badge: {tone: tones[status], words: statusWords(result)},
    blocks: [
      {kind: 'text', text: [{strong: `${title}.`}, ` ${claim}`]},
      ...why,
      ...seenAt(result, host),
      {kind: 'facts', facts: factsOf(result)},
      ...repetitions(result),
      ...whatHappened(result, run?.scenarios.get(scenario)),
    ],
  }
}

function factsOf(result: Result): [string, Text][] {
  const {bind, expected, outageSeconds, predecessor, successor} = result
  const error = bind?.firstError
  const facts: [string, Text | undefined][] = [
    ['old server', serverWords(predecessor)],
    ['new server', serverWords(successor)],
    ['residue', residueWords(result)],
    ['bind attempts', bind === null ? undefined : attemptWords(bind)],
    [
      'first error',
      error == null
        ? undefined
        : [`${error.code} ${error.errno} from ${error.syscall}: `, {code: error.message}],
    ],
    ['wait: first attempt to grant', bind === null ? undefined : waitWords(result)],
    [
      'residue appeared to grant',
      bind?.residueSeconds == null ? undefined : `${bind.residueSeconds.toFixed(3)} s`,
    ],
    ['outage for clients', outageSeconds === null ? undefined : `${outageSeconds.toFixed(3)} s`],
    ['other measurements', besidesWords(result)],
    ['expected', expected === null ? undefined : expectedWords(expected)],
    ['because', expected?.because],
    ['source', expected === null ? undefined : [{code: expected.source}]],
    ...(expected?.alternatives ?? []).map((each): [string, Text] => [
      'also possible',
      `${expectedWords(each)}: ${each.because}`,
    ]),
  ]
  return facts.flatMap(([label, value]) => (value === undefined ? [] : [[label, value]]))
}

function serverWords({opener, bind, address, inherited, otherUser}: ServerReport): string {
  const options = optionNames[bind]
  const how = opener === 'node' ? `server.listen, which sets ${options}` : options
  const whose = otherUser === undefined ? '' : ", another user's"
  return `${how}; on ${address}${inherited === true ? ', socket inherited' : ''}${whose}`
}

function attemptWords({attempts, errors}: Bind): string {
  const refused = Object.entries(errors).map(([code, count]) => `${count} refused with ${code}`)
  return [`${attempts}`, ...refused].join(', ')
}

function expectedWords({verdict, code, errno, residueSeconds}: NonNullable<Result['expected']>) {
  const error = code === undefined ? '' : `, ${code} ${errno ?? ''}`.trimEnd()
  const range =
    residueSeconds === undefined
      ? ''
      : `, granted ${residueSeconds.map((seconds) => seconds.toFixed(2)).join(' to ')} s after the residue appeared`
  return `${verdict}${error}${range}`
}

function repetitions({repeats = [], scenario, status}: Result): Block[] {
  if (repeats.length === 0) return []
  const rows = repeats.map((repetition, index) => {
    const words = [verdictWords(repetition), waitWords(repetition)]
    return [`${index + 1}`, ...words, repetition.status, repetition.reason ?? '']
  })
  const columns = ['time', 'verdict', 'wait', 'result', 'reason']
  return [
    section('Repetitions', [
      {kind: 'text', text: `${repeats.length} times; together ${status}.`},
      {kind: 'table', label: `Repetitions of ${scenario}`, columns, rows},
    ]),
  ]
}

function whatHappened(result: Result, log: Parameters<typeof happenings>[1]): Block[] {
  const happened = happenings(result, log)
  if (happened.length === 0) return []
  const since =
    originOf(result, log).is === 'first attempt'
      ? 'the first bind attempt'
      : 'the first socket was seen'
  return [
    section('Events in order', [
      {
        kind: 'table',
        label: `What happened in ${result.scenario}`,
        columns: ['seconds', 'what'],
        rows: happened.map(({seconds, what}) => [seconds.toFixed(4), what]),
      },
      {
        kind: 'text',
        muted: true,
        text: `Seconds since ${since}; a state is seen when the socket table is read, twice a second and after each step.`,
      },
    ]),
  ]
}
