import {isJudgement} from '../documents/comparison-schema.ts'
import type {RunDocument} from '../documents/kinds.ts'
import type {View} from '../render/model.ts'
import type {RunDetails} from './report.ts'

/** The view of a document. @param details what a run's report.json leaves out */
export async function viewOf(document: RunDocument, details: RunDetails): Promise<View> {
  switch (document.format) {
    case 'rebind-check':
      return (await import('./check.ts')).checkView(document)
    case 'rebind-survey':
      return (await import('./survey.ts')).surveyView(document)
    case 'rebind-policies':
      return (await import('./policies.ts')).policiesView(document)
    case 'rebind-timing':
      return (await import('./timing.ts')).timingView(document)
    case 'rebind-compare': {
      const {comparisonView, judgementView} = await import('./comparison.ts')
      return isJudgement(document) ? judgementView(document) : comparisonView(document)
    }
    case 'rebind-matrix':
      return (await import('./matrix.ts')).matrixView(document)
    case 'rebind-report':
      return (await import('./report.ts')).wholeReportView(document, details)
  }
}

/** What is printed of a document: of a run without what takes a page. */
export async function briefViewOf(document: RunDocument, details: RunDetails): Promise<View> {
  if (document.format === 'rebind-report') {
    return (await import('./report.ts')).reportView(document, details)
  }
  return viewOf(document, details)
}
