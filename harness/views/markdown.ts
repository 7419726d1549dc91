import type {RunDocument} from '../documents/kinds.ts'
import {renderAsMarkdown} from '../render/markdown.ts'
import type {RunDetails} from './report.ts'
import {viewOf} from './views.ts'

/** A document as Markdown. @param details what a run's report.json leaves out */
export async function markdownOf(document: RunDocument, details: RunDetails): Promise<string> {
  return renderAsMarkdown(await viewOf(document, details))
}
