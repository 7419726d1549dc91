import {renderAsMarkdown} from '../render/markdown.ts'
import {type ShownDocument, viewOf} from './kinds.ts'
import type {RunDetails} from './report.ts'

/** A document as Markdown. @param details what a run's report.json leaves out */
export async function markdownOf(document: ShownDocument, details: RunDetails): Promise<string> {
  return renderAsMarkdown(await viewOf(document, details))
}
