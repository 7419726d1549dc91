import type {RunDocument} from '../documents/kinds.ts'
import {renderAsMarkdown} from '../render/markdown.ts'
import type {RunDetails} from './report.ts'
import {viewOf} from './views.ts'

/** A document as Markdown. @param details what a run's report.json leaves out */
export async function markdownOf(document: RunDocument, details: RunDetails): Promise<string> {
  const view = await viewOf(document, details)
  if (view !== undefined) return renderAsMarkdown(view)
  switch (document.format) {
    case 'rebind-bench':
      return (await import('./bench-markdown.ts')).renderBenchMarkdown(document)
    default:
      throw new TypeError(`there is no view of ${document.format}`)
  }
}
