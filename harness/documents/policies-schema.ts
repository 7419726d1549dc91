import * as z from 'zod'
import {hostSchema} from './report-schema.ts'

const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
/** Least and greatest over all releases. */
const range = z.tuple([seconds, seconds]).nullable()

const rowSchema = z.looseObject({
  policy: z.string().describe('Id of the policy'),
  title: z.string().describe('The supervisor or retry loop'),
  how: z
    .enum(['measured', 'computed'])
    .describe('measured: played by a scenario; computed: from the measured releases'),
  attempts: count.describe('Median number of attempts'),
  outageSeconds: seconds
    .nullable()
    .describe('End of the old server to grant, median in seconds; null if it never got the port'),
  outageRangeSeconds: range.describe('Least and greatest over all releases, in seconds'),
  overshootSeconds: seconds
    .nullable()
    .describe('The port is free to the policy notices, median in seconds'),
  overshootRangeSeconds: range.describe('Least and greatest over all releases, in seconds'),
  givesUpAfterSeconds: seconds
    .nullable()
    .describe('When it gives up for good, in seconds; null if it got the port every time'),
  gaveUp: count.describe('In how many of the outcomes it gave up'),
  of: count.describe(
    'How many outcomes there are: one per release, and several with jitter, drawn at random; one if measured',
  ),
  source: z.string().describe('Where the policy is documented'),
  note: z.string().optional().describe('What else to know'),
})

/** The shape of what `rebind policies --json` prints. Objects are open, as in report.json. */
export const policiesSchema = z.looseObject({
  format: z.literal('rebind-policies'),
  version: z.literal(1),
  host: hostSchema.describe('The machine that the release was measured on'),
  release: z
    .looseObject({
      residue: z.literal('TIME_WAIT').describe('What was left on the ports'),
      file: z.string().describe('The document that they were read from'),
      measuredNow: z.boolean().describe('True if they were measured for this call'),
      ports: count.describe('How many releases'),
      minSeconds: seconds.describe('Shortest time to a release, in seconds'),
      medianSeconds: seconds.describe('Median time to a release, in seconds'),
      maxSeconds: seconds.describe('Longest time to a release, in seconds'),
    })
    .describe('The releases that this is computed from'),
  attempt: z
    .looseObject({
      untilBindSeconds: seconds.describe('From its start to its bind, in seconds'),
      untilEndSeconds: seconds.describe('From its start to its end, in seconds'),
    })
    .describe(
      'What an attempt costs that is a process: a Node server on this machine that fails on EADDRINUSE',
    ),
  policies: z.array(rowSchema).describe('A row per policy'),
})

export type Policies = z.infer<typeof policiesSchema>
export type PolicyRow = Policies['policies'][number]
