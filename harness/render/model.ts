import type {Markup} from './html/markup.ts'

/**
 * What people look at, as data. Text in it may come from anywhere: the renderers escape it, and they alone cut, wrap
 * and fit it to what it is shown on.
 */
export interface View {
  /** With a tone it is the answer itself. */
  heading: Cell
  /** The answer, before everything else. */
  verdict?: {tone: Tone; text: Text}
  /** What it was measured on, and when. */
  lead?: Text
  blocks: readonly Block[]
  /** What the figures have in common, on a page. */
  pageParts?(): Markup
  /** Where everything is that a renderer cuts, as `check.json`. */
  file: string
}

/**
 * A part of a text that is not plain. Code may lead to a row of a table, by its anchor. Of a `short` one the
 * beginning is enough where there is little room.
 */
export type Mark =
  | {code: string; to?: string}
  | {strong: string}
  | {short: string}
  | {link: string; to: string}

export type Part = string | Mark

export type Text = string | readonly Part[]

/** Has a colour, and on a page a mark, in addition to the words. */
export type Tone = 'good' | 'bad' | 'open'

export type Cell = Text | {tone: Tone; text: Text}

export interface Column {
  title: string
  /** On a terminal that is too narrow for the table it stands beside the first cell, above the others. */
  above?: true
  /** On a terminal it is told below the table where it would make that too wide. */
  aside?: true
}

export interface Table {
  kind: 'table'
  /** What it shows, for whoever cannot see where it stands. */
  label: string
  columns: readonly (string | Column)[]
  /** On a terminal that is too narrow for it each cell has a line of its own, because it says much. */
  stacked?: true
  /** The first cell of a row is its heading. */
  rows: readonly (readonly Cell[])[]
  /** For each row, what links to it name it by. */
  anchors?: readonly string[]
  /** Rows that belong together, in their order: together they are all rows. */
  groups?: readonly RowGroup[]
}

export interface Facts {
  kind: 'facts'
  facts: readonly (readonly [label: string, value: Text])[]
}

/** Much of a kind. Where there is no room for all, the summary is shown instead. */
export interface Many {
  kind: 'many'
  all: Table | Facts
  summary: Block
}

export interface RowGroup {
  title: string
  /** What they have in common, in a sentence. */
  lesson: string
  /** How many rows. */
  rows: number
}

/** A chart, and the plain text of the same. */
export interface Figure {
  kind: 'figure'
  /** As SVG, with what its colours and marks mean. */
  picture(): Markup
  /** On a terminal, and in Markdown if there is no table. */
  bars?: readonly BarGroup[]
  /** On a terminal and in Markdown, and what their signs mean. */
  lines?: {rows: readonly (readonly [label: string, words: string])[]; note: string}
  /** On a terminal and in Markdown, a letter a cell. */
  grid?: Grid
  /** In Markdown, and beside the picture. */
  table?: Table
}

/** A table of letters, in which a run of them belongs to each column. */
export interface Grid {
  columns: readonly string[]
  rows: readonly {names: readonly [string, string]; marks: readonly (readonly string[])[]}[]
  /** Of the letters that have one. */
  tones: Readonly<Record<string, Tone>>
}

export interface BarGroup {
  title?: string
  bars: readonly Bar[]
}

export interface Bar {
  label: string
  value: string
  /** Of the longest bar, from 0 to 1. */
  share: number
}

export type Block =
  | Table
  | Figure
  | Facts
  | Many
  | {kind: 'text'; text: Text; muted?: true}
  /** `brief`: so many are enough on a terminal. */
  | {kind: 'list'; items: readonly Text[]; brief?: number}
  | Section
  | Details

export interface Section {
  kind: 'section'
  title: string
  blocks: readonly Block[]
  /** Where it is shown; everywhere without it. */
  only?: readonly Medium[]
}

export type Medium = 'terminal' | 'markdown' | 'page'

/** Folded away on a page and in Markdown; a terminal cannot, so there it is left out, and the document has it. */
export interface Details {
  kind: 'details'
  summary: Text
  /** Beside it, less prominent. */
  aside?: Text
  badge: {tone: Tone; words: string}
  blocks: readonly Block[]
  /** What a link leads to. */
  id?: string
  open?: boolean
}

/** Whether a block has nothing to say: then no renderer shows its heading. */
function isEmpty(block: Block): boolean {
  switch (block.kind) {
    case 'table':
      return block.rows.length === 0
    case 'figure':
      return block.table?.rows.length === 0
    case 'list':
      return block.items.length === 0
    case 'facts':
      return block.facts.length === 0
    case 'many':
      return isEmpty(block.all)
    case 'section':
      return block.blocks.every(isEmpty)
    case 'text':
    case 'details':
      return false
  }
}

/** What is shown there. */
export function shownIn(medium: Medium, blocks: readonly Block[]): Block[] {
  return blocks
    .filter(({kind}) => kind !== 'details' || medium !== 'terminal')
    .filter((block) => block.kind !== 'section' || (block.only?.includes(medium) ?? true))
    .map((block) =>
      block.kind === 'section' || block.kind === 'details'
        ? {...block, blocks: shownIn(medium, block.blocks)}
        : block,
    )
    .filter((block) => !isEmpty(block))
}

/** All of it, or the summary where that has more rows than there is room for. */
export function fitting({all, summary}: Many, mostRows: number): Block {
  const {length} = all.kind === 'table' ? all.rows : all.facts
  return length > mostRows ? summary : all
}

/** An anchor as every renderer writes it: whatever else is in it cannot end an attribute or a link. */
export function anchorName(anchor: string): string {
  return anchor.replace(/[^\w.:/-]/g, '-')
}

export function columnTitle(column: string | Column): string {
  return typeof column === 'string' ? column : column.title
}

/** The text of a cell, and the tone that it has. */
export function cellOf(cell: Cell): {text: Text; tone?: Tone} {
  return typeof cell === 'object' && 'tone' in cell ? cell : {text: cell}
}

export function partsOf(text: Text): readonly Part[] {
  return typeof text === 'string' ? [text] : text
}
