import {drawWhenNeeded} from '../../render/html/chart.ts'
import {type Article, page} from '../../render/html/page.ts'
import {renderAsHtml} from '../../render/html/view.ts'
import type {View} from '../../render/model.ts'
import {type ShownDocument, viewOf} from '../kinds.ts'
import type {RunDetails} from '../report.ts'

/** One page for one view. */
export async function renderViewAsPage(view: View): Promise<string> {
  return page([await renderAsHtml(view, drawWhenNeeded())])
}

/**
 * One page for all the documents of a run folder.
 * @param details what a run's report.json leaves out
 */
export async function renderHtml(
  documents: readonly ShownDocument[],
  details: RunDetails = {log: null, sentences: []},
): Promise<string> {
  const draw = drawWhenNeeded()
  const articles: Article[] = []
  for (const document of documents) {
    articles.push(await renderAsHtml(await viewOf(document, details), draw))
  }
  return page(articles)
}
