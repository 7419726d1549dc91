import {
  type Block,
  type Cell,
  cellOf,
  columnTitle,
  type Figure,
  isEmpty,
  partsOf,
  type Table,
  type Text,
  type View,
} from '../model.ts'
import {type Draw, figure} from './chart.ts'
import {html, type Markup} from './markup.ts'
import {type Article, badge, definitions, section, shortList, table} from './page.ts'

/** So many rows or items are shown; the document has the others. */
const mostShown = 200

/** A view as an article of a page. */
export async function renderAsHtml(view: View, draw: Draw): Promise<Article> {
  const {heading, verdict, lead, blocks} = view
  const answer =
    verdict !== undefined && html`<p class="verdict ${verdict.tone}">${marked(verdict.text)}</p>\n`
  return {
    title: partsOf(heading)
      .map((part) => (typeof part === 'string' ? part : Object.values(part).join('')))
      .join(''),
    body: html`${answer}${lead !== undefined && html`<p>${marked(lead)}</p>\n`}${await drawn(blocks, view, draw)}`,
  }
}

type Where = Pick<View, 'file'>

async function drawn(blocks: readonly Block[], where: Where, draw: Draw): Promise<Markup[]> {
  const shown: Markup[] = []
  for (const block of blocks) {
    if (!isEmpty(block)) shown.push(html`${await blockOf(block, where, draw)}\n`)
  }
  return shown
}

async function blockOf(block: Block, where: Where, draw: Draw): Promise<Markup | false> {
  switch (block.kind) {
    case 'text':
      return html`<p>${marked(block.text)}</p>`
    case 'facts':
      return definitions(block.facts.map(([label, value]) => [label, marked(value)]))
    case 'list':
      return shortList(block.items.map(marked), mostShown, where.file)
    case 'table':
      return tableOf(block, where)
    case 'figure':
      return figureOf(block, where, draw)
    case 'section':
      return section(block.title, html`${await drawn(block.blocks, where, draw)}`)
    case 'details': {
      const {summary, badge: told, blocks} = block
      return html`<details><summary><span class="id">${marked(summary)}</span> ${badge(told.tone, told.words)}</summary><div>
${await drawn(blocks, where, draw)}</div></details>`
    }
  }
}

function tableOf({label, columns, rows}: Table, {file}: Where): Markup {
  const more = rows.length - mostShown
  const shown = table(
    label,
    columns.map(columnTitle),
    rows.slice(0, mostShown).map((row) => row.map(cellMarkup)),
  )
  return html`${shown}${more > 0 && html`<p>and ${more} more in ${file}</p>`}`
}

function cellMarkup(cell: Cell): Markup {
  const {text, tone} = cellOf(cell)
  return tone === undefined ? marked(text) : html`<span class="tone ${tone}">${marked(text)}</span>`
}

async function figureOf(block: Figure, where: Where, draw: Draw): Promise<Markup> {
  const {label, drawings, key, table: said} = block
  const figures: Markup[] = []
  for (const {shown, spec} of drawings) {
    figures.push(figure({shown, label, chart: await draw(spec), key}))
  }
  return html`${figures}
<details><summary>${said.label}</summary><div>${tableOf(said, where)}</div></details>`
}

function marked(text: Text): Markup {
  return html`${partsOf(text).map((part) => {
    if (typeof part === 'string') return part
    return 'code' in part ? html`<code>${part.code}</code>` : html`<strong>${part.strong}</strong>`
  })}`
}
