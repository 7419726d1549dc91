import type {CheckDocument} from '../documents/check-schema.ts'
import type {Comparison, Judgement} from '../documents/comparison-schema.ts'
import {isJudgement} from '../documents/comparison-schema.ts'
import type {RunDocument} from '../documents/kinds.ts'
import type {Matrix} from '../documents/matrix-schema.ts'
import type {Report} from '../documents/report-schema.ts'
import type {Survey} from '../documents/survey-schema.ts'
import type {Timing} from '../documents/timing-schema.ts'
import {hostWords} from '../documents/words.ts'
import {casesOfCheck} from './cases/check.ts'
import {casesOfJudgement} from './cases/judgement.ts'
import {casesOfMatrix} from './cases/matrix.ts'
import {casesOfReport} from './cases/report.ts'
import {casesOfSurvey} from './cases/survey.ts'
import type {TestCase} from './cases/test-case.ts'
import {casesOfTiming} from './cases/timing.ts'

/** When and how it was measured, which not every document says itself. */
export type Occasion = Pick<Report['run'], 'startedAt' | 'wallSeconds' | 'interrupted'> & {
  /** The name of the run folder; undefined where there is none. */
  id?: string | undefined
}

/** All that a command has judged. */
export interface Suite extends Occasion {
  /** The machine, or the two that were compared. */
  host: string
  cases: readonly TestCase[]
}

/** The documents that judge something. */
export type JudgedDocument = Report | Matrix | Timing | CheckDocument | Survey | Judgement

/** A document as test cases. A report and a timing say themselves when they were measured. */
export function suiteOf(document: JudgedDocument, occasion: Occasion): Suite {
  const isItsOwn = document.format === 'rebind-report' || document.format === 'rebind-timing'
  const {id, startedAt, wallSeconds, interrupted}: Occasion = isItsOwn ? document.run : occasion
  return {
    ...{id, startedAt, wallSeconds},
    ...(interrupted === undefined ? {} : {interrupted}),
    ...contentsOf(document),
  }
}

function contentsOf(document: JudgedDocument): Pick<Suite, 'host' | 'cases'> {
  if (document.format === 'rebind-compare') {
    const [side] = document.judged
    return {
      host: side === undefined ? 'unknown' : `${side.os} ${side.release} ${side.arch}`,
      cases: casesOfJudgement(document),
    }
  }
  const host = hostWords(document.host)
  switch (document.format) {
    case 'rebind-report':
      return {host, cases: casesOfReport(document)}
    case 'rebind-matrix':
      return {host, cases: casesOfMatrix(document)}
    case 'rebind-timing':
      return {host, cases: casesOfTiming(document)}
    case 'rebind-check':
      return {host, cases: casesOfCheck(document)}
    case 'rebind-survey':
      return {host, cases: casesOfSurvey(document)}
  }
}

/** Whether a document judges something; documents side by side and policies do not. */
export function isJudged(document: RunDocument): document is JudgedDocument {
  if (document.format === 'rebind-compare') return isJudgement(document as Comparison | Judgement)
  return document.format !== 'rebind-policies'
}
