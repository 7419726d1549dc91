import {isJudgement} from '../documents/comparison-schema.ts'
import type {Report} from '../documents/report-schema.ts'
import {hostWords} from '../documents/words.ts'
import type {RunDocument} from '../views/kinds.ts'
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

/** The kinds that judge something, and how that makes test cases. */
const casesOf = {
  'rebind-report': casesOfReport,
  'rebind-matrix': casesOfMatrix,
  'rebind-timing': casesOfTiming,
  'rebind-check': casesOfCheck,
  'rebind-survey': casesOfSurvey,
  'rebind-compare': casesOfJudgement,
} as const

/** The documents that judge something. */
export type JudgedDocument = Parameters<(typeof casesOf)[keyof typeof casesOf]>[0]

/** A document as test cases. A report and a timing say themselves when they were measured. */
export function suiteOf(document: JudgedDocument, occasion: Occasion): Suite {
  const isItsOwn = document.format === 'rebind-report' || document.format === 'rebind-timing'
  const {id, startedAt, wallSeconds, interrupted}: Occasion = isItsOwn ? document.run : occasion
  const cases = casesOf[document.format] as (document: JudgedDocument) => TestCase[]
  return {
    ...{id, startedAt, wallSeconds},
    ...(interrupted === undefined ? {} : {interrupted}),
    host: hostOf(document),
    cases: cases(document),
  }
}

function hostOf(document: JudgedDocument): string {
  if (document.format !== 'rebind-compare') return hostWords(document.host)
  const [side] = document.judged
  return side === undefined ? 'unknown' : `${side.os} ${side.release} ${side.arch}`
}

/** Whether a document judges something; documents side by side and policies do not. */
export function isJudged(document: RunDocument): document is JudgedDocument {
  if (document.format === 'rebind-compare') return isJudgement(document)
  return Object.hasOwn(casesOf, document.format)
}
