import {stripVTControlCharacters} from 'node:util'
import {judge} from '../../harness/compare/baseline.ts'
import {compare} from '../../harness/compare/compare.ts'
import type {ComparableDocument} from '../../harness/compare/documents.ts'
import {comparisonSchema, judgementSchema} from '../../harness/documents/comparison-schema.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {comparisonView, judgementView} from '../../harness/views/comparison.ts'
import {delayed, granted, matrixBy, refused, reportBy} from '../compare/documents-by-rules.ts'
import {test} from '../declare.ts'

const twoReports = [reportBy(linux), reportBy(gvisor, {ids: ['reuseport-added-late']})]

function lines(documents: ComparableDocument[], width?: number): string[] {
  return stripVTControlCharacters(
    renderForTerminal(comparisonView(compare(documents)), width),
  ).split('\n')
}

test('a comparison and a judgement are as their schema says', (t) => {
  const comparison = compare([...twoReports, matrixBy(linux), matrixBy(darwin)])
  t.deepEqual(comparisonSchema.parse(JSON.parse(JSON.stringify(comparison))), comparison)
  const judgement = judge([reportBy(linux)], [reportBy(linux, {ids: []})])
  t.deepEqual(judgementSchema.parse(JSON.parse(JSON.stringify(judgement))), judgement)
})

test('a comparison that has more or fewer answers than sides is none', (t) => {
  const comparison = compare([...twoReports, matrixBy(linux), matrixBy(darwin)])
  const cells = comparison.cells ?? t.fail()
  const [scenario, ...scenarios] = comparison.scenarios
  const [release, ...releases] = comparison.releases
  const [group, ...groups] = cells.groups
  const without = [
    {...comparison, scenarios: [{...scenario, answers: []}, ...scenarios]},
    {...comparison, releases: [{...release, releases: [null]}, ...releases]},
    {...comparison, cells: {...cells, tables: [...cells.tables, cells.tables[0]]}},
    {...comparison, cells: {...cells, absent: []}},
    {...comparison, cells: {...cells, groups: [{...group, outcomes: [null]}, ...groups]}},
    {...comparison, reports: []},
  ]
  for (const each of without) {
    const {error} = comparisonSchema.safeParse(each)
    t.regex(error?.issues[0]?.message ?? '', /^\d entries for \d sides$/)
  }
})

test('a wide terminal gets a row for each scenario, with a column for each side and what differs', (t) => {
  const rows = lines(twoReports, 200)
  t.regex(rows.find((row) => row.startsWith('scenario')) ?? '', /^scenario +Linux +gVisor +differs/)
  t.regex(
    rows.find((row) => row.startsWith('reuseport-added-late ')) ?? '',
    /delayed, EADDRINUSE 98, 59\.600 s \(1\.0 ms\) +immediate +grant/,
  )
  t.regex(rows.find((row) => row.startsWith('client-aborts ')) ?? '', /immediate +absent +absent/)
  t.true(rows.includes('6 scenarios: 0 alike, 1 differ, 5 not compared'))
  t.true(
    rows.includes(
      '- reuseport-added-late: Linux asks both sockets for SO_REUSEPORT; gVisor only the new one.',
    ),
  )
})

test('a narrow terminal gets each side on a line of its own', (t) => {
  const rows = lines(twoReports, 70)
  const at = rows.indexOf('reuseport-added-late')
  t.deepEqual(rows.slice(at + 1, at + 4), [
    '  Linux: delayed, EADDRINUSE 98, 59.600 s (1.0 ms)',
    '  gVisor: immediate',
    '  differs: grant',
  ])
})

test('so does any terminal if there are more sides than fit a line', (t) => {
  const ids = ['server-closes-first', 'reuseaddr-added-late', 'reuseport-added-late']
  const many = [...ids, 'client-never-closes', 'client-aborts'].map((id, index) =>
    reportBy(linux, {release: `6.${index}.0`, results: {[id]: {bind: denied}}}),
  )
  t.true(lines(many).includes('  Linux 6.4: refused, EACCES 13'))
})

/** A refusal that no system's rules know. */
const denied = {
  ...refused(13),
  firstError: {code: 'EACCES', errno: 13, syscall: 'bind', message: 'bind EACCES'},
}

const manySystems = [
  reportBy(linux, {release: '5.10.0-32', results: {'client-aborts': {bind: delayed(60.5)}}}),
  ...['6.1.0-50', '6.12.117', '7.3.4'].map((release) => reportBy(linux, {release})),
  reportBy(gvisor, {label: 'gVisor 20221219'}),
  reportBy(gvisor, {label: 'gVisor 20240729'}),
]

test('of many systems, those that answer alike share a column, and what all answer alike has no row', (t) => {
  const rows = lines(manySystems, 250)
  t.regex(
    rows.find((row) => row.startsWith('scenario ')) ?? '',
    /^scenario +Linux 5\.10 +Linux 6\.1, 6\.12 and 7\.3 +gVisor 20221219 and 20240729 +differs *$/,
  )
  t.regex(
    rows.find((row) => row.startsWith('client-aborts ')) ?? '',
    /^client-aborts +delayed, EADDRINUSE 98, .+ immediate +immediate +grant/,
  )
  t.false(rows.some((row) => row.startsWith('server-closes-first ')))
  t.regex(rows.find((row) => row.startsWith('- Alike on all: ')) ?? '', /server-closes-first/)
})

test('of several versions, a sentence says since which one it is so', (t) => {
  const why = lines(manySystems).find((row) => row.startsWith('- client-aborts: ')) ?? ''
  t.regex(why, / So since Linux 6\.1, of the versions compared\.$/)
})

test('what follows from how long each keeps a residue is said once, and is no difference of a row', (t) => {
  for (const documents of [[reportBy(linux), reportBy(gvisor)], manySystems]) {
    const text = lines(documents, 250).join('\n')
    t.notRegex(text, /\bwait *$/m)
    t.notRegex(text, /Release: /)
    t.regex(text, /\(\d of them but for how long the port is kept\)/)
    t.is(text.match(/a timer of Go's/g)?.length, 2, 'of TIME_WAIT and of FIN_WAIT2')
  }
  t.regex(
    lines(manySystems).join('\n'),
    /\n- Linux 5\.10, 6\.1, 6\.12 and 7\.3: 60\.00 to 62\.05 s/,
  )
})

test('of many systems, the arms of a kernel setting are still kept apart, each named', (t) => {
  const arm = 'fin-timeout-ends-fin-wait2/5-seconds'
  const ids = ['client-never-closes', arm]
  const rows = lines([
    ...['5.10.0', '6.1.0'].map((release) => reportBy(linux, {release, ids})),
    ...['20221219', '20240729'].map((label) =>
      reportBy(gvisor, {label: `gVisor ${label}`, ids: ['client-never-closes']}),
    ),
  ])
  const title = rows.indexOf('How long FIN_WAIT2 is kept')
  const [usual = '', go = '', short = '', end] = rows.slice(title + 1)
  t.regex(usual, /^- Linux 5\.10 and 6\.1: 60\.00 to 62\.05 s .*; measured .* in 2 waits/)
  t.regex(go, /^- gVisor 20221219 and 20240729: 60\.00 to 60\.50 s .* in 2 waits/)
  t.true(short.startsWith(`- Linux 5.10 and 6.1, ${arm}: 5.00 to `), short)
  t.is(end, '')
})

test('tables that agree are one line, and cells name the systems together', (t) => {
  const releases = ['5.10.0', '6.1.0', '6.18.0']
  const matrices = [...releases.map((release) => matrixBy(linux, {release})), matrixBy(gvisor)]
  const rows = lines(matrices)
  t.is(rows.filter((row) => row.includes(' as the rules say, ')).length, 2)
  t.true(rows.some((row) => row.startsWith('- Linux 5.10, 6.1 and 6.18: 4896 cells')))
  t.true(
    rows.some((row) =>
      row.includes(': EADDRINUSE on Linux 5.10, 6.1 and 6.18; granted on gVisor. '),
    ),
  )
})

test('repetitions are shown as a range, and the releases with theirs and their source', (t) => {
  const repeats = [60.1, 61.9].map((seconds) => ({
    status: 'as-expected' as const,
    bind: delayed(seconds),
    outageSeconds: seconds,
  }))
  const results = {'server-closes-first': {bind: delayed(60.1), repeats}}
  const text = lines([reportBy(linux, {results, ids: ['server-closes-first']}), reportBy(gvisor)])
  t.true(text.some((line) => line.includes('59.600 to 61.400 s (1.0 ms), 2 times')))
  t.true(
    text.includes(
      '- Linux: 60.00 to 62.05 s by the timer wheel, which rounds a constant 60 s up; measured 60.099 to ' +
        '61.900 s in 2 waits (include/net/tcp.h:TCP_TIMEWAIT_LEN; kernel/time/timer.c:calc_wheel_index)',
    ),
  )
})

test('repetitions that answered otherwise than the first are counted', (t) => {
  const repeats = [granted, delayed(60.1), granted].map((bind) => ({
    status: 'as-expected' as const,
    bind,
    outageSeconds: 1,
  }))
  const results = {'client-aborts': {bind: granted, repeats}}
  const text = lines([reportBy(linux, {results}), reportBy(gvisor)])
  t.regex(
    text.find((line) => line.startsWith('client-aborts ')) ?? '',
    /immediate, otherwise in 1 of 3/,
  )
})

test('matrices are counts and groups, not thousands of lines', (t) => {
  const rows = lines([matrixBy(linux), matrixBy(gvisor)])
  t.true(rows.length < 100, `${rows.length} lines`)
  const counts = /^- Linux: 4896 cells, \d+ granted, \d+ refused; 4896 as the rules say, 0 against/
  t.true(rows.some((row) => counts.test(row)))
  t.true(
    rows.some((row) =>
      row.includes('. Linux asks both sockets for SO_REUSEPORT; gVisor only the new one. E.g.'),
    ),
  )
})

test('a judgement has one line for each difference, and the terminal no more than a hundred', (t) => {
  const old = matrixBy(linux)
  const few = judge([reportBy(linux)], [reportBy(linux, {ids: ['client-aborts']})])
  const differing = stripVTControlCharacters(renderForTerminal(judgementView(few), undefined))
    .split('\n')
    .filter((line) => line.includes(': missing, the baseline has it'))
  t.is(differing.length, 5)
  t.is(differing[0], '- server-closes-first: missing, the baseline has it')
  const all = judge([old], [matrixBy(linux, {change: () => ({observed: 'EPERM'})})])
  t.is(all.differences.length, 4896)
  t.regex(
    renderForTerminal(judgementView(all), undefined),
    /\n- and 4796 more in the JSON \(--json\)\n/,
  )
  t.true(renderAsMarkdown(judgementView(all)).length < 1024 * 1024)
})

const hostile = '\u001b[2J\u001b]0;title\u0007<script>alert(1)</script>|`x`\r\n# heading'

test('free text of a document takes effect neither in a terminal nor in Markdown', (t) => {
  const results = {
    'client-aborts': {reason: hostile, status: 'failed', bind: null} as const,
    'server-closes-first': {
      bind: granted,
      status: 'unexpected' as const,
      expected: {verdict: 'delayed', residue: 'none', because: hostile, source: hostile} as const,
    },
  }
  const documents = [reportBy(linux), reportBy(linux, {results, file: hostile, release: '7.0'})]
  const [old, fresh] = documents
  if (old === undefined || fresh === undefined) return t.fail()
  const judgement = judge([old], [fresh])
  t.true(judgement.notCompared.some(({text}) => text.includes('alert(1)')))
  for (const text of [
    renderForTerminal(comparisonView(compare(documents)), 80),
    renderForTerminal(judgementView(judgement), undefined),
  ]) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    t.notRegex(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    t.notRegex(text, /^# heading/m)
  }
  for (const text of [
    renderAsMarkdown(comparisonView(compare(documents))),
    renderAsMarkdown(judgementView(judgement)),
  ]) {
    t.true(text.includes('alert(1)'))
    t.notRegex(text, /<script/)
    t.notRegex(text, /^# heading/m)
    t.notRegex(text, /[^\\]\|`x/)
  }
})

test('Markdown is a table with a column for each side, and the reasons below it', (t) => {
  const text = renderAsMarkdown(comparisonView(compare(twoReports)))
  t.true(text.includes('| scenario | Linux | gVisor | differs |\n| --- | --- | --- | --- |\n'))
  t.regex(text, /\n\| reuseport-added-late \| delayed, .+ \| immediate \| \*\*grant\*\* \|\n/)
  t.regex(text, /\n## What differs, and why\n\n- \*\*reuseport-added-late\*\*: Linux asks both/)
})
