import {stripVTControlCharacters} from 'node:util'
import {type Report, type Result, reportSchema} from '../../harness/documents/report-schema.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {reportView, wholeReportView} from '../../harness/views/report.ts'
import {test} from '../declare.ts'
import {recordedReport} from '../documents/documents.ts'

const server = {opener: 'native', bind: 'none', address: '127.0.0.1'} as const
const asExpected: Result = {
  scenario: 'server-closes-first',
  title: 'A title',
  claim: 'A claim.',
  status: 'as-expected',
  predecessor: server,
  successor: server,
  residue: [{endpoint: 'server', state: 'TIME_WAIT', count: 1}],
  bind: {
    verdict: 'delayed',
    waited: true,
    attempts: 2,
    errors: {EADDRINUSE: 1},
    firstError: {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'refused'},
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
    because: 'the rule says so',
    source: 'file:function',
  },
  timeline: [],
}
const skipped: Result = {
  ...asExpected,
  scenario: 'no-ffi',
  status: 'skipped',
  reason: 'no FFI here',
  residue: null,
  bind: null,
}
const report: Report = reportSchema.parse({
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
    settings: {'odd|name': 'a|b'},
    ci: null,
  },
  results: [asExpected, skipped],
})

function terminalLines(results: Result[], width: number | undefined): string[] {
  return stripVTControlCharacters(
    renderForTerminal(reportView({...report, results}, {log: null, sentences: []}), width),
  ).split('\n')
}

for (const width of [200, undefined]) {
  test(`at a width of ${width ?? 'no limit'} each result is one row under the same columns`, (t) => {
    const lines = terminalLines([asExpected, skipped], width)
    const title = lines.find((line) => line.startsWith('scenario')) ?? ''
    const rows = lines.filter((line) => /^(server-closes-first|no-ffi) {2,}/.test(line))
    t.is(rows.length, 2)
    for (const [column, values] of Object.entries({
      residue: ['server TIME_WAIT', 'not visible'],
      verdict: ['delayed', '-'],
      result: ['as expected', 'SKIPPED'],
    })) {
      const start = title.indexOf(column)
      t.true(start > 0)
      t.deepEqual(
        rows.map((row) => row.slice(start).split(/ {2,}/)[0]),
        values,
      )
    }
  })
}

test('a row that exactly fills the terminal is still a row, one column less takes two lines', (t) => {
  const wide = terminalLines([asExpected], undefined)
  const needed = wide.find((line) => line.startsWith('server-closes-first'))?.length ?? 0
  t.deepEqual(terminalLines([asExpected], needed).slice(-3), wide.slice(-3))
  t.true(terminalLines([asExpected], needed - 1).includes(twoLines[0]))
})

const twoLines = [
  'server-closes-first: server TIME_WAIT',
  '  EADDRINUSE 98  delayed  60.500 s (1.2 ms)   as expected',
] as const

test('at a width of 60 a result is its name and residue, and the other columns aligned below', (t) => {
  const lines = terminalLines([asExpected, skipped], 60)
  const name = lines.indexOf(twoLines[0])
  t.deepEqual(lines.slice(name, name + 2), [...twoLines])
  const other = lines.indexOf('no-ffi: not visible')
  t.is(lines[other + 1], '  -              -        -                   SKIPPED')
})

test('where two lines exactly fill the terminal they stay, one column less makes a paragraph', (t) => {
  const needed = twoLines[1].length
  t.true(terminalLines([asExpected], needed).includes(twoLines[1]))
  const lines = terminalLines([asExpected], needed - 1)
  const name = lines.indexOf('server-closes-first')
  t.deepEqual(lines.slice(name + 1, name + 3), [
    '  residue: server TIME_WAIT, first error: EADDRINUSE 98,',
    '    verdict: delayed, wait (uncertainty): 60.500 s (1.2',
  ])
})

test('no line is wider than the terminal, whatever its width', (t) => {
  const {results} = recordedReport()
  for (let width = 50; width <= 160; width++) {
    t.deepEqual(
      terminalLines(results, width).filter((line) => line.length > width),
      [],
      `${width}`,
    )
  }
})

test('the reason of what went otherwise is told below the table, in both renderings', (t) => {
  t.true(terminalLines([asExpected, skipped], 200).includes('- skipped no-ffi: no FFI here'))
  t.regex(
    renderAsMarkdown(wholeReportView(report, {log: null, sentences: []})),
    /## Unexpected results\n\n- skipped \*\*no-ffi\*\*: no FFI here\n/,
  )
})

test('sections without content are left out', (t) => {
  const all = {...report, results: [asExpected]}
  t.notRegex(
    renderAsMarkdown(wholeReportView(all, {log: null, sentences: []})),
    /Unexpected results|contradicts common advice/,
  )
  t.notRegex(
    renderForTerminal(reportView(all, {log: null, sentences: []}), 200),
    /contradicts common advice/,
  )
})

test('an interrupted run says by which signal', (t) => {
  const run = {...report.run, interrupted: 'SIGTERM'}
  t.regex(
    renderAsMarkdown(wholeReportView({...report, run}, {log: null, sentences: []})),
    /took 62\.0 s, interrupted by SIGTERM\./,
  )
})

test('what a scenario expects is explained with its reason and source', (t) => {
  const markdown = renderAsMarkdown(wholeReportView(report, {log: null, sentences: []}))
  t.true(
    markdown.includes(
      '\n- expected: delayed, EADDRINUSE 98\n- because: the rule says so\n- source: `file:function`\n',
    ),
  )
  t.true(markdown.includes('<summary><b>no-ffi</b>: SKIPPED</summary>'))
})

const inMarkdown: [what: string, text: string, written: string][] = [
  ['a tag', '<img src=x onerror=alert(1)>', '&lt;img src=x onerror=alert(1)&gt;'],
  ['an entity', '&lt;b&gt;', '&amp;lt;b&amp;gt;'],
  ['a table cell', 'a|b', 'a\\|b'],
  ['an escaped table cell', 'a\\|b', 'a\\\\\\|b'],
  ['a link', '[click](javascript:x)', '\\[click\\](javascript:x)'],
  ['code and emphasis', '`a` **b** ~~c~~', '\\`a\\` \\*\\*b\\*\\* \\~\\~c\\~\\~'],
  ['a heading on a line of its own', 'a\n# b', 'a \\# b'],
]

for (const [what, text, written] of inMarkdown) {
  test(`Markdown shows ${what} of a report as it was`, (t) => {
    const hostile = {...skipped, scenario: text, claim: text, reason: text}
    const markdown = renderAsMarkdown(
      wholeReportView({...report, results: [hostile]}, {log: null, sentences: [text]}),
    )
    t.true(markdown.includes(`| ${written} | not visible |`))
    t.true(markdown.includes(`- skipped **${written}**: ${written}\n`))
    t.true(markdown.includes(`- ${written}\n`))
  })
}

test('a pipe in a setting does not break its row', (t) => {
  t.true(
    renderAsMarkdown(wholeReportView(report, {log: null, sentences: []})).includes(
      '| odd\\|name | a\\|b |',
    ),
  )
})
