import * as z from 'zod'

/** The shape of `rebind history --json` and history.json. Times are seconds; objects are open, as in report.json. */
const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
const run = count.describe('Which run, by its place in runs')
const version = z.string()

const historyKinds = ['report', 'timing', 'check', 'matrix'] as const

const runSchema = z.looseObject({
  file: z.string().describe('Where it was read; the only place that has its name'),
  kind: z.enum(historyKinds).describe('Which kind of document'),
  at: z.iso.datetime().describe('When it was measured: UTC, ISO 8601'),
  dated: z
    .enum(['document', 'path', 'log', 'file'])
    .describe(
      "What says when: the document, its path, the log beside it, or only the file's own time",
    ),
  system: z.string().describe('Which system'),
  release: version.describe('Of the kernel'),
  node: version.describe('Version of Node'),
  rebind: version.nullable().describe('Version of Rebind; null if the document does not have it'),
})

const pointSchema = z.looseObject({
  at: z.iso.datetime().describe('When; of several runs the newest'),
  value: seconds
    .nullable()
    .describe('In seconds; of several runs the median; null if the port was not granted'),
  low: seconds.nullable().describe('Least value that is possible, by the uncertainty, in seconds'),
  high: seconds.nullable().describe('Greatest value that is possible, in seconds'),
  answer: z
    .string()
    .nullable()
    .describe('What was answered, e.g. the verdict; null if only a time was measured'),
  runs: z.int().positive().describe('How many runs it stands for'),
  release: version.describe('Of the kernel'),
  node: version.describe('Version of Node'),
  rebind: version.nullable().describe('Version of Rebind; null if unknown'),
  file: run,
})

const levelSchema = z.looseObject({
  median: seconds.describe('Seconds'),
  low: seconds.describe('Median less the spread, in seconds'),
  high: seconds.describe('Median and the spread, in seconds'),
  runs: count.describe('How many runs'),
})

const seriesSchema = z.looseObject({
  subject: z.string().describe('A scenario, a timing or a check'),
  system: z.string().describe('Which system'),
  runs: count.describe('How many runs'),
  points: z.array(pointSchema).describe('Over time, the oldest first'),
  moved: z.boolean().describe('It has changed by more than its spread, or answers differently'),
  judged: z.boolean().describe('False if there are too few runs to say whether the time has moved'),
  level: levelSchema
    .nullable()
    .describe('Where it is now: since it last moved; null without a time'),
})

const movedSchema = z.looseObject({
  subject: z.string().describe('A scenario, a timing or a check'),
  system: z.string().describe('Which system'),
  kind: z
    .enum(['answer', 'time'])
    .describe('answer: it answers differently; time: by more than its spread'),
  at: z.iso.datetime().describe('When the first run after the change was'),
  file: run,
  times: z.int().positive().describe('How often that has happened'),
  from: z.string().nullable().describe('The answer before; null for a time'),
  to: z.string().nullable().describe('The answer since; null for a time'),
  before: levelSchema.nullable().describe('The time before; null for an answer'),
  after: levelSchema.nullable().describe('The time since; null for an answer'),
})

const cellChangeSchema = z.looseObject({
  system: z.string().describe('Which system'),
  at: z.iso.datetime().describe('When the first bind table with the change was made'),
  file: run,
  from: z.string().describe('granted or the error code, before'),
  to: z.string().describe('granted or the error code, since'),
  count: z.int().positive().describe('How many cells'),
  cells: z.array(z.string()).describe('The first of them'),
})

const markSchema = z.looseObject({
  system: z.string().describe('Which system'),
  at: z.iso.datetime().describe('When'),
  file: run,
  what: z.enum(['kernel', 'node', 'rebind']).describe('What was changed'),
  from: version.describe('Version before'),
  to: version.describe('Version since'),
})

/** @internal */
export const historySchema = z.looseObject({
  format: z.literal('rebind-history'),
  version: z.literal(1),
  runs: z.array(runSchema).describe('Every document that was read, the oldest first'),
  skipped: z
    .array(
      z.looseObject({
        file: z.string().describe('Its name'),
        because: z.string().describe('Why it was passed over, and what to do'),
      }),
    )
    .describe('What could not be read'),
  series: z
    .array(seriesSchema)
    .describe('A line per subject and system; what has moved is first, the newest change before'),
  moved: z.array(movedSchema).describe('What has moved, the newest first'),
  cells: z.array(cellChangeSchema).describe('Cells of the bind table that changed, newest first'),
  marks: z.array(markSchema).describe('Where the kernel, Node or Rebind was changed'),
})

export type History = z.infer<typeof historySchema>
export type HistoryRun = History['runs'][number]
export type HistoryPoint = History['series'][number]['points'][number]
export type HistorySeries = History['series'][number]
export type HistoryLevel = NonNullable<HistorySeries['level']>
export type HistoryMove = History['moved'][number]
export type CellChange = History['cells'][number]
export type HistoryMark = History['marks'][number]
