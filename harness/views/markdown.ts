import {isJudgement} from '../documents/comparison-schema.ts'
import type {RunDocument} from '../documents/kinds.ts'
import type {RunDetails} from './html/run.ts'

/** A document as Markdown. @param details what a run's report.json leaves out */
export async function markdownOf(document: RunDocument, details: RunDetails): Promise<string> {
  switch (document.format) {
    case 'rebind-report': {
      const {renderMarkdown} = await import('./report-markdown.ts')
      return renderMarkdown(document, details.sentences)
    }
    case 'rebind-matrix':
      return (await import('./matrix-markdown.ts')).renderMatrixMarkdown(document)
    case 'rebind-timing':
      return (await import('./timing-markdown.ts')).renderTimingMarkdown(document)
    case 'rebind-policies':
      return (await import('./policies-markdown.ts')).renderPoliciesMarkdown(document)
    case 'rebind-check':
      return (await import('./check-markdown.ts')).renderCheckMarkdown(document)
    case 'rebind-survey':
      return (await import('./survey-renderings.ts')).renderSurveyMarkdown(document)
    case 'rebind-bench':
      return (await import('./bench-markdown.ts')).renderBenchMarkdown(document)
    case 'rebind-compare': {
      const {renderComparisonMarkdown, renderJudgementMarkdown} = await import(
        './comparison-markdown.ts'
      )
      return isJudgement(document)
        ? renderJudgementMarkdown(document)
        : renderComparisonMarkdown(document)
    }
  }
}
