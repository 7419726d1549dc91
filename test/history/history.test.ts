import {historySchema} from '../../harness/documents/history-schema.ts'
import {dateInPath} from '../../harness/history/dates.ts'
import {historyOf} from '../../harness/history/history.ts'
import {test} from '../declare.ts'
import {all, around, host, record, recordsOf, waited} from './records.ts'

test('what moved is first, with where it was and is, and where versions changed', (t) => {
  const days = [...around(61, 12), ...around(30, 12)].map((value) => [
    waited(0, {subject: 'never-waits', answers: ['immediate']}),
    waited(value),
  ])
  const runs = recordsOf(days).map((run, index) =>
    index < 12 ? run : {...run, host: host({release: '6.19.1'})},
  )
  const history = historySchema.parse(historyOf(all(runs)))
  t.deepEqual(
    history.series.map(({subject, moved, judged}) => [subject, moved, judged]),
    [
      ['server-closes-first', true, true],
      ['never-waits', false, true],
    ],
  )
  const [move, ...others] = history.moved
  t.deepEqual(others, [])
  t.like(move, {kind: 'time', file: 12, at: runs[12]?.at, before: {runs: 12}, after: {runs: 12}})
  t.is(Math.round(move?.before?.median ?? 0), 61)
  t.is(Math.round(move?.after?.median ?? 0), 30)
  t.like(history.marks, [{what: 'kernel', from: '6.18.44', to: '6.19.1', file: 12}])
})

test('a time that the rules allow before and after has not moved, however it did', (t) => {
  const days = (expected: [number, number] | null) =>
    [...around(60.2, 12, 0.01), ...around(61.9, 12, 0.01)].map((value) => [
      waited(value, {expected}),
    ])
  t.is(historyOf(all(recordsOf(days(null)))).moved.length, 1)
  t.is(historyOf(all(recordsOf(days([60, 61])))).moved.length, 1)
  t.is(historyOf(all(recordsOf(days([60, 62.05])))).moved.length, 0)
})

test('an answer that changes once is reported at once; one that was not waited out is the same', (t) => {
  const answers = ['delayed', 'refused', 'delayed', 'refused', 'immediate', 'refused']
  const days = answers.map((answer) => [
    waited(answer === 'delayed' ? 61 : null, {answers: [answer]}),
  ])
  const {moved} = historyOf(all(recordsOf(days)))
  t.like(moved, [{kind: 'answer', from: 'immediate', to: 'refused', times: 2, file: 5}])
  const {moved: none} = historyOf(all(recordsOf(days.slice(0, 4))))
  t.deepEqual(none, [])
  const blocked = ['delayed', 'refused', 'blocked'].map((answer) => [
    waited(null, {answers: [answer]}),
  ])
  t.like(historyOf(all(recordsOf(blocked))).moved, [{from: 'delayed', to: 'blocked', file: 2}])
})

test('one system is a line over its upgrades; versions in use at the same time are lines of their own', (t) => {
  const run = (index: number, release: string, node = '24.1.0') =>
    record(index, {host: host({release, node}), measures: [waited(61)]})
  const systems = (runs: ReturnType<typeof run>[]) =>
    historyOf(all(runs)).series.map(({system, runs}) => [system, runs])
  const upgraded = ['6.17.1', '6.17.1', '6.18.2', '6.18.2'].map((release, at) => run(at, release))
  t.deepEqual(systems(upgraded), [['Linux x64', 4]])
  const back = ['6.17.1', '6.18.2', '6.17.1', '6.18.2'].map((release, at) => run(at, release))
  t.deepEqual(systems(back), [['Linux x64', 4]])
  const both = ['6.8.0', '6.17.1', '6.8.0', '6.17.2', '6.8.0', '6.17.2'].map((release, at) =>
    run(at, release),
  )
  t.deepEqual(systems(both), [
    ['Linux x64, 6.8', 3],
    ['Linux x64, 6.17', 3],
  ])
  const nodes = ['20.1.0', '24.1.0', '20.1.0', '24.1.0', '20.2.0', '24.2.0'].map((node, at) =>
    run(at, '6.8.0', node),
  )
  t.deepEqual(systems(nodes), [
    ['Linux x64, Node 20', 3],
    ['Linux x64, Node 24', 3],
  ])
})

test('a version that machines of a pool get one after the other is marked once', (t) => {
  const releases = ['1', '1', '2', '1', '2', '2', '1', '2', '2', '2']
  const runs = releases.map((patch, index) =>
    record(index, {host: host({release: `6.8.${patch}`})}),
  )
  t.like(historyOf(all(runs)).marks, [{from: '6.8.1', to: '6.8.2', file: 2}])
})

test('cells that changed alike in one run are together, and what was not tried says nothing', (t) => {
  const outcomes = ['', 'granted', 'EADDRINUSE']
  const tables = [
    [2, 2, 2, 1],
    [2, 0, 2, 1],
    [1, 1, 2, 2],
    [1, 1, 2, 2],
  ]
  const runs = tables.map((table, index) =>
    record(index, {kind: 'matrix', outcomes: Uint8Array.from(table)}),
  )
  const {cells} = historyOf(all(runs, {cells: ['a', 'b', 'c', 'd'], outcomes}))
  t.like(cells, [
    {from: 'EADDRINUSE', to: 'granted', count: 2, cells: ['a', 'b'], file: 2},
    {from: 'granted', to: 'EADDRINUSE', count: 1, cells: ['d'], file: 2},
  ])
})

test('of thousands of runs the document keeps few points, and says how many runs each stands for', (t) => {
  const days = around(61, 3000).map((value) => [waited(value)])
  const [series] = historyOf(all(recordsOf(days))).series
  const points = series?.points ?? []
  t.true(points.length <= 200)
  t.is(
    points.reduce((sum, {runs}) => sum + runs, 0),
    3000,
  )
  t.true(
    points.every(({value, low, high}) => (low ?? 0) < (value ?? 0) && (value ?? 0) < (high ?? 0)),
  )
})

test('neighbours that answer differently, or by another version, stay apart', (t) => {
  const days = Array.from({length: 900}, (_, index) => [
    waited(index < 450 ? 61 : 0, {answers: [index < 450 ? 'delayed' : 'immediate']}),
  ])
  const [series] = historyOf(all(recordsOf(days))).series
  const values = new Set(series?.points.map(({value}) => value))
  t.deepEqual([...values], [61, 0])
})

test('the date is that of the last part of the path that has one', (t) => {
  t.is(dateInPath('/x/2026-11-27T14-40-03Z-1a2b/matrix.json'), '2026-11-27T14:40:03.000Z')
  t.is(dateInPath('/2025-01-01/2026-02-03/check.json'), '2026-02-03T00:00:00.000Z')
  t.is(dateInPath('/x/2026-02-03_1512.json'), '2026-02-03T15:12:00.000Z')
  t.is(dateInPath('/x/2026-99-99/12026-01-015/report.json'), undefined)
})
