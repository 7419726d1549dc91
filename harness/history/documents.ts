import * as z from 'zod'
import {checkSchema} from '../documents/check-schema.ts'
import {matrixSchema} from '../documents/matrix-schema.ts'
import {reportSchema} from '../documents/report-schema.ts'
import {timingSchema} from '../documents/timing-schema.ts'

/** Thirty years: of more, sums and distances could become infinite. */
const mostSeconds = 1e9

/**
 * What is read of each kind of document: a few fields, by the same names and types as in its own schema, of which
 * the others are not even copied. Reading thousands would otherwise take most of its time for what nobody asks.
 */
const seconds = z.number().nonnegative().max(mostSeconds)
const range = z.tuple([seconds, seconds])

const host = z.object({
  os: z.string(),
  stack: z.enum(['linux', 'darwin', 'gvisor', 'windows', 'unknown']),
  label: z.string().optional(),
  release: z.string(),
  arch: z.string(),
  node: z.string(),
  emulated: z.literal(true).optional(),
})

const run = z.object({id: z.string(), startedAt: z.iso.datetime(), rebind: z.string()})

const bind = z.object({
  verdict: z.enum(['immediate', 'delayed', 'blocked']),
  waited: z.boolean(),
  firstError: z.object({code: z.string(), errno: z.int()}).nullable(),
  waitSeconds: seconds.nullable(),
  residueSeconds: seconds.nullable(),
  uncertaintySeconds: seconds.nullable(),
})

const played = {
  status: z.enum(['as-expected', 'unexpected', 'skipped', 'failed']),
  bind: bind.nullable(),
  outageSeconds: seconds.nullable(),
  measurements: z.object({longestGapSeconds: seconds.optional()}).optional(),
}

const result = z.object({
  scenario: z.string(),
  ...played,
  residue: z.array(z.object({endpoint: z.string(), state: z.string(), count: z.int()})).nullable(),
  amidTraffic: z.literal(true).optional(),
  calls: z.array(z.object({outcome: z.string()})).optional(),
  expected: z.object({residueSeconds: range.optional()}).nullable(),
  repeats: z.array(z.object(played)).optional(),
})

export const reportFields = z.object({
  format: reportSchema.shape.format,
  run,
  host,
  results: z.array(result),
})

export const timingFields = z.object({
  format: timingSchema.shape.format,
  run: run.extend({interrupted: z.string().optional()}),
  host,
  residue: z.string(),
  summary: z.object({
    ports: z.int(),
    released: z.int(),
    medianSeconds: seconds.nullable(),
    maxSeconds: seconds.nullable(),
    uncertainty: z.object({medianSeconds: seconds.nullable()}),
  }),
})

export const checkFields = z.object({
  format: checkSchema.shape.format,
  host,
  command: z.array(z.string()),
  port: z.int().nullable(),
  address: z.string(),
  safe: z.boolean(),
  problem: z.object({kind: z.string()}).optional(),
  rounds: z.array(
    z.object({
      verdict: z.enum(['immediate', 'delayed', 'blocked']),
      outageSeconds: seconds.nullable(),
    }),
  ),
  trigger: z.object({reloaded: z.boolean(), withoutListenerSeconds: range}).optional(),
  twice: z.array(z.object({})).optional(),
  socket: z.object({}).optional(),
  lossless: z.boolean().nullable().optional(),
})

export const matrixFields = z.object({
  format: matrixSchema.shape.format,
  host,
  predicted: z.boolean().optional(),
  cells: matrixSchema.shape.cells,
})

export type HostFields = z.infer<typeof host>
export type ReportFields = z.infer<typeof reportFields>
export type ResultFields = ReportFields['results'][number]
export type TimingFields = z.infer<typeof timingFields>
export type CheckFields = z.infer<typeof checkFields>
export type MatrixFields = z.infer<typeof matrixFields>
