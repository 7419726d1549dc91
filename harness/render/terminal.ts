import {greatestOf} from '../extremes.ts'
import {printable} from '../text.ts'
import {barLines} from './bars.ts'
import {coloursFor} from './colours.ts'
import {fittedRows, fittedTable, tableWidth, twoLineRows} from './fitted-table.ts'
import {gridLines} from './grid.ts'
import {
  type Block,
  type Cell,
  type Column,
  cellOf,
  columnTitle,
  type Figure,
  fitting,
  type Grid,
  partsOf,
  type RowGroup,
  shownIn,
  type Table,
  type Text,
  type Tone,
  type View,
} from './model.ts'
import {wrap} from './wrap.ts'

const pc = coloursFor(process.stdout)
const paints: Readonly<Record<Tone, (text: string) => string>> = {
  good: pc.green,
  bad: pc.red,
  open: pc.yellow,
}

const usualColumns = 80
const mostRows = 100
const mostItems = 100
/** What can be summed up is, beyond this. */
const mostUnsummed = 12
const longestShort = 80
/** With more than these a row would be too wide to be read, on whatever terminal. */
const mostStackedColumns = 6

/** A view for a terminal. @param width its columns; undefined where the output is not a terminal */
export function renderForTerminal(view: View, width: number | undefined): string {
  return viewed(view, {width, file: view.file, rows: mostRows, unsummed: mostUnsummed})
}

/** The same for a terminal that is drawn on again and again: all that it has room for, or else in sum. */
export function renderForScreen(
  view: View,
  {columns, rows}: {columns: number; rows: number},
): string {
  const screen = {width: columns, file: view.file, rows: Number.POSITIVE_INFINITY}
  const drawn = (unsummed: number) => viewed(view, {...screen, unsummed}).trimEnd()
  const all = drawn(rows)
  return all.split('\n').length > rows ? drawn(0) : all
}

/** A single block, for output that is not a terminal, as it goes on. */
export function renderBlock(block: Block): string {
  const screen = {width: undefined, file: '', rows: mostRows, unsummed: mostUnsummed}
  return drawn([block], screen).join('\n')
}

function viewed({heading, verdict, lead, blocks}: View, screen: Screen): string {
  const {width} = screen
  const top = [
    pc.bold(painted(heading)),
    ...(verdict === undefined ? [] : [paints[verdict.tone](wrap(plain(verdict.text), width))]),
    ...(lead === undefined ? [] : [wrap(plain(lead), width)]),
  ]
  return `${[top.join('\n'), ...drawn(shownIn('terminal', blocks), screen)].join('\n\n')}\n`
}

type List = Extract<Block, {kind: 'list'}>

/** How wide the terminal is, and where everything is that it has no room for. */
interface Screen {
  width: number | undefined
  file: string
  /** The most of a table. */
  rows: number
  /** The most of what can be summed up. */
  unsummed: number
}

function drawn(blocks: readonly Block[], screen: Screen): string[] {
  return blocks.flatMap((block) => blockOf(block, screen))
}

function blockOf(block: Block, screen: Screen): string | [] {
  const {width} = screen
  switch (block.kind) {
    case 'text': {
      const text = wrap(plain(block.text), width)
      return block.muted === true ? pc.dim(text) : text
    }
    case 'facts':
      return facts(block.facts, width)
    case 'list':
      return listOf(block, screen)
    case 'table':
      return tableOf(block, screen)
    case 'many':
      return blockOf(fitting(block, screen.unsummed), screen)
    case 'figure':
      return pictured(block, width)
    case 'section':
      return [pc.bold(printable(block.title)), drawn(block.blocks, screen).join('\n\n')].join('\n')
    case 'details':
      return []
  }
}

function plain(text: Text): string {
  return partsOf(text)
    .map((part) => {
      if (typeof part === 'string') return printable(part)
      if ('code' in part) return printable(part.code)
      if ('short' in part) return shortened(printable(part.short))
      return 'link' in part ? printable(part.link) : pc.bold(printable(part.strong))
    })
    .join('')
}

function shortened(text: string): string {
  return text.length > longestShort ? `${text.slice(0, longestShort)}...` : text
}

function facts(all: readonly (readonly [string, Text])[], width: number | undefined): string {
  const rows = all.map(([label, value]) => [printable(label), plain(value)] as const)
  const labels = greatestOf(rows.map(([label]) => label.length))
  return rows
    .map(([label, value]) =>
      wrap(`${label.padEnd(labels)}  ${value}`, width, ' '.repeat(labels + 2)),
    )
    .join('\n')
}

function listOf({items, brief = mostItems}: List, {width, file}: Screen): string {
  const more = items.length - brief
  return [
    ...items.slice(0, brief).map((item) => wrap(`- ${plain(item)}`, width)),
    ...(more > 0 ? [`- and ${more} more in ${printable(file)}`] : []),
  ].join('\n')
}

/** Columns that may stand aside have lines of their own where they would make the table too wide. */
function tableOf({columns, rows, stacked, groups}: Table, screen: Screen): string {
  const {width, file} = screen
  const cells = rows.slice(0, screen.rows).map((row) => row.map(painted))
  const more = rows.length - screen.rows
  const cut = more > 0 ? [`and ${more} more in ${printable(file)}`] : []
  const titles = columns.map((column) => printable(columnTitle(column)))
  const isAside = (column: string | Column | undefined) =>
    typeof column === 'object' && column.aside === true
  const kept = <T>(row: readonly T[]) => row.filter((_, index) => !isAside(columns[index]))
  const fits = (all: string[][]) => width === undefined || tableWidth(all) <= width
  if (stacked === true && (titles.length > mostStackedColumns || !fits([titles, ...cells]))) {
    return [...cells.flatMap((row) => stackedRow(titles, row, width)), ...cut].join('\n')
  }
  const above = columns.findIndex((column) => typeof column === 'object' && column.above === true)
  if (groups !== undefined || above > 0) {
    const layOut = fits([titles, ...cells]) || above < 1 ? fittedRows : twoLineRows
    const [heading = '', ...shown] = layOut(titles, cells, width, pc.bold, above)
    return [heading, ...underGroups(shown, groups ?? [], width), ...cut].join('\n').trimStart()
  }
  const isWhole = fits([titles, ...cells]) || !fits([kept(titles), ...cells.map(kept)])
  if (isWhole) return [fittedTable(titles, cells, width, pc.bold), ...cut].join('\n')
  const aside = cells.flatMap(([first, ...others]) =>
    others.flatMap((cell, index) =>
      isAside(columns[index + 1]) && cell !== '' ? [wrap(`- ${first}: ${cell}`, width)] : [],
    ),
  )
  return [fittedTable(kept(titles), cells.map(kept), width, pc.bold), ...cut, '', ...aside].join(
    '\n',
  )
}

/** The rows below the titles of their groups; their columns stay where they are. */
function underGroups(
  rows: readonly string[],
  groups: readonly RowGroup[],
  width: number | undefined,
): string[] {
  let from = 0
  const shown = groups.flatMap(({title, lesson, rows: count}) => {
    const own = rows.slice(from, from + count)
    from += count
    const told = wrap(`${printable(title)}: ${printable(lesson)}`, width)
    return own.length === 0 ? [] : ['', told.replace(printable(title), pc.bold), ...own]
  })
  return [...shown, ...rows.slice(from)]
}

function stackedRow(
  titles: readonly string[],
  [first = '', ...cells]: readonly string[],
  width: number | undefined,
): string[] {
  const told = cells.flatMap((cell, index) =>
    cell === '-' ? [] : [wrap(`  ${titles[index + 1]}: ${cell}`, width, '    ')],
  )
  return [first, ...told]
}

function painted(cell: Cell): string {
  const {text, tone} = cellOf(cell)
  return tone === undefined ? plain(text) : paints[tone](plain(text))
}

function pictured({bars, grid, lines}: Figure, width: number | undefined): string | [] {
  if (lines !== undefined) {
    return [
      facts(lines.rows, width),
      ...(lines.note === '' ? [] : [wrap(printable(lines.note), width)]),
    ].join('\n')
  }
  if (grid !== undefined) return gridLines(grid, (run) => paintedRun(run, grid), width).join('\n')
  if (bars === undefined) return []
  return barLines(bars, width ?? usualColumns, {bar: pc.cyan, title: pc.bold}).join('\n')
}

/** Letters of one kind are painted together. */
function paintedRun(letters: string, {tones}: Grid): string {
  return letters.replace(/(.)\1*/g, (run, letter: string) => {
    const tone = tones[letter]
    return tone === undefined ? run : paints[tone](run)
  })
}
