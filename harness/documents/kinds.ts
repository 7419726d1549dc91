import type {z} from 'zod'
import type {CheckDocument} from './check-schema.ts'
import type {Comparison, Judgement} from './comparison-schema.ts'
import type {Matrix} from './matrix-schema.ts'
import type {Policies} from './policies-schema.ts'
import type {Report} from './report-schema.ts'
import type {Survey} from './survey-schema.ts'
import type {Timing} from './timing-schema.ts'

/** Every JSON document that a run folder may hold. */
export type RunDocument =
  | Report
  | Matrix
  | Timing
  | Policies
  | CheckDocument
  | Survey
  | Comparison
  | Judgement

export type Format = RunDocument['format']

interface Kind {
  /** Of its files, without the ending. */
  name: string
  /** A document that people also read as JSON is written with line breaks. */
  indent?: number
  schema(): Promise<z.ZodType<RunDocument>>
}

/** Every kind of document. A new one is its schema, a row here, and its view in views/. */
export const documentKinds: Readonly<Record<Format, Kind>> = {
  'rebind-report': {
    name: 'report',
    indent: 2,
    schema: async () => (await import('./report-schema.ts')).reportSchema,
  },
  'rebind-matrix': {
    name: 'matrix',
    schema: async () => (await import('./matrix-schema.ts')).matrixSchema,
  },
  'rebind-timing': {
    name: 'timing',
    indent: 2,
    schema: async () => (await import('./timing-schema.ts')).timingSchema,
  },
  'rebind-policies': {
    name: 'policies',
    indent: 2,
    schema: async () => (await import('./policies-schema.ts')).policiesSchema,
  },
  'rebind-check': {
    name: 'check',
    indent: 2,
    schema: async () => (await import('./check-schema.ts')).checkSchema,
  },
  'rebind-survey': {
    name: 'survey',
    indent: 2,
    schema: async () => (await import('./survey-schema.ts')).surveySchema,
  },
  'rebind-compare': {
    name: 'compare',
    indent: 2,
    async schema() {
      const {comparisonSchema, judgementSchema} = await import('./comparison-schema.ts')
      return judgementSchema.or(comparisonSchema)
    },
  },
}
