import {type Article, page} from '../../render/html/page.ts'
import {renderAsHtml} from '../../render/html/view.ts'
import type {View} from '../../render/model.ts'
import {type ShownDocument, viewOf} from '../kinds.ts'
import type {RunDetails} from '../report.ts'

/** One page for one view. */
export function renderViewAsPage(view: View): string {
  return page([renderAsHtml(view)])
}

/**
 * One page for all the documents of a run folder.
 * @param details what a run's report.json leaves out
 */
export async function renderHtml(
  documents: readonly ShownDocument[],
  details: RunDetails = {log: null, sentences: []},
): Promise<string> {
  const articles: Article[] = []
  for (const document of documents) {
    articles.push(renderAsHtml(await viewOf(document, details)))
  }
  return page(articles)
}
