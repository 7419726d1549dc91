import type {Matrix, MatrixCell} from '../documents/matrix-schema.ts'
import {hostWords} from '../documents/words.ts'
import {greatestOf} from '../extremes.ts'
import {groupBy} from '../group-by.ts'
import {bugTextOf, ruleIdOf, ruleTextOf} from '../matrix/cell-rule.ts'
import {platformOf} from '../platforms/detect.ts'
import {svg, textAt} from '../render/html/drawing.ts'
import {figure} from '../render/html/figure.ts'
import {html, type Markup} from '../render/html/markup.ts'
import type {Block, View} from '../render/model.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import {type Grid, gridsOf, letterGrid, type Mark, markMeanings, onlyMark} from './matrix-grid.ts'

/** On a terminal; what follows is counted. */
const shownDisagreements = 20
const shownUntried = 3
const cellPixels = 19
/** Above the cells: the addresses, and below each the options. */
const headPixels = 84
/** Of the widest of the usual fonts. */
const pixelsPerCharacter = 7

/** A cell is recognised by its letter as well as by its colour. */
const looks: Record<Mark, {fill: string; letter: string}> = {
  '.': {fill: 'var(--granted)', letter: 'var(--ink)'},
  X: {fill: 'var(--refused)', letter: 'var(--on-refused)'},
  '!': {fill: 'var(--ink)', letter: 'var(--paper)'},
  '?': {fill: 'var(--paper)', letter: 'var(--ink)'},
}

/** The bind table: whether it is as the rules say, what is not, and a picture for each residue. */
export function matrixView(matrix: Matrix): View {
  const {agreement, predicted} = matrix
  const tone =
    agreement.disagreeing > 0 ? 'bad' : agreement.unknown > 0 || predicted ? 'open' : 'good'
  return {
    heading: 'Bind table',
    verdict: {tone, text: agreementWords(matrix)},
    lead: matrixTitle(matrix),
    blocks: [
      groups('Not as the rules say', disagreements(matrix), shownDisagreements),
      {
        ...{kind: 'section', title: 'What is granted over which residue'},
        blocks: [{kind: 'list', items: legend}, ...gridsOf(matrix).map(picture)],
      },
      {
        ...{kind: 'section', title: 'Left out, because this machine does not have the address'},
        blocks: [{kind: 'list', items: leftOutLines(matrix)}],
      },
      groups('Could not be tried', untried(matrix), shownUntried),
    ],
    file: 'matrix.json',
  }
}

/** How the pictures are read. */
const legend: readonly string[] = [
  "Rows: the old server's address and bind options. Columns: the new server's address, and in each a letter for each of its bind options: none, reuseaddr, reuseport, both. Residues with the same picture share it.",
  Object.entries(markMeanings)
    .map(([mark, meaning]) => `${mark} ${meaning}`)
    .join(', '),
]

function groups(title: string, all: readonly CellGroup[], brief: number): Block {
  return {
    ...{kind: 'section', title},
    blocks: all.flatMap(({heading, cells}): Block[] => [
      {kind: 'text', text: `${heading}:`},
      {kind: 'list', items: cells, brief},
    ]),
  }
}

/** A residue over which all is granted, or refused, needs no picture: its title says so. */
function picture(grid: Grid): Block {
  const title = gridTitle(grid)
  if (onlyMark(grid) !== undefined) return {kind: 'text', text: [{strong: title}]}
  return {
    ...{kind: 'section', title},
    blocks: [{kind: 'figure', picture: () => heatMap(grid), grid: letterGrid(grid)}],
  }
}

/** The machine that was measured, or the platform whose rules were asked. */
function matrixTitle({host, predicted}: Matrix): string {
  if (predicted !== true) return hostWords(host)
  return `${platformOf(host.stack).title}: predicted by its rules, nothing was tried`
}

/** `LISTEN`, or `none: granted throughout`. */
function gridTitle(grid: Grid): string {
  const mark = onlyMark(grid)
  const residues = grid.residues.join(', ')
  return mark === undefined ? residues : `${residues}: ${markMeanings[mark]} throughout`
}

/** `4896 cells: 4896 agree with the rules, 0 disagree, 0 unknown, in 1.2 s`. */
function agreementWords(matrix: Matrix): string {
  const {cells, agreement, predicted, rules, wallSeconds, interrupted} = matrix
  const total = `${cells.length} cells`
  if (predicted === true) {
    const standing = rules?.measured
      ? 'measured on such a system'
      : (rules?.checked ?? 'not yet measured')
    return `${total} predicted from the source of ${rules?.version}; ${standing}`
  }
  const {agreeing, disagreeing, unknown} = agreement
  const byBugs = cells.filter(({bug}) => bug !== undefined).length
  const known = byBugs === 0 ? '' : ` (${byBugs} of them by known bugs of this kernel)`
  const end = interrupted === undefined ? '' : `, interrupted by ${interrupted}`
  return (
    `${total}: ${agreeing} agree with the rules, ${disagreeing} disagree${known}, ${unknown} unknown, ` +
    `in ${wallSeconds.toFixed(1)} s${end}`
  )
}

interface CellGroup {
  heading: string
  /** One line a cell. */
  cells: string[]
}

/** The cells that disagree, by the rule that was expected to hold, and by the known bug that explains them. */
function disagreements({cells, host, rules}: Matrix): CellGroup[] {
  return grouped(
    cells.filter(({agrees}) => agrees === false),
    {
      keyOf: (cell) => `${cell.expected} ${cell.bug} ${ruleIdOf(cell, host)}`,
      headingOf(cell) {
        const [text, bug] = [ruleTextOf(cell, rules), bugTextOf(cell, rules)]
        const because = text === undefined ? '' : `, because ${text.because} (${text.source})`
        const known = bug === undefined ? '' : `. This is ${bug.because} (${bug.source})`
        return `Expected ${cell.expected}${because}${known}`
      },
      lineOf: (cell) => `${cellWords(cell)}: ${cell.observed}`,
    },
  )
}

/** The cells that could not be tried; those of one reason have one heading. */
function untried({cells}: Matrix): CellGroup[] {
  const reasonOf = ({reason}: MatrixCell) => reason ?? ''
  return grouped(
    cells.filter(({reason}) => reason !== undefined),
    {keyOf: reasonOf, headingOf: reasonOf, lineOf: cellWords},
  )
}

/** The addresses that this machine does not have, one line each. */
function leftOutLines({leftOut = []}: Matrix): string[] {
  return leftOut.map(({address, reason}) => `${address}: ${reason}`)
}

type OfCell = (cell: MatrixCell) => string

function grouped(
  cells: readonly MatrixCell[],
  {keyOf, headingOf, lineOf}: {keyOf: OfCell; headingOf: OfCell; lineOf: OfCell},
): CellGroup[] {
  return [...groupBy(cells, keyOf).values()].map((own) => ({
    heading: own[0] === undefined ? '' : headingOf(own[0]),
    cells: own.map(lineOf),
  }))
}

/** `TIME_WAIT left by 127.0.0.1 reuseaddr, then 0.0.0.0 none`. */
function cellWords({residue, predecessor, successor}: MatrixCell): string {
  const [before, after] = [predecessor, successor].map(({address, bind}) => `${address} ${bind}`)
  return `${residue} left by ${before}, then ${after}`
}

function heatMap(grid: Grid): Markup {
  const label = `What is granted over ${grid.residues.join(', ')}, for each address and bind option of both servers; matrix.md says the same in letters`
  return figure({chart: drawing(grid), label})
}

function drawing({columns, rows}: Grid): Markup {
  const names = rows.map(({address, binds}) => `${address}  ${binds}`)
  const columnPixels = bindOptions.length * cellPixels
  const size = {width: columns.length * columnPixels, height: rows.length * cellPixels}
  const left = 12 + greatestOf(names.map(({length}) => length)) * pixelsPerCharacter
  const cells = rows.flatMap(({marks: letters}, row) =>
    letters.flatMap((own, column) =>
      own.map((mark, option) => {
        return {mark, x: column * columnPixels + option * cellPixels, y: row * cellPixels}
      }),
    ),
  )
  const squares = Object.entries(looks).map(([words, look]) => {
    const own = cells.filter(({mark}) => mark === words)
    const d = own.map(({x, y}) => `M${x} ${y}h${cellPixels}v${cellPixels}h${-cellPixels}z`)
    const letters = own.map(({x, y}) =>
      textAt({x: x + cellPixels / 2, y: y + cellPixels / 2 + 4, words}),
    )
    return html`<path fill="${look.fill}" stroke="var(--line)" d="${d.join('')}"/><g fill="${look.letter}">${letters}</g>`
  })
  const titles = columns.map((words, column) =>
    textAt({x: column * columnPixels, y: 12 - headPixels, words, weight: 'bold'}),
  )
  const options = columns.flatMap((_, column) =>
    bindOptions.map((option, index) => {
      const x = column * columnPixels + (index + 0.5) * cellPixels + 4
      return html`<text transform="translate(${x} -6)rotate(-90)">${option}</text>`
    }),
  )
  const borders = columns.map((_, column) => `M${column * columnPixels} 0V${size.height}`).slice(1)
  return svg(
    {...size, left, right: 4, top: headPixels, bottom: 4},
    html`${titles}${options}${names.map((words, row) => textAt({x: -6, y: (row + 0.5) * cellPixels + 4, words, anchor: 'end'}))}
<g font-family="ui-monospace, monospace" text-anchor="middle">${squares}</g>
<path stroke="var(--edge)" stroke-width="2" d="${borders.join('')}"/>`,
  )
}
