import {z} from 'zod'
import {timedResidues} from '../platforms/tcp-states.ts'
import {hostSchema} from './report-schema.ts'
import {ruleIdSchema, ruleTableSchema} from './rules.ts'

const seconds = z.number().nonnegative()
const count = z.int().nonnegative()

const sampleSchema = z.looseObject({
  port: z.int().min(1).max(65535),
  /** When the residue appeared; like the other moments it counts from the run's beginning. */
  closedAtSeconds: seconds,
  /** closed -> granted; null if the port was not granted within the limit, or before an interruption. */
  waitSeconds: seconds.nullable(),
  /** Last refused -> granted. */
  uncertaintySeconds: seconds.nullable(),
  attempts: count,
  firstAttemptAtSeconds: seconds.nullable(),
  lastRefusedAtSeconds: seconds.nullable(),
  grantedAtSeconds: seconds.nullable(),
  /** The length of the residue's timer by the kernel's own socket table; null where it is not shown. */
  kernelTimerSeconds: seconds.nullable(),
  /** Null on an operating system without rules, and of a port that was given up too early to tell. */
  asExpected: z.boolean().nullable(),
})

const spreadSchema = z.looseObject({
  minSeconds: seconds.nullable(),
  medianSeconds: seconds.nullable(),
  p95Seconds: seconds.nullable(),
  maxSeconds: seconds.nullable(),
})

/** The shape of timing.json. Objects are open, as in report.json. */
export const timingSchema = z.looseObject({
  format: z.literal('rebind-timing'),
  version: z.literal(1),
  run: z.looseObject({
    id: z.string(),
    startedAt: z.iso.datetime(),
    wallSeconds: seconds,
    /** Processor time of the whole run. */
    cpuSeconds: seconds,
    rebind: z.string(),
    command: z.array(z.string()),
    /** The signal that ended the run early. */
    interrupted: z.string().optional(),
  }),
  host: hostSchema,
  rules: ruleTableSchema.optional(),
  residue: z.enum(timedResidues),
  /** Over how many seconds the closings were spread. */
  spreadSeconds: seconds,
  samples: z.array(sampleSchema),
  summary: spreadSchema.extend({
    ports: count,
    released: count,
    /** How many releases lie outside the platform's range. */
    unexpected: count,
    expectedSeconds: z.tuple([seconds, seconds]).nullable(),
    /** The rule that the range comes from; null without one, absent in documents of earlier releases. */
    rule: ruleIdSchema.nullable().optional(),
    /** file:function of the operating system's code that the range was read from. */
    source: z.string().nullable(),
    attempts: count,
    uncertainty: spreadSchema,
    kernelTimerSeconds: seconds.nullable(),
  }),
  slots: z.looseObject({
    /** Null if the ports were not released in common instants, or in too few of them to tell. */
    widthSeconds: seconds.nullable(),
    inferredHz: z.int().positive().nullable(),
    releases: z.array(
      z.looseObject({atSeconds: seconds, ports: count, closedWithinSeconds: seconds}),
    ),
  }),
})

export type Timing = z.infer<typeof timingSchema>
export type TimingSample = Timing['samples'][number]
