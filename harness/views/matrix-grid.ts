import {
  type Matrix,
  type MatrixAddress,
  type MatrixCell,
  type MatrixResidue,
  matrixAddresses,
} from '../documents/matrix-schema.ts'
import {groupBy} from '../group-by.ts'
import type {Grid as LetterGrid} from '../render/model.ts'

/** One letter for a cell. */
export type Mark = '.' | 'X' | '!' | '?'

export const markMeanings: Record<Mark, string> = {
  '.': 'granted',
  X: 'refused',
  '!': 'disagrees with the rules',
  '?': 'not tried',
}

/** One picture: residues that have the same one share it, and so do an address's predecessors. */
export interface Grid {
  residues: MatrixResidue[]
  /** The successors' addresses. */
  columns: MatrixAddress[]
  rows: GridRow[]
}

export interface GridRow {
  address: MatrixAddress
  /** The predecessor's bind options that this row holds for, or `any`. */
  binds: string
  /** For each column a mark for each of the successor's options: none, reuseaddr, reuseport, both. */
  marks: Mark[][]
}

/** The whole table as pictures, in the order of its cells. */
export function gridsOf({cells, predicted = false}: Matrix): Grid[] {
  const pictures = [...groupBy(cells, ({residue}) => residue)].map(([residue, own]) => {
    const columns = matrixAddresses.filter((address) =>
      own.some(({successor}) => successor.address === address),
    )
    return {residue, columns, rows: rowsOf(own, columns, predicted)}
  })
  const alike = groupBy(pictures, ({columns, rows}) => JSON.stringify([columns, rows]))
  return [...alike.values()].flatMap((same) => {
    const [first] = same
    if (first === undefined) return []
    return {...first, residues: same.map(({residue}) => residue)}
  })
}

function rowsOf(
  cells: readonly MatrixCell[],
  columns: readonly MatrixAddress[],
  predicted: boolean,
): GridRow[] {
  return [...groupBy(cells, ({predecessor}) => predecessor.address)].flatMap(([address, own]) => {
    const byBind = [...groupBy(own, ({predecessor}) => predecessor.bind)].map(([bind, row]) => ({
      bind,
      marks: columns.map((column) =>
        row
          .filter(({successor}) => successor.address === column)
          .map((cell) => markOf(cell, predicted)),
      ),
    }))
    const alike = [...groupBy(byBind, ({marks}) => JSON.stringify(marks)).values()]
    return alike.map((same) => ({
      address,
      binds: alike.length === 1 ? 'any' : same.map(({bind}) => bind).join(', '),
      marks: same[0]?.marks ?? [],
    }))
  })
}

function markOf({observed, expected, agrees}: MatrixCell, predicted: boolean): Mark {
  if (agrees === false) return '!'
  const answer = predicted ? expected : observed
  if (answer === null) return '?'
  return answer === 'granted' ? '.' : 'X'
}

/** The mark that all cells of a picture have, if they do. */
export function onlyMark({rows}: Grid): Mark | undefined {
  const [mark, ...others] = new Set(rows.flatMap(({marks}) => marks.flat()))
  return others.length === 0 ? mark : undefined
}

/** As it is drawn in letters. */
export function letterGrid({columns, rows}: Grid): LetterGrid {
  return {
    columns,
    rows: rows.map(({address, binds, marks}) => ({names: [address, binds], marks})),
    tones: {'.': 'good', X: 'bad', '!': 'open'},
  }
}
