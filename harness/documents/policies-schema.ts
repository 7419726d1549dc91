import {z} from 'zod'
import {hostSchema} from './report-schema.ts'

const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
/** Least and greatest over all releases. */
const range = z.tuple([seconds, seconds]).nullable()

const rowSchema = z.looseObject({
  policy: z.string(),
  title: z.string(),
  /** `measured`: played for real by a scenario; `computed`: from the measured releases. */
  how: z.enum(['measured', 'computed']),
  /** The median number of attempts. */
  attempts: count,
  /** The old server's end -> the port is granted, the median; null if the policy never got the port. */
  outageSeconds: seconds.nullable(),
  outageRangeSeconds: range,
  /** The port is free -> the policy notices. */
  overshootSeconds: seconds.nullable(),
  overshootRangeSeconds: range,
  /** When it gives up for good; null if it got the port every time. */
  givesUpAfterSeconds: seconds.nullable(),
  /** How many of the releases it gave up before. */
  gaveUp: count,
  of: count,
  source: z.string(),
  note: z.string().optional(),
})

/** The shape of what `rebind policies --json` prints. Objects are open, as in report.json. */
export const policiesSchema = z.looseObject({
  format: z.literal('rebind-policies'),
  version: z.literal(1),
  /** The machine that the release was measured on. */
  host: hostSchema,
  release: z.looseObject({
    residue: z.literal('TIME_WAIT'),
    /** The document that it was read from. */
    file: z.string(),
    /** True if it was measured for this call. */
    measuredNow: z.boolean(),
    ports: count,
    minSeconds: seconds,
    medianSeconds: seconds,
    maxSeconds: seconds,
  }),
  /** What one attempt costs that is a process: a Node server of this machine that fails on EADDRINUSE. */
  attempt: z.looseObject({untilBindSeconds: seconds, untilEndSeconds: seconds}),
  policies: z.array(rowSchema),
})

export type Policies = z.infer<typeof policiesSchema>
export type PolicyRow = Policies['policies'][number]
