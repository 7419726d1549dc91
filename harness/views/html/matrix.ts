import type {TopLevelSpec} from 'vega-lite'
import type {Matrix} from '../../documents/matrix-schema.ts'
import {greatestOf} from '../../extremes.ts'
import {type Draw, figure} from '../../render/html/chart.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {type Article, list, section, shortList} from '../../render/html/page.ts'
import {swatch} from '../../render/html/states.ts'
import {bindOptions} from '../../sockets/bind-options.ts'
import {type Grid, gridsOf, type Mark, markMeanings, onlyMark} from '../matrix-grid.ts'
import {
  agreementWords,
  type CellGroup,
  disagreements,
  gridTitle,
  leftOutLines,
  matrixTitle,
  untried,
} from '../matrix-words.ts'

const cellsShown = 200
const cellPixels = 19
/** Above the cells: the addresses, and below each the options. */
const headPixels = 84
/** Of the widest of the usual fonts. */
const pixelsPerCharacter = 7

/** A cell is told by its letter as well as by its colour. */
const looks: Record<Mark, {fill: string; letter: string}> = {
  '.': {fill: 'var(--granted)', letter: 'var(--ink)'},
  X: {fill: 'var(--refused)', letter: 'var(--on-refused)'},
  '!': {fill: 'var(--ink)', letter: 'var(--paper)'},
  '?': {fill: 'var(--paper)', letter: 'var(--ink)'},
}
const marks = Object.keys(looks) as Mark[]

/** The page of `rebind matrix`. */
export async function matrixArticle(matrix: Matrix, draw: Draw): Promise<Article> {
  const {agreement, predicted} = matrix
  const pictures: Markup[] = []
  for (const grid of gridsOf(matrix)) {
    pictures.push(
      html`<h3>${gridTitle(grid)}</h3>\n${onlyMark(grid) === undefined && (await heatMap(grid, draw))}`,
    )
  }
  const verdict =
    agreement.disagreeing > 0 ? 'bad' : agreement.unknown > 0 || predicted ? 'open' : 'good'
  return {
    title: 'Bind table',
    body: html`<p>${matrixTitle(matrix)}</p>
<p class="verdict ${verdict}">${agreementWords(matrix)}</p>
${groups('Otherwise than the rules say', disagreements(matrix))}
${section(
  'What is granted over which residue',
  html`<p>Rows: the old server's address and bind options. Columns: those of the new server. Residues with the same picture share it.</p>
<ul class="key">${marks.map((mark) => html`<li>${swatch(`<rect x="0.5" y="0.5" width="23" height="11" fill="${looks[mark].fill}" stroke="currentColor"/>`)} ${mark} ${markMeanings[mark]}</li>`)}</ul>
${pictures}`,
)}
${section('Left out, because this machine does not have the address', list(leftOutLines(matrix)))}
${groups('Could not be tried', untried(matrix))}`,
  }
}

function groups(title: string, all: readonly CellGroup[]): Markup | false {
  return section(
    title,
    all.length > 0 &&
      html`${all.map(({heading, cells}) => html`<h3>${heading}</h3>\n${shortList(cells, cellsShown, 'matrix.json')}`)}`,
  )
}

async function heatMap(grid: Grid, draw: Draw): Promise<Markup> {
  const chart = await draw(heatMapSpec(grid))
  const label = `What is granted over ${grid.residues.join(', ')}, for each address and bind option of both servers; matrix.md says the same in letters`
  return figure({chart, label})
}

function heatMapSpec({columns, rows}: Grid): TopLevelSpec {
  const names = rows.map(({address, binds}) => `${address}  ${binds}`)
  const namePixels = 12 + greatestOf(names.map(({length}) => length)) * pixelsPerCharacter
  const values = rows.flatMap(({marks: letters}, row) =>
    letters.flatMap((own, column) => own.map((mark, option) => ({row, column, option, mark}))),
  )
  const width = columns.length * bindOptions.length
  const cells = values.map(({row, column, option, mark}) => ({
    row,
    at: column * bindOptions.length + option,
    mark,
  }))
  const y = {
    field: 'row',
    type: 'ordinal',
    scale: {domain: rows.map((_, row) => row), padding: 0},
    axis: {
      labelFontSize: 12,
      labelExpr: `${JSON.stringify(names)}[datum.value]`,
      labelLimit: 340,
      title: null,
      ticks: false,
      domain: false,
      labelPadding: 6,
    },
  } as const
  const x = {
    field: 'at',
    type: 'ordinal',
    scale: {domain: Array.from({length: width}, (_, at) => at), padding: 0},
  } as const
  const scale = (of: (mark: Mark) => string) => ({
    field: 'mark',
    type: 'nominal' as const,
    legend: null,
    scale: {domain: marks, range: marks.map(of)},
  })
  return {
    width: width * cellPixels,
    height: rows.length * cellPixels,
    // The library can only guess at how wide a text will be, and would leave room for twice as much.
    autosize: {type: 'none'},
    padding: {left: namePixels, right: 4, top: headPixels, bottom: 4},
    data: {values: cells},
    resolve: {scale: {fill: 'independent'}},
    layer: [
      {
        mark: {type: 'rect', stroke: 'var(--line)', strokeWidth: 1},
        encoding: {
          y,
          x: {
            ...x,
            axis: {
              orient: 'top',
              labelExpr: `${JSON.stringify(bindOptions)}[datum.value % ${bindOptions.length}]`,
              labelAngle: -90,
              labelOverlap: false,
              ticks: false,
              domain: false,
              title: null,
            },
          },
          fill: scale((mark) => looks[mark].fill),
        },
      },
      {
        mark: {type: 'text', baseline: 'middle', fontSize: 12, font: 'ui-monospace, monospace'},
        encoding: {y, x, text: {field: 'mark'}, fill: scale((mark) => looks[mark].letter)},
      },
      {
        data: {
          values: columns.map((address, index) => ({at: index * bindOptions.length, address})),
        },
        mark: {type: 'text', align: 'left', baseline: 'bottom', fontWeight: 'bold'},
        encoding: {
          x: {...x, bandPosition: 0},
          y: {value: 12 - headPixels},
          text: {field: 'address'},
          fill: {value: 'var(--ink)'},
        },
      },
      {
        data: {
          values: columns.slice(1).map((_, index) => ({at: (index + 1) * bindOptions.length})),
        },
        mark: {type: 'rule', stroke: 'var(--edge)', strokeWidth: 2},
        encoding: {x: {...x, bandPosition: 0}},
      },
    ] as never,
  }
}
