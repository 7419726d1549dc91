import {
  type Matrix,
  type MatrixAddress,
  type MatrixCell,
  type MatrixResidue,
  matrixAddresses,
} from '../documents/matrix-schema.ts'
import {greatestOf} from '../extremes.ts'
import {groupBy} from '../group-by.ts'
import {bindOptions} from '../sockets/bind-options.ts'

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

const gap = 2

/**
 * A picture as lines of text with equal columns, at most 98 characters wide.
 * @param paint colours a run of marks; its length must stay
 * @param most the most characters that a line may have; columns that do not fit come below the others
 */
export function gridLines(
  {columns, rows}: Pick<Grid, 'columns' | 'rows'>,
  paint: (marks: string) => string = (marks) => marks,
  most = Number.POSITIVE_INFINITY,
): string[] {
  const width = (texts: readonly string[]) => greatestOf(texts.map(({length}) => length)) + gap
  const addressWidth = width(rows.map(({address}) => address))
  const bindsWidth = width(rows.map(({binds}) => binds))
  const widths = columns.map((column) => Math.max(column.length, bindOptions.length) + gap)
  let fitting = columns.length
  const needed = () =>
    widths.slice(0, fitting).reduce((sum, each) => sum + each, addressWidth + bindsWidth - gap)
  while (fitting > 1 && needed() > most) fitting--
  if (fitting < columns.length) {
    return [[0, fitting] as const, [fitting, columns.length] as const].flatMap(([from, to]) => {
      const part = rows.map((row) => ({...row, marks: row.marks.slice(from, to)}))
      return gridLines({columns: columns.slice(from, to), rows: part}, paint, most)
    })
  }
  const heading = columns.map((column, index) => column.padEnd(widths[index] ?? 0)).join('')
  const lines = rows.map(({address, binds, marks}, index) => {
    const repeated = rows[index - 1]?.address === address
    const cells = marks.map((letters, column) => {
      const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - letters.length))
      return `${paint(letters.join(''))}${padding}`
    })
    return `${(repeated ? '' : address).padEnd(addressWidth)}${binds.padEnd(bindsWidth)}${cells.join('')}`
  })
  return [`${' '.repeat(addressWidth + bindsWidth)}${heading}`, ...lines].map((line) =>
    line.trimEnd(),
  )
}
