import {printable} from '../text.ts'
import {gridLines} from './grid.ts'
import {
  type Block,
  type Cell,
  cellOf,
  columnTitle,
  type Figure,
  partsOf,
  shownIn,
  type Table,
  type Text,
  type View,
} from './model.ts'

/** GitHub shows the first MiB of a job's summary; beyond this the JSON is the place to look. */
const mostItems = 1000

/** A view as GitHub-flavoured Markdown. */
export function renderAsMarkdown({heading, verdict, lead, blocks}: View): string {
  const answer = verdict === undefined ? [] : [`**${literalText(verdict.text)}**`, '']
  return [
    `# ${literalText(cellOf(heading).text)}`,
    '',
    ...answer,
    ...(lead === undefined ? [] : [literalText(lead), '']),
    ...drawn(shownIn('markdown', blocks), 2),
  ].join('\n')
}

function drawn(blocks: readonly Block[], level: number): string[] {
  return blocks.flatMap((block) => linesOf(block, level))
}

/** Each block ends with an empty line. */
function linesOf(block: Block, level: number): string[] {
  switch (block.kind) {
    case 'text':
      return [literalText(block.text), '']
    case 'facts':
      return [
        ...block.facts.map(([label, value]) => `- ${literal(label)}: ${literalText(value)}`),
        '',
      ]
    case 'list':
      return [...listOf(block.items), '']
    case 'table':
      return [...table(block), '']
    case 'figure':
      return pictured(block)
    case 'section':
      return [`${'#'.repeat(level)} ${literal(block.title)}`, '', ...drawn(block.blocks, level + 1)]
    case 'details':
      return []
  }
}

function pictured({grid, table: said}: Figure): string[] {
  if (grid !== undefined) return ['```text', ...gridLines(grid), '```', '']
  return said === undefined ? [] : [...table(said), '']
}

function listOf(items: readonly Text[]): string[] {
  const more = items.length - mostItems
  return [
    ...items.slice(0, mostItems).map((item) => `- ${literalText(item)}`),
    ...(more > 0 ? [`- and ${more} more in the JSON`] : []),
  ]
}

function table({columns, rows}: Table): string[] {
  return [
    row(columns.map((column) => literal(columnTitle(column)))),
    row(columns.map(() => '---')),
    ...rows.map((cells) => row(cells.map(cellText))),
  ]
}

function cellText(cell: Cell): string {
  const {text, tone} = cellOf(cell)
  return tone === 'bad' || tone === 'open' ? `**${literalText(text)}**` : literalText(text)
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function literalText(text: Text): string {
  return partsOf(text)
    .map((part) => {
      if (typeof part === 'string') return literal(part)
      if ('code' in part) return literal(part.code)
      return `**${literal('link' in part ? part.link : part.strong)}**`
    })
    .join('')
}

/** A space of no width, written so that it is seen in the source. */
const noSpace = '&#8203;'

/**
 * Neither Markdown nor HTML of a report's values takes effect, nor does what GitHub finds in plain text: bare
 * URLs, addresses of e-mail, `@name`, and numbers of issues. It looks for those in the text that is left when all
 * escapes are read, so that only a character between helps.
 */
export function literal(text: string): string {
  return printable(text)
    .replace(/[\\`*_[\]|~#]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/:(?=\/\/)|@(?=\w)|#(?=\d)|\bGH-(?=\d)/gi, `$&${noSpace}`)
    .replace(/\b(www)\./gi, `$1${noSpace}.`)
}
