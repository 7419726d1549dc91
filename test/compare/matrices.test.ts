import type {MatrixDocument} from '../../harness/compare/documents.ts'
import {compareMatrices} from '../../harness/compare/matrices.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {unknown} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {test} from '../declare.ts'
import {matrixBy} from './documents-by-rules.ts'

/** As many cells as the two tables answer differently, counted cell by cell. */
function countDiffering(a: MatrixDocument, b: MatrixDocument): number {
  return a.content.cells.filter(
    ({observed}, index) => observed !== b.content.cells[index]?.observed,
  ).length
}

for (const [a, b] of [
  [linux, gvisor],
  [linux, darwin],
  [gvisor, darwin],
] as const) {
  test(`${a.title} and ${b.title}: every differing cell is in one group, with a reason and two examples at most`, (t) => {
    const tables = [matrixBy(a), matrixBy(b)] as const
    const {compared, same, differing, groups, absent} = compareMatrices(tables)
    t.is(compared, tables[0].content.cells.length)
    t.is(same + differing, compared)
    t.is(differing, countDiffering(...tables))
    t.is(
      groups.reduce((sum, {count}) => sum + count, 0),
      differing,
    )
    t.true(groups.length < 20, `${groups.length} groups`)
    t.deepEqual(absent, [0, 0])
    for (const {why, examples, outcomes} of groups) {
      t.true(why.includes(a.title) && why.includes(b.title), why)
      t.true(examples.length === 1 || examples.length === 2)
      t.not(outcomes[0], outcomes[1])
    }
  })
}

test('the largest group comes first, and is the rule that matters', (t) => {
  const [first] = compareMatrices([matrixBy(linux), matrixBy(darwin)]).groups
  t.is(first?.why, 'Linux asks both sockets for SO_REUSEADDR; macOS only the new one.')
  t.deepEqual(first?.outcomes, ['EADDRINUSE', 'granted'])
  t.is(first?.examples[0], 'ESTABLISHED none@127.0.0.1 -> reuseaddr@127.0.0.1')
})

test('a table against itself is alike in every cell', (t) => {
  const {same, compared, groups} = compareMatrices([matrixBy(linux), matrixBy(linux)])
  t.is(same, compared)
  t.deepEqual(groups, [])
})

test('cells that a side lacks are counted as absent there, and not compared', (t) => {
  const some = matrixBy(gvisor, {keep: ({residue}) => residue === 'TIME_WAIT'})
  const all = matrixBy(linux)
  const {compared, absent} = compareMatrices([all, some])
  t.is(compared, some.content.cells.length)
  t.deepEqual(absent, [0, all.content.cells.length - some.content.cells.length])
})

test('a table that was only predicted is compared by what it predicts, and called so', (t) => {
  const predicted = matrixBy(darwin, {change: () => ({observed: null, agrees: null})})
  const {tables, differing} = compareMatrices([matrixBy(linux), predicted])
  t.deepEqual(
    tables.map(({predicted}) => predicted),
    [false, true],
  )
  t.is(differing, countDiffering(matrixBy(linux), matrixBy(darwin)))
})

test('a cell that its own rules do not account for is said to be against them', (t) => {
  const odd = matrixBy(linux, {
    change: ({residue}) => (residue === 'none' ? {observed: 'EACCES', agrees: false} : {}),
  })
  const {groups, differing} = compareMatrices([matrixBy(linux), odd])
  t.is(groups.length, 1)
  t.is(groups[0]?.count, differing)
  t.is(groups[0]?.why, 'On Linux it is EACCES, against the rules of Linux.')
})

test('of an OS without rules the differing cells are counted, and not explained', (t) => {
  const {groups} = compareMatrices([matrixBy(linux), matrixBy(unknown)])
  t.true(groups.every(({why}) => /^Of \S+ we have no rules to explain it by\.$/.test(why)))
})

test('three tables: a group says what each of them does', (t) => {
  const {groups} = compareMatrices([matrixBy(linux), matrixBy(gvisor), matrixBy(darwin)])
  const late = groups.find(({examples}) =>
    examples.includes('ESTABLISHED none@127.0.0.1 -> reuseport@127.0.0.1'),
  )
  t.deepEqual(late?.outcomes, ['EADDRINUSE', 'granted', 'granted'])
  t.is(
    late?.why,
    'Linux asks both sockets for SO_REUSEPORT; gVisor only the new one. ' +
      'Linux asks both sockets for SO_REUSEPORT; macOS only the new one.',
  )
})
