import type {Matrix, MatrixCell} from '../documents/matrix-schema.ts'
import {hostWords} from '../documents/words.ts'
import {groupBy} from '../group-by.ts'
import {platformOf} from '../platforms/detect.ts'
import {printable} from '../text.ts'
import {type Grid, markMeanings, onlyMark} from './matrix-grid.ts'

/** How the pictures are read; the last line holds the marks. */
export const legend: readonly string[] = [
  "Rows: the predecessor's address and bind option. Columns: the successor's address, and in each a " +
    'letter for each bind option of the successor: none, reuseaddr, reuseport, both.',
  Object.entries(markMeanings)
    .map(([mark, meaning]) => `${mark} ${meaning}`)
    .join('   '),
]

/** The machine that was measured, or the platform whose rules were asked. */
export function matrixTitle({host, predicted}: Matrix): string {
  if (predicted !== true) return hostWords(host)
  return `${platformOf(host.stack).title}: predicted by its rules, nothing was tried`
}

/** `LISTEN`, or `none: granted throughout`. */
export function gridTitle(grid: Grid): string {
  const mark = onlyMark(grid)
  const residues = grid.residues.join(', ')
  return mark === undefined ? residues : `${residues}: ${markMeanings[mark]} throughout`
}

/** `4896 cells: 4896 agree with the rules, 0 disagree, 0 unknown, in 1.2 s`. */
export function agreementWords(matrix: Matrix): string {
  const {cells, agreement, predicted, rules, wallSeconds, interrupted} = matrix
  const total = `${cells.length} cells`
  if (predicted === true) {
    const standing = rules?.measured ? 'measured on such a system' : 'not yet measured'
    return printable(`${total} predicted from the source of ${rules?.version}; ${standing}`)
  }
  const {agreeing, disagreeing, unknown} = agreement
  const end = interrupted === undefined ? '' : `, interrupted by ${printable(interrupted)}`
  return (
    `${total}: ${agreeing} agree with the rules, ${disagreeing} disagree, ${unknown} unknown, ` +
    `in ${wallSeconds.toFixed(1)} s${end}`
  )
}

export interface CellGroup {
  heading: string
  /** One line a cell. */
  cells: string[]
}

/** The cells that disagree, by the rule that was expected to hold. */
export function disagreements({cells}: Matrix): CellGroup[] {
  return grouped(
    cells.filter(({agrees}) => agrees === false),
    ({rule, expected}) =>
      rule === undefined
        ? `Expected ${expected}`
        : `Expected ${expected}, because ${rule.because} (${rule.source})`,
    (cell) => `${cellWords(cell)}: ${cell.observed}`,
  )
}

/** The cells that could not be tried, by reason. */
export function untried({cells}: Matrix): CellGroup[] {
  return grouped(
    cells.filter(({reason}) => reason !== undefined),
    ({reason}) => reason ?? '',
    cellWords,
  )
}

/** The addresses that this machine does not have, one line each. */
export function leftOutLines({leftOut = []}: Matrix): string[] {
  return leftOut.map(({address, reason}) => printable(`${address}: ${reason}`))
}

function grouped(
  cells: readonly MatrixCell[],
  headingOf: (cell: MatrixCell) => string,
  lineOf: (cell: MatrixCell) => string,
): CellGroup[] {
  return [...groupBy(cells, headingOf)].map(([heading, own]) => ({
    heading: printable(heading),
    cells: own.map((cell) => printable(lineOf(cell))),
  }))
}

/** `TIME_WAIT left by 127.0.0.1 reuseaddr, then 0.0.0.0 none`. */
function cellWords({residue, predecessor, successor}: MatrixCell): string {
  const [before, after] = [predecessor, successor].map(({address, bind}) => `${address} ${bind}`)
  return `${residue} left by ${before}, then ${after}`
}
