import * as z from 'zod'
import {timedResidues} from '../platforms/tcp-states.ts'
import {hostSchema} from './report-schema.ts'
import {ruleIdSchema, ruleTableSchema} from './rules.ts'

const seconds = z.number().nonnegative()
const count = z.int().nonnegative()

const sampleSchema = z.looseObject({
  port: z.int().min(1).max(65535).describe('The port'),
  closedAtSeconds: seconds.describe(
    'When the residue appeared; like the other moments in seconds since the run began',
  ),
  waitSeconds: seconds
    .nullable()
    .describe(
      'Closed to granted, in seconds; null if it was not granted within the limit or before an interruption',
    ),
  uncertaintySeconds: seconds.nullable().describe('Last refusal to grant, in seconds'),
  attempts: count.describe('How many binds were tried'),
  firstAttemptAtSeconds: seconds.nullable().describe('Seconds since the run began'),
  lastRefusedAtSeconds: seconds
    .nullable()
    .describe('Seconds since the run began; null if none was refused'),
  grantedAtSeconds: seconds
    .nullable()
    .describe('Seconds since the run began; null if none was granted'),
  kernelTimerSeconds: seconds
    .nullable()
    .describe(
      "How long the residue's timer is by the kernel's own socket table, in seconds; null if not shown",
    ),
  asExpected: z
    .boolean()
    .nullable()
    .describe(
      "Whether the wait lies in the platform's range; null without rules, or if it ended too early to judge",
    ),
})

const spreadSchema = z.looseObject({
  minSeconds: seconds.nullable().describe('Seconds'),
  medianSeconds: seconds.nullable().describe('Seconds'),
  p95Seconds: seconds.nullable().describe('95 % of the ports took at most so many seconds'),
  maxSeconds: seconds.nullable().describe('Seconds'),
})

/** The shape of timing.json. Objects are open, as in report.json. */
export const timingSchema = z.looseObject({
  format: z.literal('rebind-timing'),
  version: z.literal(1),
  run: z
    .looseObject({
      id: z.string().describe('Name of the run folder'),
      startedAt: z.iso.datetime().describe('UTC, ISO 8601'),
      wallSeconds: seconds.describe('How long it took, in seconds'),
      cpuSeconds: seconds.describe('Processor time of the whole run, in seconds'),
      rebind: z.string().describe('Version of Rebind'),
      command: z.array(z.string()).describe('Arguments of the command'),
      interrupted: z.string().optional().describe('The signal that ended the run early'),
    })
    .describe('The run'),
  host: hostSchema,
  rules: ruleTableSchema.optional().describe('The texts of all rules that are named here, by id'),
  residue: z.enum(timedResidues).describe('What was left on each port'),
  spreadSeconds: seconds.describe('Over how many seconds the closings were spread'),
  samples: z.array(sampleSchema).describe('A sample per port, in the order of closing'),
  summary: spreadSchema
    .extend({
      ports: count.describe('How many ports'),
      released: count.describe('How many of them were granted'),
      unexpected: count.describe("How many waits lie outside the platform's range"),
      expectedSeconds: z
        .tuple([seconds, seconds])
        .nullable()
        .describe("The platform's range: least and greatest wait in seconds; null without rules"),
      rule: ruleIdSchema
        .nullable()
        .optional()
        .describe('Id of the rule that the range comes from; null without one'),
      source: z
        .string()
        .nullable()
        .describe("Where the range was read: file:function of the operating system's code"),
      attempts: count.describe('How many binds were tried in all'),
      uncertainty: spreadSchema.describe('The distribution of the uncertainty'),
      kernelTimerSeconds: seconds
        .nullable()
        .describe("Median length of the kernel's timer, in seconds; null if not shown"),
    })
    .describe('Of all samples: the distribution of the wait'),
  slots: z
    .looseObject({
      widthSeconds: seconds
        .nullable()
        .describe('From one instant to the next, in seconds; null if there are none or too few'),
      inferredHz: z
        .int()
        .positive()
        .nullable()
        .describe("The kernel's tick rate, in Hz, as inferred from the width"),
      releases: z
        .array(
          z.looseObject({
            atSeconds: seconds.describe('Seconds since the run began'),
            ports: count.describe('How many ports were released then'),
            closedWithinSeconds: seconds.describe(
              'Over how many seconds these ports had been closed',
            ),
          }),
        )
        .describe('The instants'),
    })
    .describe('Common instants of release, which show the width of the kernel timer wheel'),
})

export type Timing = z.infer<typeof timingSchema>
export type TimingSample = Timing['samples'][number]
