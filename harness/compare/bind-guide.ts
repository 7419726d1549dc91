import type {BindGuide, BindGuideRow} from '../documents/comparison-schema.ts'
import {
  type MatrixCell,
  type MatrixResidue,
  matrixAddresses,
  predecessorBinds,
} from '../documents/matrix-schema.ts'
import {groupBy} from '../group-by.ts'
import {cellsOf} from '../matrix/cells.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import {cellKey, type MatrixDocument} from './documents.ts'
import {accountOf, outcomeOf} from './matrices.ts'

/** The residues that people meet most often first. */
const commonestFirst: readonly MatrixResidue[] = [
  'TIME_WAIT',
  'FIN_WAIT2',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'LISTEN',
  'outgoing-ESTABLISHED',
  'outgoing-TIME_WAIT',
  'none',
]

type Cell = Pick<MatrixCell, 'residue' | 'predecessor' | 'successor'>

/** A cell as all sides have it. */
interface Answered extends Cell {
  sides: (MatrixCell | undefined)[]
  outcomes: (string | null)[]
  /** Equal for cells that every side answers alike. */
  answers: string
}

/**
 * Whether a new server may bind, by what the old one left, both servers' options and addresses, on each side. Whatever
 * all sides answer alike is one row: residues, pairs of addresses and options alike.
 */
export function bindGuide(documents: readonly MatrixDocument[]): BindGuide {
  const tables = documents.map(
    ({content}) => new Map(content.cells.map((cell) => [cellKey(cell), cell])),
  )
  const answered = cellsOf({}).flatMap((cell): Answered[] => {
    const key = cellKey(cell)
    const sides = tables.map((table) => table.get(key))
    const outcomes = sides.map((own) => (own === undefined ? null : outcomeOf(own)))
    const isKnown = outcomes.some((outcome) => outcome !== null)
    return isKnown ? [{...cell, sides, outcomes, answers: JSON.stringify(outcomes)}] : []
  })
  const rulesOf = (cells: readonly Answered[]) =>
    documents.map(({content: {host}}, side) => {
      const own = cells.flatMap(({sides}) => sides[side] ?? [])
      return [...new Set(own.flatMap((cell) => accountOf({cell, host})?.id ?? []))]
    })
  const rows = residuesAlike(answered).flatMap((cells) =>
    addressesAlike(cells).flatMap((own) =>
      optionsAlike(own).map((same) => rowOf(same, rulesOf(same))),
    ),
  )
  return {rows}
}

/**
 * The cells of residues that are answered alike throughout, together. That of a client whose port connect() chose is
 * one of its own: it has no option.
 */
function residuesAlike(cells: readonly Answered[]): Answered[][] {
  const isAutobound = ({predecessor}: Cell) => predecessor.bind === 'autobind'
  const residues = commonestFirst.flatMap((residue) => {
    const own = cells.filter((cell) => cell.residue === residue)
    return [own.filter((cell) => !isAutobound(cell)), own.filter(isAutobound)]
  })
  const alike = groupBy(
    residues.filter((own) => own.length > 0),
    (own) => own.map((cell) => [...pairOf(cell), cell.answers].join()).join(' '),
  )
  return [...alike.values()].map((same) => same.flat())
}

function pairOf({predecessor, successor}: Cell) {
  return [predecessor.bind, predecessor.address, successor.bind, successor.address]
}

/** Those of pairs of addresses that are answered alike; where nothing is ever refused comes last. */
function addressesAlike(cells: readonly Answered[]): Answered[][] {
  const byPair = groupBy(cells, ({predecessor, successor}) =>
    [predecessor.address, successor.address].join(' '),
  )
  const alike = groupBy([...byPair.values()], (own) =>
    own.map((cell) => [cell.residue, ...optionsOf(cell), cell.answers].join()).join(' '),
  )
  const groups = [...alike.values()].map((same) => same.flat())
  const isRefusedNowhere = (own: readonly Answered[]) =>
    own.every(({outcomes}) => outcomes.every((outcome) => (outcome ?? 'granted') === 'granted'))
  return [
    ...groups.filter((own) => !isRefusedNowhere(own)),
    ...groups.filter((own) => isRefusedNowhere(own)),
  ]
}

function optionsOf({predecessor, successor}: Cell) {
  return [predecessor.bind, successor.bind]
}

/** Those of options that are answered alike, if every old option can stand beside every new one. */
function optionsAlike(cells: readonly Answered[]): Answered[][] {
  return [...groupBy(cells, ({answers}) => answers).values()]
    .flatMap((same) => {
      const bySuccessor = [...groupBy(same, ({successor}) => successor.bind).values()]
      const alike = groupBy(bySuccessor, (own) =>
        [...new Set(own.map(({predecessor}) => predecessor.bind))].join(),
      )
      return [...alike.values()].map((own) => own.flat())
    })
    .sort((a, b) => rankOf(a) - rankOf(b))
}

/** By the new server's option, then by the old one's. */
function rankOf([first]: readonly Answered[]): number {
  if (first === undefined) return 0
  const {predecessor, successor} = first
  const old = predecessorBinds.indexOf(predecessor.bind)
  return bindOptions.indexOf(successor.bind) * predecessorBinds.length + old
}

function rowOf(cells: readonly Answered[], rules: string[][]): BindGuideRow {
  const [first] = cells
  if (first === undefined) throw new TypeError('a row stands for at least one cell')
  const has = <Value>(all: readonly Value[], of: (cell: Answered) => Value) =>
    all.filter((value) => cells.some((cell) => of(cell) === value))
  return {
    id: [first.residue, ...pairOf(first)].join('.').toLowerCase(),
    residues: has(commonestFirst, ({residue}) => residue),
    predecessors: has(predecessorBinds, ({predecessor}) => predecessor.bind),
    successors: has(bindOptions, ({successor}) => successor.bind),
    addresses: addressPairs(cells),
    outcomes: first.outcomes,
    rules,
    cells: cells.length,
  }
}

/** Old addresses that go with the same new ones, together. */
function addressPairs(cells: readonly Answered[]): BindGuideRow['addresses'] {
  const newOf = (old: string) =>
    matrixAddresses.filter((address) =>
      cells.some((cell) => cell.predecessor.address === old && cell.successor.address === address),
    )
  const olds = matrixAddresses.filter((address) => newOf(address).length > 0)
  return [...groupBy(olds, (old) => newOf(old).join(' ')).values()].map((predecessors) => ({
    predecessors,
    successors: newOf(predecessors[0] ?? ''),
  }))
}
