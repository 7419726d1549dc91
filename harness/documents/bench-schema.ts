import {z} from 'zod'
import {bindOptions} from '../sockets/bind-options.ts'
import {hostSchema} from './report-schema.ts'

const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
const amount = z.number().nonnegative().nullable()

/** What the numbers of a row are; `per-second` is the only one of which more is better. */
const benchUnits = ['seconds', 'per-second', 'bytes'] as const

const rowSchema = z.looseObject({
  what: z.string(),
  unit: z.enum(benchUnits),
  /** Null if it could not be measured. */
  ours: amount,
  /** Of several rounds, where there were. */
  oursRange: z.tuple([z.number(), z.number()]).optional(),
  baseline: z
    .looseObject({
      what: z.string(),
      value: amount,
      /** Worked out from what was measured, because to measure it would take too long. */
      computed: z.literal(true).optional(),
    })
    .nullable(),
  /** How many times the baseline's time or memory ours takes; null without a baseline. */
  ratio: amount,
  target: z.looseObject({of: z.enum(['ours', 'ratio']), atMost: z.number()}).nullable(),
  /** Null without a target, where it could not be measured, and where less than all was measured. */
  met: z.boolean().nullable(),
  note: z.string().optional(),
  /** Why it, or its baseline, could not be measured. */
  reason: z.string().optional(),
})

const partSchema = z.looseObject({
  part: z.int().positive(),
  name: z.string(),
  title: z.string(),
  /** What was done, with the numbers of how much. */
  how: z.string(),
  wallSeconds: seconds,
  /** How busy the machine was before: the mean number of processes that wanted to run, over a minute. */
  loadBefore: z.number().nonnegative(),
  rows: z.array(rowSchema),
  /** Why nothing of it could be measured. */
  reason: z.string().optional(),
})

/** A port with so many TIME_WAIT sockets on it, of connections from so many client addresses. */
const crowdSchema = z.looseObject({
  wanted: count,
  /** As the kernel's own table has them; fewer than wanted where it has a limit. */
  reached: count,
  clientAddresses: count,
  /** How long it took to make them. */
  makingSeconds: seconds,
  binds: z.array(
    z.looseObject({
      bind: z.enum(bindOptions),
      address: z.string(),
      /** `granted`, or the error's code. */
      outcome: z.string(),
      tries: count,
      medianSeconds: seconds,
      maxSeconds: seconds,
    }),
  ),
  /** `rebind why PORT`, from its start to its end. */
  why: z
    .looseObject({runs: count, medianSeconds: seconds, peakBytes: z.number().nonnegative()})
    .nullable(),
  /** Of the kernel's TIME_WAIT sockets, where it shows that (root only, on Linux). */
  kernelBytes: z.number().nonnegative().nullable(),
})

/** The shape of what `npm run bench -- --json` prints. Objects are open, as in report.json. */
export const benchSchema = z.looseObject({
  format: z.literal('rebind-bench'),
  version: z.literal(1),
  run: z.looseObject({
    id: z.string(),
    startedAt: z.iso.datetime(),
    wallSeconds: seconds,
    rebind: z.string(),
    command: z.array(z.string()),
    /** Less than all was measured, so that no target is judged. */
    quick: z.boolean(),
    /** The signal that ended it early. */
    interrupted: z.string().optional(),
  }),
  host: hostSchema,
  machine: z.looseObject({cores: count, processor: z.string(), memoryBytes: count}),
  parts: z.array(partSchema),
  crowds: z.array(crowdSchema),
})

export type Bench = z.infer<typeof benchSchema>
export type BenchPart = Bench['parts'][number]
export type BenchRow = BenchPart['rows'][number]
export type Crowd = Bench['crowds'][number]
