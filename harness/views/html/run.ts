import type {Report, Result, ServerReport} from '../../documents/report-schema.ts'
import type {RunLog} from '../../documents/run-log.ts'
import {
  besidesWords,
  firstErrorWords,
  hostWords,
  residueWords,
  statusWords,
  tally,
  verdictWords,
  waitWords,
} from '../../documents/words.ts'
import {greatestOf, leastOf} from '../../extremes.ts'
import type {Draw} from '../../render/html/chart.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {type Article, badge, definitions, list, section, table} from '../../render/html/page.ts'
import {optionNames} from '../../sockets/bind-options.ts'
import {renderGantt} from './gantt.ts'
import {happenings, originOf, rowOf} from './timeline.ts'

/** What stands besides report.json in its folder. */
export interface RunDetails {
  /** Null where there is no events.ndjson. */
  log: RunLog | null
  /** What contradicts common advice. */
  sentences: readonly string[]
}

/** Clients that come and go change states by the hundred. */
const happeningsShown = 60
const repetitionsShown = 50

type Bind = NonNullable<Result['bind']>

/** The page of `rebind run`. */
export async function runArticle(
  report: Report,
  {log, sentences}: RunDetails,
  draw: Draw,
): Promise<Article> {
  const {run, host, results} = report
  const otherwise = results.flatMap((result, index) =>
    result.status === 'as-expected' ? [] : [problem(result, index)],
  )
  const rows = results.filter(({timeline, bind}) => timeline.length > 0 || bind !== null)
  const settings = Object.entries(host.settings)
  return {
    title: `Rebind run ${run.id}`,
    body: html`<p>${hostWords(host)}; started <time datetime="${run.startedAt}">${run.startedAt}</time>, took ${run.wallSeconds.toFixed(1)} s.
${run.interrupted !== undefined && ` Interrupted by ${run.interrupted}.`}</p>
<p class="verdict ${verdictOf(results)}">${tally(results)}</p>
<p>${grantsWords(results)}</p>
${run.partial === true && html`<p><strong>This report is partial:</strong> the run was ended before it could write its own, so this one was made from its log, which breaks off ${run.wallSeconds.toFixed(1)} s after the beginning.</p>`}
${section('What went otherwise', list(otherwise) || false)}
${
  rows.length > 0 &&
  section(
    'When each port came free',
    await renderGantt(
      rows.map((result) => rowOf(result, log)),
      draw,
    ),
  )
}
${section('What contradicts common advice', list(sentences))}
${section('Scenarios', html`${results.map((result, index) => details(result, index, log))}`)}
${
  settings.length > 0 &&
  section(
    'Settings',
    table(
      'Settings of the operating system',
      ['setting', 'value'],
      settings.map(([name, value]) => [name, String(value ?? 'not readable')]),
    ),
  )
}`,
  }
}

function verdictOf(results: readonly Result[]): 'good' | 'bad' | 'open' {
  if (results.some(({status}) => status === 'unexpected' || status === 'failed')) return 'bad'
  return results.some(({status}) => status === 'skipped') ? 'open' : 'good'
}

/** `19 ports were granted at once, 26 after 1.1 to 63.3 s, 0 were refused to the end; 3 scenarios had no bind to judge.` */
function grantsWords(results: readonly Result[]): string {
  const binds = results.flatMap(({bind}) => bind ?? [])
  const waits = binds.flatMap(({verdict, waitSeconds}) =>
    verdict === 'delayed' ? (waitSeconds ?? []) : [],
  )
  const immediate = binds.filter(({verdict}) => verdict === 'immediate')
  const blocked = binds.filter(({verdict}) => verdict === 'blocked')
  const untilLimit = blocked.filter(({waited}) => waited)
  const range = [leastOf(waits), greatestOf(waits)].map((seconds) => seconds.toFixed(1))
  return [
    `${immediate.length} ports were granted at once`,
    ...(waits.length > 0 ? [`${waits.length} after ${range.join(' to ')} s`] : []),
    `${untilLimit.length} were refused to the end`,
    ...(blocked.length > untilLimit.length
      ? [`${blocked.length - untilLimit.length} were refused and not waited for`]
      : []),
  ]
    .join(', ')
    .concat(`; ${results.length - binds.length} scenarios had no bind to judge.`)
}

function problem({scenario, status, reason = 'not judged'}: Result, index: number): Markup {
  return html`<a href="#scenario-${index}">${scenario}</a> ${status}: ${reason}`
}

function details(result: Result, index: number, run: RunLog | null): Markup {
  const {scenario, title, claim, status, reason, bind, expected, outageSeconds} = result
  const known = [verdictWords(result), waitWords(result), firstErrorWords(result)].filter(
    (word) => word !== '-',
  )
  const log = run?.scenarios.get(scenario)
  const happened = happenings(result, log)
  const kind = {'as-expected': 'good', unexpected: 'bad', failed: 'bad', skipped: 'open'} as const
  const open = status === 'unexpected' || status === 'failed'
  return html`<details id="scenario-${index}"${open && html` open`}>
<summary><span class="id">${scenario}</span> <span class="what">${known.join(', ')}</span> ${badge(kind[status], statusWords(result))}</summary>
<div>
<p><strong>${title}.</strong> ${claim}</p>
${reason !== undefined && html`<p><strong>Why ${status}:</strong> ${reason}</p>`}
${definitions([
  ['old server', serverWords(result.predecessor)],
  ['new server', serverWords(result.successor)],
  ['residue', residueWords(result)],
  ['bind attempts', bind !== null && attemptWords(bind)],
  ['first error', errorWords(bind)],
  ['wait: first attempt to grant', bind !== null && waitWords(result)],
  [
    'residue appeared to grant',
    bind?.residueSeconds != null && `${bind.residueSeconds.toFixed(3)} s`,
  ],
  ['outage for clients', outageSeconds !== null && `${outageSeconds.toFixed(3)} s`],
  ['measured besides', besidesWords(result) ?? false],
  ['expected', expected !== null && expectedWords(expected)],
  ['because', expected?.because ?? false],
  ['source', expected !== null && html`<code>${expected.source}</code>`],
])}
${repetitions(result)}
${
  happened.length > 0 &&
  html`<h3>What happened</h3>${table(
    `What happened in ${scenario}`,
    ['seconds', 'what'],
    happened.slice(0, happeningsShown).map(({seconds, what}) => [seconds.toFixed(4), what]),
  )}${happened.length > happeningsShown && html`<p>and ${happened.length - happeningsShown} more in report.json and events.ndjson</p>`}
<p class="muted">Seconds since ${originOf(result, log).is === 'first attempt' ? 'the first bind attempt' : 'the first socket was seen'}; a state is seen when the socket table is read, twice a second and after each step.</p>`
}
</div>
</details>
`
}

function serverWords({opener, bind, address, inherited}: ServerReport): string {
  const options = optionNames[bind]
  const how = opener === 'node' ? `server.listen, which sets ${options}` : options
  return `${how}; on ${address}${inherited === true ? ', socket inherited' : ''}`
}

function attemptWords({attempts, errors}: Bind): string {
  const refused = Object.entries(errors).map(([code, count]) => `${count} refused with ${code}`)
  return [`${attempts}`, ...refused].join(', ')
}

function errorWords(bind: Result['bind']): Markup | false {
  const error = bind?.firstError
  return (
    error != null &&
    html`${error.code} ${error.errno} from ${error.syscall}: <code>${error.message}</code>`
  )
}

function expectedWords({verdict, code, errno, residueSeconds}: NonNullable<Result['expected']>) {
  const error = code === undefined ? '' : `, ${code} ${errno ?? ''}`.trimEnd()
  const range =
    residueSeconds === undefined
      ? ''
      : `, granted ${residueSeconds.map((seconds) => seconds.toFixed(2)).join(' to ')} s after the residue appeared`
  return `${verdict}${error}${range}`
}

function repetitions({repeats = [], scenario, status}: Result): Markup | false {
  if (repeats.length === 0) return false
  const rows = repeats.slice(0, repetitionsShown).map((repetition, index) => {
    const words = [verdictWords(repetition), waitWords(repetition)]
    return [`${index + 1}`, ...words, repetition.status, repetition.reason ?? '']
  })
  const more = repeats.length - rows.length
  return html`<h3>Repetitions</h3>
<p>${repeats.length} times; together ${status}.</p>
${table(`Repetitions of ${scenario}`, ['time', 'verdict', 'wait', 'result', 'reason'], rows)}
${more > 0 && html`<p>and ${more} more in report.json</p>`}`
}
