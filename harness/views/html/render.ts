import {isJudgement} from '../../documents/comparison-schema.ts'
import type {RunDocument} from '../../documents/kinds.ts'
import {type Draw, drawWhenNeeded} from '../../render/html/chart.ts'
import {type Article, page} from '../../render/html/page.ts'
import {benchArticle} from './bench.ts'
import {checkArticle, surveyArticle} from './check.ts'
import {comparisonArticle, judgementArticle} from './comparison.ts'
import {matrixArticle} from './matrix.ts'
import {policiesArticle} from './policies.ts'
import {type RunDetails, runArticle} from './run.ts'
import {timingArticle} from './timing.ts'

/**
 * One page for all the documents of a run folder.
 * @param details what a run's report.json leaves out
 */
export async function renderHtml(
  documents: readonly RunDocument[],
  details: RunDetails = {log: null, sentences: []},
): Promise<string> {
  const draw = drawWhenNeeded()
  const articles: Article[] = []
  for (const document of documents) articles.push(await articleOf(document, details, draw))
  return page(articles)
}

async function articleOf(document: RunDocument, details: RunDetails, draw: Draw): Promise<Article> {
  switch (document.format) {
    case 'rebind-report':
      return runArticle(document, details, draw)
    case 'rebind-matrix':
      return matrixArticle(document, draw)
    case 'rebind-timing':
      return timingArticle(document, draw)
    case 'rebind-policies':
      return policiesArticle(document)
    case 'rebind-check':
      return checkArticle(document)
    case 'rebind-survey':
      return surveyArticle(document)
    case 'rebind-bench':
      return benchArticle(document, draw)
    case 'rebind-compare':
      return isJudgement(document) ? judgementArticle(document) : comparisonArticle(document)
  }
}
