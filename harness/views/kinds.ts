import type {z} from 'zod'
import {isJudgement} from '../documents/comparison-schema.ts'
import type {View} from '../render/model.ts'
import type {RunDetails} from './report.ts'

/** A kind of document that programs read. */
interface Kind<Document> {
  /** What it is, and where it is found: for `rebind schema`. */
  title: string
  schema(): Promise<z.ZodType<Document>>
}

/** A kind of document that people see, too. */
interface Shown<Document> extends Kind<Document> {
  /** @param details what a run's report.json leaves out */
  view(document: Document, details: RunDetails): Promise<View>
  /** What is printed, where that is less. */
  brief?(document: Document, details: RunDetails): Promise<View>
  /** People also read its JSON, so it is written with line breaks. */
  indent?: number
}

/** What the view takes is what the schema gives. */
function shown<Document>(kind: Shown<Document>): Shown<Document> {
  return kind
}

/**
 * The kinds of document that a run folder may hold, as NAME.json and NAME.md; their format is rebind-NAME. A new
 * kind is its schema, its view, and a row here.
 */
export const keptKinds = {
  report: shown({
    title: 'What rebind run has measured: report.json, and rebind run --json',
    schema: async () => (await import('../documents/report-schema.ts')).reportSchema,
    view: async (document, details) =>
      (await import('./report.ts')).wholeReportView(document, details),
    brief: async (document, details) => (await import('./report.ts')).reportView(document, details),
    indent: 2,
  }),
  matrix: shown({
    title: 'The bind table: matrix.json, and rebind matrix --json',
    schema: async () => (await import('../documents/matrix-schema.ts')).matrixSchema,
    view: async (document) => (await import('./matrix.ts')).matrixView(document),
  }),
  timing: shown({
    title: 'How long ports were kept: timing.json, and rebind timing --json',
    schema: async () => (await import('../documents/timing-schema.ts')).timingSchema,
    view: async (document) => (await import('./timing.ts')).timingView(document),
    indent: 2,
  }),
  policies: shown({
    title: 'What restart policies make of that: policies.json, and rebind policies --json',
    schema: async () => (await import('../documents/policies-schema.ts')).policiesSchema,
    view: async (document) => (await import('./policies.ts')).policiesView(document),
    indent: 2,
  }),
  check: shown({
    title: 'The restart of a server: check.json, and rebind check --json',
    schema: async () => (await import('../documents/check-schema.ts')).checkSchema,
    view: async (document) => (await import('./check.ts')).checkView(document),
    indent: 2,
  }),
  survey: shown({
    title: 'The restarts of the servers that are installed: survey.json, and rebind survey --json',
    schema: async () => (await import('../documents/survey-schema.ts')).surveySchema,
    view: async (document) => (await import('./survey.ts')).surveyView(document),
    indent: 2,
  }),
  compare: shown({
    title: 'A comparison, or with --baseline a judgement: rebind compare --json',
    async schema() {
      const {comparisonSchema, judgementSchema} = await import('../documents/comparison-schema.ts')
      return judgementSchema.or(comparisonSchema)
    },
    async view(document) {
      const {comparisonView, judgementView} = await import('./comparison.ts')
      return isJudgement(document) ? judgementView(document) : comparisonView(document)
    },
    indent: 2,
  }),
  history: shown({
    title: 'Many runs over time: history.json, and rebind history --json',
    schema: async () => (await import('../documents/history-schema.ts')).historySchema,
    view: async (document) => (await import('./history.ts')).historyView(document),
  }),
} as const

/** The kinds that are printed, and kept nowhere. */
const printedKinds = {
  why: shown({
    title: 'Why a port or a Unix socket can or cannot be bound: rebind why --json',
    async schema() {
      const {whyPathSchema, whyPortSchema} = await import('../documents/why-schema.ts')
      return whyPortSchema.or(whyPathSchema)
    },
    view: async (document) => (await import('./why.ts')).whyView(document),
  }),
  listeners: shown({
    title: 'All listening sockets, and whose they are: rebind why --json without a port',
    schema: async () => (await import('../documents/listeners-schema.ts')).listenersSchema,
    view: async (document) => (await import('./listeners.ts')).listenersView(document),
  }),
  free: shown({
    title: 'What was done to free a port: rebind free --json',
    schema: async () => (await import('../documents/free-schema.ts')).freeSchema,
    view: async (document) => (await import('./free.ts')).freeView(document),
  }),
  list: shown({
    title: 'The scenarios, and what the rules predict: rebind list --json',
    schema: async () => (await import('../documents/list-schema.ts')).listSchema,
    view: async (document) => (await import('./list.ts')).listView(document),
  }),
} as const

/** Lines, of which each is a document: only programs read them. */
const lineKinds = {
  watch: {
    title: 'A line of rebind watch --json',
    schema: async () => (await import('../documents/watch-schema.ts')).watchLineSchema,
  },
  events: {
    title: 'A line of events.ndjson, the log of a run',
    schema: async () => (await import('../restart/log-lines.ts')).logLineSchema,
  },
} as const satisfies Readonly<Record<string, Kind<unknown>>>

export const shownKinds = {...keptKinds, ...printedKinds} as const
export const allKinds = {...shownKinds, ...lineKinds} as const

type DocumentOf<Row> = Row extends Shown<infer Document> ? Document : never
type Kept = typeof keptKinds
type AllShown = typeof shownKinds

/** Every document that a run folder may hold. */
export type RunDocument = DocumentOf<Kept[keyof Kept]>
/** Every document that people see. */
export type ShownDocument = DocumentOf<AllShown[keyof AllShown]>

/** The name of its kind, and the row of that. */
export function kindOf<Document extends ShownDocument>({
  format,
}: Document): Shown<Document> & {name: string} {
  const name = format.slice('rebind-'.length) as keyof AllShown
  return {name, ...(shownKinds[name] as unknown as Shown<Document>)}
}

/** All that people see of a document. */
export async function viewOf(document: ShownDocument, details: RunDetails): Promise<View> {
  return kindOf(document).view(document, details)
}

/** What is printed of it. */
export async function briefViewOf(document: ShownDocument, details: RunDetails): Promise<View> {
  const {view, brief = view} = kindOf(document)
  return brief(document, details)
}
