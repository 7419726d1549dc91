import {
  anchorName,
  type Block,
  type Cell,
  cellOf,
  columnTitle,
  type Figure,
  fitting,
  partsOf,
  type Section,
  shownIn,
  type Table,
  type Text,
  type View,
} from '../model.ts'
import {html, type Markup} from './markup.ts'
import {type Article, badge, definitions, section, shortList, table} from './page.ts'

/** So many rows or items are shown; the document has the others. */
const mostShown = 200

/** A view as an article of a page. */
export function renderAsHtml(view: View): Article {
  const {heading, verdict, lead, blocks} = view
  const answer =
    verdict !== undefined && html`<p class="verdict ${verdict.tone}">${marked(verdict.text)}</p>\n`
  return {
    title: partsOf(cellOf(heading).text)
      .map((part) => (typeof part === 'string' ? part : (Object.values(part)[0] ?? '')))
      .join(''),
    ...(view.pageParts === undefined ? {} : {parts: view.pageParts()}),
    body: html`${answer}${lead !== undefined && html`<p>${marked(lead)}</p>\n`}${drawn(shownIn('page', blocks), {...view, level: 2})}`,
  }
}

/** Where everything is, and how deep its sections lie. */
interface Where {
  file: string
  level: number
}

function drawn(blocks: readonly Block[], where: Where): Markup[] {
  return blocks.map((block) => html`${blockOf(block, where)}\n`)
}

function blockOf(block: Block, where: Where): Markup | false {
  switch (block.kind) {
    case 'text':
      return html`<p${block.muted === true && html` class="muted"`}>${marked(block.text)}</p>`
    case 'facts':
      return definitions(block.facts.map(([label, value]) => [label, marked(value)]))
    case 'list':
      return shortList(block.items.map(marked), mostShown, where.file)
    case 'table':
      return groupedTable(block, where)
    case 'many':
      return blockOf(fitting(block, mostShown), where)
    case 'figure':
      return figureOf(block, where)
    case 'section':
      return sectionOf(block, where)
    case 'details': {
      const {summary, aside, badge: told, blocks, id, open} = block
      return html`<details${id !== undefined && html` id="${id}"`}${open === true && html` open`}><summary><span class="id">${marked(summary)}</span> ${aside !== undefined && html`<span class="what">${marked(aside)}</span> `}${badge(told.tone, told.words)}</summary><div>
${drawn(blocks, {...where, level: where.level + 1})}</div></details>`
    }
  }
}

function sectionOf({title, blocks}: Section, {file, level}: Where): Markup | false {
  const inside = html`${drawn(blocks, {file, level: level + 1})}`
  return level === 2 ? section(title, inside) : html`<h3>${title}</h3>\n${inside}`
}

function tableOf({label, columns, rows, anchors = []}: Table, {file}: Where): Markup {
  const more = rows.length - mostShown
  const shown = table(
    label,
    columns.map(columnTitle),
    rows.slice(0, mostShown).map((row) => row.map(cellMarkup)),
    anchors.map(anchorName),
  )
  return html`${shown}${more > 0 && html`<p>and ${more} more in ${file}</p>`}`
}

/** A table for each group, below its heading. */
function groupedTable(all: Table, where: Where): Markup {
  if (all.groups === undefined) return tableOf(all, where)
  let from = 0
  return html`${all.groups.map(({title, lesson, rows}) => {
    const own = all.rows.slice(from, from + rows)
    const anchors = all.anchors?.slice(from, from + rows)
    from += rows
    const table = {...all, rows: own, ...(anchors === undefined ? {} : {anchors})}
    return html`<h3>${title}</h3>\n<p class="lesson">${lesson}</p>\n${tableOf(table, where)}`
  })}`
}

function cellMarkup(cell: Cell): Markup {
  const {text, tone} = cellOf(cell)
  return tone === undefined ? marked(text) : html`<span class="tone ${tone}">${marked(text)}</span>`
}

function figureOf(block: Figure, where: Where): Markup {
  const {picture, table: said} = block
  const beside =
    said !== undefined &&
    html`\n<details><summary>${said.label}</summary><div>${tableOf(said, where)}</div></details>`
  return html`${picture()}${beside}`
}

function marked(text: Text): Markup {
  return html`${partsOf(text).map((part) => {
    if (typeof part === 'string') return part
    if ('code' in part) {
      const code = html`<code>${part.code}</code>`
      return part.to === undefined ? code : html`<a href="#${anchorName(part.to)}">${code}</a>`
    }
    if ('short' in part) return part.short
    return 'link' in part
      ? html`<a href="#${part.to}">${part.link}</a>`
      : html`<strong>${part.strong}</strong>`
  })}`
}
