import {readFileSync} from 'node:fs'

/** A string on one line, right before a test's function. */
const title =
  /('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\\n]|\\.)*`),\s*(?:async\s*)?\(\w*\)\s*=>/g
const inserted = /\$\{[^}]*\}/

/**
 * The titles of the tests that a file declares, as patterns: one made by a template stands for every text in the place
 * of what it inserts.
 */
export function titlesIn(file: string): RegExp[] {
  return [...readFileSync(file, 'utf8').matchAll(title)].map(([, quoted = '']) => {
    const text = quoted.slice(1, -1)
    const parts = quoted.startsWith('`') ? text.split(inserted) : [text]
    return new RegExp(`^${parts.map(literal).join('.+')}$`)
  })
}

/** A pattern that matches what the source of a string stands for. */
function literal(source: string): string {
  return source.replace(/\\(.)/g, '$1').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
