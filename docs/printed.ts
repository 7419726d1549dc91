import {renderAsMarkdown} from '../harness/render/markdown.ts'
import type {View} from '../harness/render/model.ts'

/** What a command prints as Markdown, below a heading that the page has already. */
export function printed(view: View): string {
  return renderAsMarkdown(view)
    .replace(/^# .*\n\n/, '')
    .replace(/^#/gm, '##')
    .trimEnd()
}
