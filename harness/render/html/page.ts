import {createHash} from 'node:crypto'
import {version} from '../../version.ts'
import {html, type Markup, textOf, trusted} from './markup.ts'
import {statePatterns} from './states.ts'
import {style} from './style.ts'

/** What a page says of one document. */
export interface Article {
  title: string
  body: Markup
  /** What its figures have in common, once for all. */
  parts?: Markup
}

/**
 * One self-contained page: no script, nothing loaded, the style by its hash; all else is forbidden to it,
 * so that even a value which slipped through unescaped could do nothing.
 */
export function page(articles: readonly Article[]): string {
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`
  const title = articles.map((article) => article.title).join('; ')
  return textOf(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${trusted(style)}</style>
</head>
<body>
${statePatterns}
<main>
${articles.map(({title: heading, body, parts}) => html`${parts}<article>\n<h1>${heading}</h1>\n${body}</article>\n`)}
</main>
<footer>Made by Rebind ${version} from the JSON beside it.</footer>
</body>
</html>
`)
}

/** A section with a heading; none where it has nothing to say. */
export function section(heading: string, body: Markup | false): Markup | false {
  return body !== false && html`<section>\n<h2>${heading}</h2>\n${body}</section>\n`
}

function list(items: readonly (Markup | string)[]): Markup | false {
  return items.length > 0 && html`<ul>${items.map((item) => html`<li>${item}</li>\n`)}</ul>\n`
}

/** The first so many items, and where the others are. */
export function shortList(
  items: readonly (Markup | string)[],
  most: number,
  where: string,
): Markup | false {
  const more = items.length - most
  return list(more > 0 ? [...items.slice(0, most), `and ${more} more in ${where}`] : items)
}

/**
 * A table that scrolls, also by the keyboard, where it is too wide; the first cell of a row is its heading.
 * @param label what the table shows, for whoever cannot see where it stands
 * @param anchors of the rows, whose headings link to them
 */
export function table(
  label: string,
  titles: readonly string[],
  rows: readonly (readonly (Markup | string)[])[],
  anchors: readonly string[] = [],
): Markup {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table>
<thead><tr>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead>
<tbody>
${rows.map(([first = '', ...cells], index) => html`<tr>${rowHeading(first, anchors[index])}${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody>
</table></div>
`
}

function rowHeading(text: Markup | string, anchor: string | undefined): Markup {
  return anchor === undefined
    ? html`<th scope="row">${text}</th>`
    : html`<th scope="row" id="${anchor}"><a href="#${anchor}">${text}</a></th>`
}

/** Names and what they stand for; nothing for those without a value. */
export function definitions(
  entries: readonly (readonly [string, Markup | string | false])[],
): Markup {
  return html`<dl>${entries
    .filter(([, value]) => value !== false)
    .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>\n`)}</dl>\n`
}

/** `good` and `bad` have a colour and a mark of their own, in addition to the words. */
export function badge(kind: 'good' | 'bad' | 'open', words: string): Markup {
  const mark = {good: '✓', bad: '✗', open: '–'}[kind]
  return html`<span class="badge ${kind}"><span aria-hidden="true">${mark}</span> ${words}</span>`
}
