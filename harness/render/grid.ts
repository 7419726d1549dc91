import {greatestOf} from '../extremes.ts'
import type {Grid} from './model.ts'

const gap = 2

/**
 * A grid as lines of text with equal columns.
 * @param paint colours a run of marks; its length must stay
 * @param most the most characters that a line may have; columns that do not fit come below the others
 */
export function gridLines(
  {columns, rows}: Pick<Grid, 'columns' | 'rows'>,
  paint: (marks: string) => string = (marks) => marks,
  most = Number.POSITIVE_INFINITY,
): string[] {
  const width = (texts: readonly string[]) => greatestOf(texts.map(({length}) => length)) + gap
  const addressWidth = width(rows.map(({names}) => names[0]))
  const bindsWidth = width(rows.map(({names}) => names[1]))
  const letters = greatestOf(
    rows.flatMap(({marks}) => marks.map(({length}) => length)),
    0,
  )
  const widths = columns.map((column) => Math.max(column.length, letters) + gap)
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
  const lines = rows.map(({names: [address, binds], marks}, index) => {
    const repeated = rows[index - 1]?.names[0] === address
    const cells = marks.map((own, column) => {
      const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - own.length))
      return `${paint(own.join(''))}${padding}`
    })
    return `${(repeated ? '' : address).padEnd(addressWidth)}${binds.padEnd(bindsWidth)}${cells.join('')}`
  })
  return [`${' '.repeat(addressWidth + bindsWidth)}${heading}`, ...lines].map((line) =>
    line.trimEnd(),
  )
}
