import type {z} from 'zod'
import type {Bench} from './bench-schema.ts'
import type {CheckDocument} from './check-schema.ts'
import type {Comparison, Judgement} from './comparison-schema.ts'
import type {RunDetails} from './html/run.ts'
import type {Matrix} from './matrix-schema.ts'
import type {Policies} from './policies-schema.ts'
import type {Report} from './schema.ts'
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
  | Bench

export type Format = RunDocument['format']

/** What is known of a kind of document, once it is loaded. */
interface Kind {
  schema: z.ZodType<RunDocument>
  markdown(document: RunDocument, details: RunDetails): string
}

interface KindOfDocument {
  /** Of its files, without the ending. */
  name: string
  /** A document that people also read as JSON is written with line breaks. */
  indent?: number
  load(): Promise<Kind>
}

/** Every kind of document: adding one here, and its page in html/render.ts, is all that a new one needs. */
export const documentKinds: Readonly<Record<Format, KindOfDocument>> = {
  'rebind-report': {
    name: 'report',
    indent: 2,
    async load() {
      const {reportSchema} = await import('./schema.ts')
      const {renderMarkdown} = await import('./markdown.ts')
      return kind(reportSchema, (report, {sentences}) => renderMarkdown(report, sentences))
    },
  },
  'rebind-matrix': {
    name: 'matrix',
    async load() {
      const {matrixSchema} = await import('./matrix-schema.ts')
      const {renderMatrixMarkdown} = await import('./matrix-markdown.ts')
      return kind(matrixSchema, renderMatrixMarkdown)
    },
  },
  'rebind-timing': {
    name: 'timing',
    indent: 2,
    async load() {
      const {timingSchema} = await import('./timing-schema.ts')
      const {renderTimingMarkdown} = await import('./timing-markdown.ts')
      return kind(timingSchema, renderTimingMarkdown)
    },
  },
  'rebind-policies': {
    name: 'policies',
    indent: 2,
    async load() {
      const {policiesSchema} = await import('./policies-schema.ts')
      const {renderPoliciesMarkdown} = await import('./policies-markdown.ts')
      return kind(policiesSchema, renderPoliciesMarkdown)
    },
  },
  'rebind-check': {
    name: 'check',
    indent: 2,
    async load() {
      const {checkSchema} = await import('./check-schema.ts')
      const {renderCheckMarkdown} = await import('./check-markdown.ts')
      return kind(checkSchema, renderCheckMarkdown)
    },
  },
  'rebind-survey': {
    name: 'survey',
    indent: 2,
    async load() {
      const {surveySchema} = await import('./survey-schema.ts')
      const {renderSurveyMarkdown} = await import('./survey-renderings.ts')
      return kind(surveySchema, renderSurveyMarkdown)
    },
  },
  'rebind-compare': {
    name: 'compare',
    indent: 2,
    async load() {
      const {comparisonSchema, isJudgement, judgementSchema} = await import(
        './comparison-schema.ts'
      )
      const markdown = await import('./comparison-markdown.ts')
      return kind<Comparison | Judgement>(judgementSchema.or(comparisonSchema), (document) =>
        isJudgement(document)
          ? markdown.renderJudgementMarkdown(document)
          : markdown.renderComparisonMarkdown(document),
      )
    },
  },
  'rebind-bench': {
    name: 'bench',
    indent: 2,
    async load() {
      const {benchSchema} = await import('./bench-schema.ts')
      const {renderBenchMarkdown} = await import('./bench-markdown.ts')
      return kind(benchSchema, renderBenchMarkdown)
    },
  },
}

/** The schema of a kind stands for what its renderer is given. */
function kind<Document extends RunDocument>(
  schema: z.ZodType<Document>,
  markdown: (document: Document, details: RunDetails) => string,
): Kind {
  return {schema, markdown: markdown as Kind['markdown']}
}
