import {greatestOf} from '../extremes.ts'
import {printable} from '../text.ts'
import {barLines} from './bars.ts'
import {gridLines} from './grid.ts'
import {
  anchorName,
  type Block,
  type Cell,
  cellOf,
  columnTitle,
  type Details,
  type Figure,
  fitting,
  partsOf,
  type RowGroup,
  shownIn,
  type Table,
  type Text,
  type View,
} from './model.ts'

/** GitHub shows the first MiB of a job's summary; beyond this the JSON is the place to look. */
const mostItems = 1000
/** GitHub shows about as many characters of a line of code without scrolling. */
const fenceColumns = 100

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
      return block.groups === undefined
        ? [...table(block), '']
        : groupTables(block.groups, block, level)
    case 'many':
      return linesOf(fitting(block, mostItems), level)
    case 'figure':
      return pictured(block)
    case 'section':
      return [`${'#'.repeat(level)} ${literal(block.title)}`, '', ...drawn(block.blocks, level + 1)]
    case 'details':
      return [
        `<details${block.open === true ? ' open' : ''}>`,
        `<summary>${summaryOf(block)}</summary>`,
        '',
        ...drawn(block.blocks, level + 1),
        '</details>',
        '',
      ]
  }
}

/** A table for each group, below its heading. */
function groupTables(groups: readonly RowGroup[], all: Table, level: number): string[] {
  let from = 0
  return groups.flatMap(({title, lesson, rows}) => {
    const own = all.rows.slice(from, from + rows)
    const anchors = all.anchors?.slice(from, from + rows)
    from += rows
    const heading = [`${'#'.repeat(level)} ${literal(title)}`, '', literal(lesson), '']
    const shown = table({...all, rows: own, ...(anchors === undefined ? {} : {anchors})})
    return [...heading, ...shown, '']
  })
}

/** GitHub reads no Markdown in there, only HTML. */
function summaryOf({summary, aside, badge}: Details): string {
  const words = [aside ?? '', badge.words].map(inHtml).filter((each) => each !== '')
  return `<b>${inHtml(summary)}</b>: ${words.join(', ')}`
}

function inHtml(text: Text): string {
  return partsOf(text)
    .map((part) =>
      unlinked(typeof part === 'string' ? part : (Object.values(part)[0] ?? '')).replace(
        /[|`*_]/g,
        (mark) => `&#${mark.charCodeAt(0)};`,
      ),
    )
    .join('')
}

function pictured({grid, lines, bars, table: said}: Figure): string[] {
  if (lines !== undefined) {
    const labels = greatestOf(lines.rows.map(([label]) => label.length))
    const rows = lines.rows.map(([label, words]) => printable(`${label.padEnd(labels)}  ${words}`))
    return [...fenced(rows), '', ...(lines.note === '' ? [] : [literal(lines.note), ''])]
  }
  if (grid !== undefined) return [...fenced(gridLines(grid).map(printable)), '']
  if (said !== undefined) return [...table(said), '']
  if (bars === undefined) return []
  const plain = {bar: asItIs, title: asItIs}
  return [...fenced(barLines(bars, fenceColumns, plain)), '']
}

const asItIs = (text: string) => text

/** A fence longer than any run of backticks in it, so that no line of it can close the fence. */
function fenced(lines: readonly string[]): string[] {
  const runs = lines.flatMap((line) => line.match(/`+/g) ?? [])
  const fence = '`'.repeat(greatestOf([3, ...runs.map(({length}) => length + 1)]))
  return [`${fence}text`, ...lines, fence]
}

function listOf(items: readonly Text[]): string[] {
  const more = items.length - mostItems
  return [
    ...items.slice(0, mostItems).map((item) => `- ${literalText(item)}`),
    ...(more > 0 ? [`- and ${more} more in the JSON`] : []),
  ]
}

function table({columns, rows, anchors = []}: Table): string[] {
  return [
    row(columns.map((column) => literal(columnTitle(column)))),
    row(columns.map(() => '---')),
    ...rows.map(([first = '', ...cells], index) =>
      row([rowHeading(cellText(first), anchors[index]), ...cells.map(cellText)]),
    ),
  ]
}

function rowHeading(text: string, anchor: string | undefined): string {
  if (anchor === undefined) return text
  const name = anchorName(anchor)
  return `<a id="${name}"></a>[${text}](#${name})`
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
      if ('code' in part) {
        const code = codeSpan(part.code)
        return part.to === undefined ? code : `[${code}](#${anchorName(part.to)})`
      }
      if ('short' in part) return literal(part.short)
      return `**${literal('link' in part ? part.link : part.strong)}**`
    })
    .join('')
}

/** Code as code, if nothing in it could end that, or be taken for a table's border. */
function codeSpan(code: string): string {
  const shown = printable(code)
  return /^[^`<>&|\\]+$/.test(shown) ? `\`${shown}\`` : literal(code)
}

/** A space of no width, written so that it is seen in the source. */
const noSpace = '&#8203;'

/**
 * Neither Markdown nor HTML of a report's values takes effect, nor does what GitHub finds in plain text: bare
 * URLs, addresses of e-mail, `@name`, and numbers of issues. It looks for those in the text that is left when all
 * escapes are read, so that only a character between helps.
 */
export function literal(text: string): string {
  return unlinked(printable(text).replace(/[\\`*_[\]|~#]/g, '\\$&'))
}

/** For HTML, and with nothing that becomes a link. */
function unlinked(text: string): string {
  return printable(text)
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/:(?=\/\/)|@(?=\w)|#(?=\d)|\bGH-(?=\d)/gi, `$&${noSpace}`)
    .replace(/\b(www)\./gi, `$1${noSpace}.`)
}
