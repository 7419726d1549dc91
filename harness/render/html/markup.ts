import {printable} from '../../text.ts'

const text = Symbol('markup')

/** HTML. No JSON document can hold one, because its key is a symbol, so no value of a document passes for it. */
export interface Markup {
  readonly [text]: string
}

/** What may stand in a template; nothing is written for `undefined`, `null` and `false`. */
export type Value = Markup | string | number | false | null | undefined | readonly Value[]

/** A template of HTML: every value that is not markup itself is escaped, for text and for quoted attributes. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return trusted(String.raw({raw: strings}, ...values.map(written)))
}

/** Declares text of our own making to be HTML. */
export function trusted(markup: string): Markup {
  return {[text]: markup}
}

export function textOf(markup: Markup): string {
  return markup[text]
}

function written(value: Value): string {
  if (value === undefined || value === null || value === false) return ''
  if (typeof value === 'string' || typeof value === 'number') return escaped(String(value))
  return text in value ? value[text] : value.map(written).join('')
}

function escaped(value: string): string {
  return printable(value)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
