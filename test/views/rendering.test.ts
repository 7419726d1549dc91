import {type Report, type Result, reportSchema} from '../../harness/documents/report-schema.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {findingSentences} from '../../harness/views/findings.ts'
import {reportView, wholeReportView} from '../../harness/views/report.ts'
import {scenarios} from '../../scenarios/index.ts'
import {test} from '../declare.ts'

const delayed: Result = {
  scenario: 'reuseaddr-added-late',
  title: 'SO_REUSEADDR added at the restart',
  claim: 'A claim.',
  status: 'as-expected',
  predecessor: {opener: 'native', bind: 'none', address: '127.0.0.1'},
  successor: {opener: 'native', bind: 'reuseaddr', address: '127.0.0.1'},
  residue: [{endpoint: 'server', state: 'TIME_WAIT', count: 1}],
  bind: {
    verdict: 'delayed',
    waited: true,
    attempts: 3,
    errors: {EADDRINUSE: 2},
    firstError: {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'bind EADDRINUSE'},
    waitSeconds: 60.5,
    residueSeconds: 60.6,
    uncertaintySeconds: 0.0012,
  },
  outageSeconds: 60.6,
  expected: {
    verdict: 'delayed',
    code: 'EADDRINUSE',
    errno: 98,
    residue: 'TIME_WAIT',
    residueSeconds: [60, 62.05],
    because: 'both are asked',
    source: 'file:function',
  },
  timeline: [],
}

const report: Report = {
  format: 'rebind-report',
  version: 1,
  run: {
    id: 'a-run',
    startedAt: '2026-11-24T00:00:00.000Z',
    wallSeconds: 62,
    rebind: '0.1.0',
    command: ['run'],
  },
  host: {
    os: 'linux',
    stack: 'linux',
    release: '6.18',
    arch: 'x64',
    node: '20.19.0',
    libuv: '1.46.0',
    settings: {tcp_fin_timeout: 60, ip_local_port_range: '32768 60999', CONFIG_HZ: null},
    ci: null,
  },
  results: [delayed],
}

const hostile = '\u001b[2J\u001b]0;title\u0007<script>alert(1)</script>|`x`\r\n# heading'
const hostileReport: Report = {
  ...report,
  run: {...report.run, id: hostile},
  host: {...report.host, release: hostile},
  results: [{...delayed, scenario: hostile, claim: hostile, status: 'failed', reason: hostile}],
}

test('the schema takes a report, and keeps fields that a later version may add', (t) => {
  t.deepEqual(reportSchema.parse({...report, later: true}), {...report, later: true})
})

const broken: [what: string, change: object][] = [
  ['another format', {format: 'rebind-matrix'}],
  ['a newer version', {version: 2}],
  ['a status of its own', {results: [{...delayed, status: 'fine'}]}],
  ['a negative wait', {results: [{...delayed, bind: {...delayed.bind, waitSeconds: -1}}]}],
  [
    'a state that TCP does not have',
    {results: [{...delayed, residue: [{endpoint: 'server', state: 'TIRED', count: 1}]}]},
  ],
  ['no host', {host: undefined}],
]
for (const [what, change] of broken) {
  test(`the schema refuses ${what}`, (t) => {
    t.false(reportSchema.safeParse({...report, ...change}).success)
  })
}

test('a wide terminal gets one row for each scenario, with wait and uncertainty', (t) => {
  const row = renderForTerminal(reportView(report, {log: null, sentences: []}), 200)
    .split('\n')
    .find((line) => line.includes('reuseaddr-added-late'))
  t.regex(row ?? '', /server TIME_WAIT +EADDRINUSE 98 +delayed +60\.500 s \(1\.2 ms\) +as expected/)
})

test('a narrow terminal gets no line that it would have to wrap', (t) => {
  const lines = renderForTerminal(reportView(report, {log: null, sentences: []}), 78).split('\n')
  t.true(
    lines.every((line) => line.length <= 78),
    lines.join('\n'),
  )
  t.true(lines.some((line) => line.includes('EADDRINUSE 98')))
})

test('a terminal is sent no control character of a report', (t) => {
  const text = renderForTerminal(
    reportView(hostileReport, {log: null, sentences: [hostile]}),
    undefined,
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notRegex(text, /[\u0000-\u0009\u000b-\u001a\u001c-\u001f\u007f-\u009f]/)
  t.false(text.includes('\u001b[2J'))
  t.false(text.includes('\u001b]0'))
})

test('Markdown shows the host, each result and the settings', (t) => {
  const text = renderAsMarkdown(wholeReportView(report, {log: null, sentences: ['A finding.']}))
  t.true(text.includes('Linux 6.18 x64, Node 20.19.0'))
  t.true(
    text.includes('| reuseaddr-added-late | server TIME\\_WAIT | EADDRINUSE 98 |') ||
      text.includes('| reuseaddr-added-late | server TIME_WAIT | EADDRINUSE 98 |'),
  )
  t.true(text.includes('- A finding.'))
  t.true(text.includes('not readable'))
})

test('neither HTML nor Markdown of a report takes effect', (t) => {
  const text = renderAsMarkdown(wholeReportView(hostileReport, {log: null, sentences: [hostile]}))
  // In a fence it is text.
  const unfenced = text.replace(/^(`{3,})text\n(?:(?!\1).*\n)+\1$/gm, '')
  t.true(unfenced.length < text.length)
  t.notRegex(unfenced, /<script/)
  t.notRegex(unfenced, /^# heading/m)
  t.notRegex(unfenced, /[^\\]\|`x/)
})

test('advice that the measurement contradicts becomes a sentence, with numbers of this run', (t) => {
  t.deepEqual(findingSentences([delayed], scenarios), [
    '"Set SO_REUSEADDR and the server restarts at once." Not here: refused with EADDRINUSE 2 times, ' +
      'and granted after 60.5 s (reuseaddr-added-late). Why: both are asked.',
  ])
})

test('advice that the measurement bears out is passed over', (t) => {
  const immediate = {...delayed.bind, verdict: 'immediate', attempts: 1, firstError: null}
  t.deepEqual(findingSentences([{...delayed, bind: immediate as Result['bind']}], scenarios), [])
})

test('a scenario that failed contradicts nothing', (t) => {
  t.deepEqual(findingSentences([{...delayed, status: 'failed'}], scenarios), [])
})
