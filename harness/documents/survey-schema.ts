import {z} from 'zod'
import {checkSchema} from './check-schema.ts'
import {hostSchema} from './report-schema.ts'

const surveyedSchema = z.looseObject({
  id: z.string(),
  title: z.string(),
  status: z.enum(['measured', 'not-installed', 'skipped', 'failed']),
  /** Why it was not measured. */
  reason: z.string().optional(),
  /** Null where it is not installed, or does not tell. */
  version: z.string().nullable(),
  /** Whether it sets SO_REUSEADDR; null where its behaviour does not tell. */
  reuseaddr: z.boolean().nullable(),
  outageSeconds: z.number().nonnegative().nullable(),
  check: checkSchema.nullable(),
})

/** The shape of `rebind survey --json` and survey.json. Objects are open. */
export const surveySchema = z.looseObject({
  format: z.literal('rebind-survey'),
  version: z.literal(1),
  host: hostSchema,
  servers: z.array(surveyedSchema),
  wallSeconds: z.number().nonnegative(),
  /** The signal that ended the survey early. */
  interrupted: z.string().optional(),
})

export type Survey = z.infer<typeof surveySchema>
export type Surveyed = Survey['servers'][number]
