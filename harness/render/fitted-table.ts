import {getBorderCharacters, table} from 'table'
import {greatestOf} from '../extremes.ts'
import {withoutEscapes} from '../text.ts'
import {wrap} from './wrap.ts'

const gap = 2

/** How many columns a table takes. */
export function tableWidth(rows: readonly (readonly string[])[]): number {
  const lengths = rows.map((cells) => cells.map((cell) => withoutEscapes(cell).length))
  const columns = greatestOf(
    lengths.map((row) => row.length),
    0,
  )
  const widest = Array.from({length: columns}, (_, column) =>
    greatestOf(lengths.map((row) => row[column] ?? 0)),
  )
  return widest.reduce((sum, each) => sum + each + gap, 0) - gap
}

/** The same as `fittedTable`, a text for each row; the first is empty where the titles are in the rows. */
export function fittedRows(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  paintTitle: (title: string) => string,
): string[] {
  if (width !== undefined && tableWidth([titles, ...rows]) > width) {
    return ['', ...rows.map((cells) => paragraph(titles, cells, width))]
  }
  return fittedTable(titles, rows, undefined, paintTitle).split('\n')
}

/**
 * For a terminal that is too narrow for the table: each row in two lines, in the first one its first cell and the one
 * of a column that says much, in the second the others, below each other; paragraphs where not even those fit.
 * @param above which column stands in the first line
 */
export function twoLineRows(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  paintTitle: (title: string) => string,
  above: number,
): string[] {
  const below = (cells: readonly string[]) =>
    cells.flatMap((cell, index) => (index === 0 || index === above ? [] : [cell]))
  const upper = [titles, ...rows].map((cells) => `${cells[0]}: ${cells[above]}`)
  const lower = [titles, ...rows].map(below)
  if (width !== undefined && tableWidth(lower) + gap > width) {
    return fittedRows(titles, rows, width, paintTitle)
  }
  const lines = fittedRows(below(titles), rows.map(below), undefined, paintTitle)
  return lines.map((line, index) => {
    const first = wrap(upper[index] ?? '', width)
    return `${index === 0 ? paintTitle(first) : first}\n  ${line}`
  })
}

/**
 * A table without lines; on a terminal that is too narrow for it each row becomes a paragraph, of its first
 * cell on a line of its own and the others with their titles below it.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function fittedTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  paintTitle: (title: string) => string,
): string {
  if (width !== undefined && tableWidth([titles, ...rows]) > width) {
    return rows.map((cells) => paragraph(titles, cells, width)).join('\n')
  }
  const text = table([titles.map(paintTitle), ...rows], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: gap},
    drawHorizontalLine: () => false,
  })
  return withoutTrailingSpace(text).trimEnd()
}

/** Not by a pattern: ` +$` is quadratic in the spaces that a cell may hold. */
export function withoutTrailingSpace(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

function paragraph(
  titles: readonly string[],
  [first = '', ...cells]: readonly string[],
  width: number,
): string {
  const known = cells.flatMap((cell, index) =>
    cell === '-' || cell === '' ? [] : [`${titles[index + 1]}: ${cell}`],
  )
  return `${first}\n${wrap(`  ${known.join(', ')}`, width, '    ')}`
}
