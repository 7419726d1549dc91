import {judgeByLast} from '../../harness/compare/last.ts'
import {judgementSchema} from '../../harness/documents/comparison-schema.ts'
import type {Measure} from '../../harness/history/measures.ts'
import {test} from '../declare.ts'
import {all, around, host, record, recordsOf, waited} from '../history/records.ts'

/** The last run, judged by those before it. */
function judged(days: readonly (readonly Measure[])[], count = 10) {
  return judgementSchema.parse(judgeByLast(all(recordsOf(days)), count))
}

const before = around(61, 12).map((value) => [waited(value)])

test('a time inside the spread of the last runs is as before, one outside is a difference', (t) => {
  t.deepEqual(judged([...before, [waited(61.9)]]).differences, [])
  const {differences, baseline, scenarios} = judged([...before, [waited(30)]])
  t.like(differences, [{subject: 'server-closes-first', kind: 'wait'}])
  t.is(differences.length, 1)
  t.is(baseline.length, 10)
  t.is(scenarios, 1)
})

test('a time that the rules allow is not a difference, however close together the last ones were', (t) => {
  const still = Array.from({length: 10}, () => [waited(60.1)])
  t.is(judged([...still, [waited(61.9)]]).differences.length, 1)
  t.deepEqual(judged([...still, [waited(61.9, {expected: [60, 62.05]})]]).differences, [])
})

test('an answer that none of the last runs gave is a difference, one that some of them gave is not', (t) => {
  const flaky = before.map(([measure], index) =>
    index === 4 ? [waited(0, {answers: ['immediate']})] : measure === undefined ? [] : [measure],
  )
  const now = [waited(0, {answers: ['immediate']})]
  t.like(
    judged([...before, now]).differences,
    [{kind: 'grant', text: /^immediate, was delayed/}].map(({kind}) => ({kind})),
  )
  t.deepEqual(judged([...flaky, now]).differences, [])
  t.deepEqual(judged([...before, [waited(null, {answers: ['refused']})]]).differences, [])
  const other = judged([...before, [waited(61, {error: 'EACCES 13'})]]).differences
  t.like(other, [{kind: 'error', text: 'EACCES 13, was none in the last 10 runs'}])
})

test('a refusal that was not waited out hides no answer as long as another run has waited', (t) => {
  const notWaited = [waited(null, {answers: ['refused']})]
  const now = [waited(null, {answers: ['blocked']})]
  t.like(judged([...before.slice(0, 5), notWaited, now]).differences, [{kind: 'grant'}])
  t.deepEqual(judged([notWaited, notWaited, now]).differences, [])
  t.deepEqual(judged([...before, now, notWaited]).differences, [])
})

test('what a single repetition answers is a difference if none of the last runs has it', (t) => {
  const mixed = [waited(0, {answers: ['immediate', 'delayed']})]
  t.like(judged([...before, mixed]).differences, [
    {kind: 'grant', text: 'immediate, delayed, was delayed in the last 10 runs'},
  ])
  const again = Array.from({length: 5}, () => mixed)
  t.deepEqual(judged([...again, [waited(0, {answers: ['delayed']})]]).differences, [])
})

test('another residue is a difference, one that is not visible is not', (t) => {
  const left = (residue: string | null) => [waited(61, {residue})]
  const known = Array.from({length: 6}, () => left('server TIME_WAIT'))
  t.like(judged([...known, left('client TIME_WAIT')]).differences, [
    {kind: 'residue', text: 'client TIME_WAIT, was server TIME_WAIT in the last 6 runs'},
  ])
  t.like(judged([...known, left('')]).differences, [{kind: 'residue'}])
  t.deepEqual(judged([...known, left(null)]).differences, [])
  t.deepEqual(judged([left(null), left(null), left('client TIME_WAIT')]).differences, [])
})

test('what most of the last runs measured and this one did not could not be compared', (t) => {
  const {notCompared} = judged([...before, []])
  t.like(notCompared, [{subject: 'server-closes-first', kind: 'not-measured'}])
})

test('few earlier runs say nothing of a time, and all of an answer', (t) => {
  const few = before.slice(0, 4)
  const {differences, notes} = judged([...few, [waited(30)]])
  t.deepEqual(differences, [])
  t.regex(notes.join('\n'), /time of server-closes-first is not judged: fewer than 5 earlier runs/)
  t.is(judged([...few, [waited(0, {answers: ['immediate']})]]).differences.length, 1)
})

test('only runs of the same system and kernel count, and without one it cannot be compared', (t) => {
  const run = (index: number, release: string, arch = 'x64') =>
    record(index, {host: host({release, arch}), measures: [waited(index === 9 ? 30 : 61)]})
  const others = [0, 1, 2, 3, 4, 5, 6].map((index) => run(index, '6.17.1'))
  const elsewhere = [7, 8].map((index) => run(index, '6.18.1', 'arm64'))
  const newest = run(9, '6.18.44')
  const {baseline, differences, notCompared} = judgeByLast(
    all([...others, ...elsewhere, newest]),
    5,
  )
  t.deepEqual([baseline, differences], [[], []])
  t.regex(notCompared[0]?.text ?? '', /no earlier report of Linux x64 6\.18; keep the runs/)
})

test('cells that changed alike are one difference; documents of other kinds only count if they are new', (t) => {
  const outcomes = ['', 'granted', 'EADDRINUSE']
  const table = (index: number, cells: number[], changes = {}) =>
    record(index, {kind: 'matrix', outcomes: Uint8Array.from(cells), ...changes})
  const old = table(0, [1, 1, 1])
  const report = (index: number) => record(index, {measures: [waited(61)]})
  const runs = [old, report(1), table(2, [1, 2, 2]), report(3)]
  const judgement = judgeByLast(all(runs, {cells: ['a', 'b', 'c'], outcomes}), 5)
  t.like(judgement.differences, [
    {subject: 'b and 1 more cell', kind: 'cell', text: 'EADDRINUSE, was granted'},
  ])
  const later = judgeByLast(all([...runs, report(4)], {cells: ['a', 'b', 'c'], outcomes}), 5)
  t.deepEqual(later.differences, [])
  t.is(later.judged.length, 1)
})

test('a document whose date nobody tells is not taken for the newest', (t) => {
  const copied = record(40, {dated: 'file', measures: [waited(30)]})
  const {differences, notes} = judgeByLast(all([...recordsOf(before), copied]), 10)
  t.deepEqual(differences, [])
  t.regex(notes.join('\n'), /1 document without a date: not used/)
})

test('a check that could not be measured is not as before', (t) => {
  const line = 'check 3000 node server.js'
  const check = (index: number, measures: Measure[]) =>
    record(index, {kind: 'check', line, measures})
  const measured = [0, 1, 2].map((index) => check(index, [waited(0.3, {subject: line})]))
  const {notCompared} = judgeByLast(all([...measured, check(3, [])]), 5)
  t.like(notCompared, [{subject: line, text: 'not measured now, it was in 3 of the last 3 runs'}])
})

const outcomes = ['', 'granted', 'EADDRINUSE']
const cells = ['a', 'b', 'c']

/** A bind table of that day, beside the report of the same run. */
function table(index: number, tried: number[]) {
  const file = `${index}/matrix.json`
  return record(index, {kind: 'matrix', file, outcomes: Uint8Array.from(tried)})
}

function report(index: number, changes = {}) {
  return record(index, {measures: [waited(61)], ...changes})
}

const bothSixTimes = [0, 1, 2, 3, 4, 5].flatMap((index) => [report(index), table(index, [1, 1, 2])])

test('a document that most runs have, and the newest does not, is missing', (t) => {
  const judgedBy = (...newest: ReturnType<typeof record>[]) =>
    judgeByLast(all([...bothSixTimes, ...newest], {cells, outcomes}), 20)
  t.like(judgedBy(table(6, [1, 1, 2])), {
    ...{differences: [], scenarios: 0, cells: 3},
    notCompared: [
      {subject: 'report', text: 'there is no report now, 6 of the last 6 runs had one'},
    ],
  })
  t.like(judgedBy(report(6)), {
    ...{differences: [], scenarios: 1, cells: 0},
    notCompared: [{subject: 'matrix', kind: 'not-measured'}],
  })
  t.deepEqual(judgedBy(report(6), table(6, [1, 1, 2])).notCompared, [])
  const rare = judgeByLast(all([table(0, [1]), ...[0, 1, 2].map((index) => report(index))]), 20)
  t.deepEqual(rare.notCompared, [])
})

test('cells are counted if they were compared, and missing if most runs have them', (t) => {
  const tables = [0, 1, 2, 3, 4, 5].map((index) => table(index, [1, 1, 2]))
  const judgement = judgeByLast(all([...tables, table(6, [1])], {cells, outcomes}), 20)
  t.like(judgement, {cells: 1, differences: []})
  t.like(judgement.notCompared, [
    {subject: 'b and 1 more cell', text: 'not tried now, most of the last 6 runs did'},
  ])
  const fewer = tables.map((each, index) => (index < 4 ? table(index, [1]) : each))
  t.deepEqual(judgeByLast(all([...fewer, table(6, [1])], {cells, outcomes}), 20).notCompared, [])
})

test('what was passed over and is as new as the newest run could not be compared', (t) => {
  const broken = (at: string | null) => [{file: 'x/report.json', because: 'is cut off', at}]
  const of = (at: string | null) =>
    judgeByLast(all(recordsOf(before), {skipped: broken(at)}), 10).notCompared
  t.like(of('2026-01-20T00:00:00.000Z'), [{subject: 'x/report.json', text: 'is cut off'}])
  t.deepEqual(of('2026-01-03T00:00:00.000Z'), [])
  t.deepEqual(of(null), [])
})

test('old documents of other lines are not judged again by the first document of a new one', (t) => {
  const line = 'check 3000 node server.js'
  const first = (index: number) => record(index, {kind: 'check', line, file: `${index}/check.json`})
  const later = judgeByLast(all([...bothSixTimes, first(9)], {cells, outcomes}), 20)
  t.deepEqual(
    later.judged.map(({file}) => file),
    ['9/check.json'],
  )
  t.like(later.notCompared, [{subject: 'check'}])
  const beside = judgeByLast(all([...bothSixTimes, first(5)], {cells, outcomes}), 20)
  t.is(beside.judged.length, 3)
})

test('two documents of one line with one date are judged all the same', (t) => {
  const twice = [report(6), report(6, {file: '6b/report.json', measures: [waited(30)]})]
  t.is(judgeByLast(all([...recordsOf(before.slice(0, 6)), ...twice]), 20).differences.length, 1)
})

test('if nothing could be compared, that is said', (t) => {
  const undated = recordsOf(before).map((each) => ({...each, dated: 'file' as const}))
  t.like(judgeByLast(all(undated), 10).notCompared, [{subject: 'run', kind: 'not-measured'}])
  t.like(judged([[], []]).notCompared, [{subject: 'run', kind: 'not-measured'}])
})
