import {z} from 'zod'

interface Published {
  title: string
  load(): Promise<z.ZodType>
}

/** Every document that has a published schema, by its name. A new one is a row here. */
export const publishedSchemas = {
  report: {
    title: 'What rebind run has measured: report.json, and rebind run --json',
    load: async () => (await import('../documents/report-schema.ts')).reportSchema,
  },
  matrix: {
    title: 'The bind table: matrix.json, and rebind matrix --json',
    load: async () => (await import('../documents/matrix-schema.ts')).matrixSchema,
  },
  compare: {
    title: 'A comparison, or with --baseline a judgement: rebind compare --json',
    async load() {
      const {comparisonSchema, judgementSchema} = await import('../documents/comparison-schema.ts')
      return z.union([judgementSchema, comparisonSchema])
    },
  },
  timing: {
    title: 'How long ports were kept: timing.json, and rebind timing --json',
    load: async () => (await import('../documents/timing-schema.ts')).timingSchema,
  },
  policies: {
    title: 'What restart policies make of that: policies.json, and rebind policies --json',
    load: async () => (await import('../documents/policies-schema.ts')).policiesSchema,
  },
  check: {
    title: 'The restart of a server: check.json, and rebind check --json',
    load: async () => (await import('../documents/check-schema.ts')).checkSchema,
  },
  survey: {
    title: 'The restarts of the servers that are installed: survey.json, and rebind survey --json',
    load: async () => (await import('../documents/survey-schema.ts')).surveySchema,
  },
  why: {
    title: 'Why a port or a Unix socket can or cannot be bound: rebind why --json',
    async load() {
      const {whyPathSchema, whyPortSchema} = await import('../documents/why-schema.ts')
      return z.union([whyPortSchema, whyPathSchema])
    },
  },
  watch: {
    title: 'A line of rebind watch --json',
    load: async () => (await import('../documents/watch-schema.ts')).watchLineSchema,
  },
  events: {
    title: 'A line of events.ndjson, the log of a run',
    load: async () => (await import('../restart/log-lines.ts')).logLineSchema,
  },
} as const satisfies Record<string, Published>

export type SchemaName = keyof typeof publishedSchemas
export const schemaNames = Object.keys(publishedSchemas) as SchemaName[]

/** The JSON Schema (2020-12) of a document, made from the schema that writes and reads it. */
export async function jsonSchemaOf(name: SchemaName): Promise<Record<string, unknown>> {
  const {title, load} = publishedSchemas[name]
  const {$schema, ...schema} = z.toJSONSchema(await load())
  // A name, not an address: wherever the package is, this is its schema of this version.
  return {$schema, $id: `urn:rebind:schema:${name}:1`, title: `Rebind: ${title}`, ...schema}
}
