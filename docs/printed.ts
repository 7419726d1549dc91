import {renderAsMarkdown} from '../harness/render/markdown.ts'
import type {Block, Section, View} from '../harness/render/model.ts'

/**
 * What a command prints as Markdown, below a heading that the page has already.
 * @param level of the headings of sections
 */
export function printed(
  blocks: readonly Block[],
  verdict: View['verdict'] = undefined,
  level = 3,
): string {
  const view = {heading: '', blocks, file: '', ...(verdict === undefined ? {} : {verdict})}
  return renderAsMarkdown(view)
    .replace(/^# .*\n\n/, '')
    .replace(/^##(?=#* )/gm, '#'.repeat(level))
    .trimEnd()
}

/** @throws Error if the view has no such section */
export function sectionOf({blocks}: View, title: string): Section {
  const found = blocks.find((block) => block.kind === 'section' && block.title === title)
  if (found?.kind !== 'section') throw new Error(`there is no section "${title}"`)
  return found
}
