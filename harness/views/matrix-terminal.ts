import type {Matrix} from '../documents/matrix-schema.ts'
import {coloursFor} from '../render/colours.ts'
import {wrap, wrapSentences} from '../render/wrap.ts'
import {gridLines, gridsOf, onlyMark} from './matrix-grid.ts'
import {
  agreementWords,
  type CellGroup,
  disagreements,
  gridTitle,
  leftOutLines,
  legend,
  matrixTitle,
  untried,
} from './matrix-words.ts'

const pc = coloursFor(process.stdout)
/** What follows is counted; matrix.json and matrix.md have every one. */
const shownDisagreements = 20
const shownUntried = 3
/** Of a picture. */
const widest = 98

const paint: Record<string, (text: string) => string> = {
  '.': pc.green,
  X: pc.red,
  '!': (text) => pc.bold(pc.yellow(text)),
}

/**
 * The bind table as pictures, 98 columns wide at most, and what disagrees with the rules.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderMatrixTerminal(matrix: Matrix, width?: number): string {
  const pictures = gridsOf(matrix).flatMap((grid) => [
    '',
    pc.bold(gridTitle(grid)),
    ...(onlyMark(grid) === undefined ? gridLines(grid, paintMarks, width) : []),
  ])
  const {disagreeing} = matrix.agreement
  const colour = disagreeing > 0 ? pc.red : (text: string) => text
  const lines = [
    pc.bold(matrixTitle(matrix)),
    '',
    ...legend.map((line) => wrap(line, Math.min(width ?? widest, widest), '')),
    ...pictures,
    '',
    colour(wrap(agreementWords(matrix), width, '')),
    ...section('Left out, because this machine does not have the address:', leftOutLines(matrix)),
    ...groups('Otherwise than the rules say', disagreements(matrix), shownDisagreements),
    ...groups('Could not be tried', untried(matrix), shownUntried),
    '',
  ]
  return wrapSentences(lines, width).join('\n')
}

/** Marks of one kind are painted together. */
function paintMarks(marks: string): string {
  return marks.replace(/(.)\1*/g, (run, mark: string) => paint[mark]?.(run) ?? run)
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', pc.bold(title), ...lines.map((line) => `- ${line}`)]
}

function groups(title: string, all: readonly CellGroup[], shown: number): string[] {
  return all.flatMap(({heading, cells}) => {
    const more = cells.length - shown
    return section(`${title}: ${heading}`, [
      ...cells.slice(0, shown),
      ...(more > 0 ? [`and ${more} more (all are in matrix.md)`] : []),
    ])
  })
}
