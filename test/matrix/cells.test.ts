import {matrixAddresses, matrixResidues} from '../../harness/documents/matrix-schema.ts'
import {bindsOf, cellsOf} from '../../harness/matrix/cells.ts'
import {questionOf} from '../../harness/matrix/question.ts'
import {test} from '../declare.ts'

test('there is a cell for every residue, and every option and address on either side', (t) => {
  const cells = cellsOf({})
  const successors = 4 * 6
  // Six residues of a server, two of a client, whose port can be connect()'s choice too.
  t.is(cells.length, 6 * (4 * 6) * successors + 2 * (5 * 6) * successors)
  t.is(new Set(cells.map((cell) => JSON.stringify(cell))).size, cells.length)
})

test('a filter keeps the residues and, on both sides, the addresses that it names', (t) => {
  const cells = cellsOf({residues: ['TIME_WAIT', 'LISTEN'], addresses: ['dual', '::1']})
  t.is(cells.length, 2 * (4 * 2) * (4 * 2))
  t.deepEqual([...new Set(cells.map(({residue}) => residue))], ['LISTEN', 'TIME_WAIT'])
  for (const side of ['predecessor', 'successor'] as const) {
    t.deepEqual([...new Set(cells.map((cell) => cell[side].address))], ['::1', 'dual'])
  }
})

test('a filter that names everything leaves out nothing, and one of no address everything', (t) => {
  t.deepEqual(cellsOf({residues: matrixResidues, addresses: matrixAddresses}), cellsOf({}))
  t.deepEqual(cellsOf({addresses: []}), [])
})

test('only a connection that goes out has a predecessor without bind()', (t) => {
  for (const residue of matrixResidues) {
    t.is(bindsOf(residue).includes('autobind'), residue.startsWith('outgoing-'), residue)
  }
})

test("a cell's question tells the state from who made the connection", (t) => {
  const server = {bind: 'none', address: '127.0.0.1'} as const
  const ask = (residue: (typeof matrixResidues)[number]) => {
    const {residue: state, outgoing} = questionOf({residue, predecessor: server, successor: server})
    return [state, outgoing]
  }
  t.deepEqual(ask('outgoing-TIME_WAIT'), ['TIME_WAIT', true])
  t.deepEqual(ask('TIME_WAIT'), ['TIME_WAIT', false])
  t.deepEqual(ask('none'), ['none', false])
})
