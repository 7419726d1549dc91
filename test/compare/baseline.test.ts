import {judge} from '../../harness/compare/baseline.ts'
import type {Result} from '../../harness/documents/report-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {unknown} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {test} from '../declare.ts'
import {delayed, granted, matrixBy, refused, reportBy} from './documents-by-rules.ts'

const subject = 'server-closes-first'

type Change = Partial<Result>

/** The scenario alone, as the baseline had it and as it is now. */
function judged(before: Change, after: Change, platform = linux) {
  const [old, fresh] = [before, after].map((change) =>
    reportBy(platform, {ids: [subject], results: {[subject]: change}}),
  )
  if (old === undefined || fresh === undefined) throw new Error('two documents')
  const {differences, notCompared, notes} = judge([old], [fresh])
  return {
    differences: differences.map(({text}) => text),
    notCompared: notCompared.map(({text}) => text),
    notes,
  }
}

const played = (...seconds: number[]): Change => ({
  bind: delayed(seconds[0] ?? 60),
  repeats: seconds.map((each) => ({
    status: 'as-expected' as const,
    bind: delayed(each),
    outageSeconds: each,
  })),
})

const alike: [what: string, before: Change, after: Change][] = [
  ['the same', {}, {}],
  ['any wait of the expected range', {bind: delayed(60.001)}, {bind: delayed(62.05)}],
  ['a wait whose bracket reaches into the range', {}, {bind: delayed(62.0525)}],
  [
    'a wait that the baseline measured itself, outside its rules',
    {bind: delayed(63)},
    {bind: delayed(62.9)},
  ],
  ['a wait within the spread of the repetitions', played(60.5, 64), {bind: delayed(63)}],
  ['a refusal not waited out, then waited out', {bind: refused()}, {}],
  ['a refusal waited out, then not', {}, {bind: refused()}],
  ['residue that is not visible now', {}, {residue: null}],
  [
    'another number of sockets in the same state',
    {},
    {residue: [{endpoint: 'server', state: 'TIME_WAIT', count: 2}]},
  ],
]
for (const [what, before, after] of alike) {
  test(`no difference: ${what}`, (t) => {
    const {differences, notCompared} = judged(before, after)
    t.deepEqual(differences, [])
    t.deepEqual(notCompared, [])
  })
}

const eacces = {
  ...delayed(60.1),
  errors: {EACCES: 2},
  firstError: {code: 'EACCES', errno: 13, syscall: 'bind', message: ''},
}
const different: [what: string, before: Change, after: Change, lines: (string | RegExp)[]][] = [
  [
    'a changed verdict',
    {},
    {bind: granted},
    ['granted at once, was refused with EADDRINUSE, delayed'],
  ],
  [
    'a refusal where it was granted',
    {bind: granted},
    {bind: refused()},
    ['refused with EADDRINUSE, was granted at once'],
  ],
  [
    'a port that stays refused',
    {},
    {bind: {...refused(), waited: true}},
    ['refused with EADDRINUSE, blocked, was refused with EADDRINUSE, delayed'],
  ],
  ['another error code', {}, {bind: eacces}, ['first error EACCES 13, was EADDRINUSE 98']],
  [
    'another errno',
    {},
    {bind: delayed(60.1, 48)},
    ['first error EADDRINUSE 48, was EADDRINUSE 98'],
  ],
  [
    'another residue',
    {},
    {residue: [{endpoint: 'server', state: 'FIN_WAIT2', count: 1}]},
    ['residue server FIN_WAIT2, was server TIME_WAIT'],
  ],
  ['no residue', {}, {residue: []}, ['residue none, was server TIME_WAIT']],
  [
    'a shorter wait',
    {},
    {bind: delayed(59.9)},
    ['released after 59.899 to 59.900 s, the baseline allows 60.000 to 62.052 s'],
  ],
  [
    'a longer wait, though the new rules allow it',
    {},
    {bind: delayed(63.5), expected: null},
    ['released after 63.499 to 63.500 s, the baseline allows 60.000 to 62.052 s'],
  ],
  [
    'two repetitions outside',
    {},
    played(60.5, 70, 71),
    ['released after 69.999 to 70.000 s (2 times), the baseline allows 60.000 to 62.052 s'],
  ],
  [
    'a later repetition that was granted at once',
    {},
    {
      ...played(60.5),
      repeats: [
        {status: 'as-expected', bind: delayed(60.5), outageSeconds: 60},
        {status: 'unexpected', bind: granted, outageSeconds: 0},
      ],
    },
    ['immediate in 1 of 2 repetitions, never in the baseline'],
  ],
  [
    'connections that are answered by the other server',
    {measurements: {answersFromPredecessor: 20, answersFromSuccessor: 0}},
    {measurements: {answersFromPredecessor: 0, answersFromSuccessor: 20}},
    [
      '0 answered by the predecessor, 20 answered by the successor; was 20 answered by the predecessor, 0 answered by the successor',
    ],
  ],
  [
    'a verdict and a residue at once',
    {},
    {bind: granted, residue: []},
    ['residue none, was server TIME_WAIT', 'granted at once, was refused with EADDRINUSE, delayed'],
  ],
]
for (const [what, before, after, lines] of different) {
  test(`a difference: ${what}`, (t) => {
    const {differences, notCompared} = judged(before, after)
    t.deepEqual(differences, lines)
    t.deepEqual(notCompared, [])
  })
}

test('what failed or was skipped now could not be compared, and says why', (t) => {
  for (const status of ['failed', 'skipped'] as const) {
    const {differences, notCompared} = judged({}, {status, reason: 'no port', bind: null})
    t.deepEqual(differences, [])
    t.deepEqual(notCompared, [`${status} now: no port`])
  }
})

test('what failed in the baseline is a note, and no alarm', (t) => {
  const {differences, notCompared, notes} = judged({status: 'failed', bind: granted}, {})
  t.deepEqual([differences, notCompared], [[], []])
  t.deepEqual(notes, [`${subject}: not judged, it was failed in the baseline`])
})

test('with other servers it is another experiment, which is not compared', (t) => {
  const {differences, notCompared} = judged(
    {},
    {bind: granted, successor: {opener: 'native', bind: 'both', address: '127.0.0.1'}},
  )
  t.deepEqual(differences, [])
  t.regex(notCompared[0] ?? '', /^other servers now/)
})

test('a limit below the release changes no verdict, and the wait is said to be not judged', (t) => {
  const cut = reportBy(linux, {ids: [subject]}).content.results[0]?.expected ?? null
  const {differences, notes} = judged(
    {},
    {
      bind: {...refused(), waited: true},
      expected: cut === null ? null : {...cut, verdict: 'blocked'},
    },
  )
  t.deepEqual(differences, [])
  t.deepEqual(notes, [
    `${subject}: refused as before, the wait was not waited out and is not judged`,
  ])
})

test('of an OS without rules the answers are judged and the waits are not', (t) => {
  const before = {bind: delayed(60)}
  const {differences, notes} = judged(before, {bind: delayed(90)}, unknown)
  t.deepEqual(differences, [])
  t.regex(notes[0] ?? '', /the wait is not judged/)
  t.is(judged(before, {bind: granted}, unknown).differences.length, 1)
})

test('a scenario that is missing now is a difference, a new one is a note', (t) => {
  const [few, many] = [
    reportBy(linux, {ids: [subject]}),
    reportBy(linux, {ids: [subject, 'client-aborts']}),
  ]
  t.deepEqual(judge([many], [few]).differences, [
    {
      ...{subject: 'client-aborts', kind: 'missing', rules: ['nothing-left', null]},
      text: 'missing, the baseline has it',
    },
  ])
  const {differences, notes} = judge([few], [many])
  t.deepEqual(differences, [])
  t.deepEqual(notes, ['client-aborts: new, the baseline does not have it'])
})

test('another kernel release or setting is noted: it may be the cause', (t) => {
  const {notes, differences} = judge(
    [reportBy(linux, {settings: {tcp_tw_reuse: 2}})],
    [reportBy(linux, {settings: {tcp_tw_reuse: 1, CONFIG_HZ: null}, release: '7.0'})],
  )
  t.true(notes.includes('host release: 6.18.0 -> 7.0'))
  t.true(notes.includes('setting tcp_tw_reuse: 2 -> 1'))
  t.true(notes.includes('setting CONFIG_HZ: not there -> not readable'))
  t.deepEqual(differences, [])
})

test('a baseline of another system is refused, and both files are named', (t) => {
  const error = t.throws(() => judge([reportBy(linux)], [reportBy(gvisor)]), {
    instanceOf: UsageError,
  })
  t.regex(error.message, /gvisor\.json is of gVisor and linux\.json of Linux/)
  t.throws(() => judge([matrixBy(linux)], [matrixBy(darwin)]), {instanceOf: UsageError})
})

test('a report is not judged by a matrix', (t) => {
  t.throws(() => judge([matrixBy(linux)], [reportBy(linux)]), {
    instanceOf: UsageError,
    message: /not of one kind/,
  })
})

test('a folder with both is judged in both; what one side lacks is a note', (t) => {
  const both = [reportBy(linux), matrixBy(linux)]
  const {scenarios, cells, differences} = judge(both, both)
  t.is(scenarios, 6)
  t.is(cells, matrixBy(linux).content.cells.length)
  t.deepEqual(differences, [])
  t.deepEqual(judge([reportBy(linux)], both).notes, [
    'linux-matrix.json is not judged: the other side has no matrix',
  ])
})

test('each cell of the matrix that changed is one difference', (t) => {
  const changed = matrixBy(linux, {
    change: ({residue, predecessor, successor}) =>
      residue === 'LISTEN' && predecessor.address === '::1' && successor.bind === 'reuseaddr'
        ? {observed: 'EACCES'}
        : {},
  })
  const {differences} = judge([matrixBy(linux)], [changed])
  t.is(differences.length, 4 * 6)
  t.true(differences.every(({text}) => /^EACCES, was (granted|EADDRINUSE)$/.test(text)))
  t.is(differences[0]?.subject, 'LISTEN none@::1 -> reuseaddr@127.0.0.1')
})

test('cells that are missing now are one difference with an example, new ones a note', (t) => {
  const few = matrixBy(linux, {keep: ({residue}) => residue === 'LISTEN'})
  const {differences} = judge([matrixBy(linux)], [few])
  t.is(differences.length, 1)
  t.regex(
    differences[0]?.subject ?? '',
    /^none none@127\.0\.0\.1 -> none@127\.0\.0\.1 and \d+ more cells$/,
  )
  const reversed = judge([few], [matrixBy(linux)])
  t.deepEqual(reversed.differences, [])
  t.regex(reversed.notes[0] ?? '', /^\d+ new cells, not in the baseline/)
})

test('cells that were only predicted could not be compared', (t) => {
  const predicted = matrixBy(linux, {change: () => ({observed: null})})
  const {differences, notCompared} = judge([matrixBy(linux)], [predicted])
  t.deepEqual(differences, [])
  t.is(notCompared.length, 1)
})
