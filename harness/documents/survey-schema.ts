import * as z from 'zod'
import {checkSchema} from './check-schema.ts'
import {hostSchema} from './report-schema.ts'

const surveyedSchema = z.looseObject({
  id: z.string().describe('Id of the server'),
  title: z.string().describe('Its name'),
  restarts: z
    .enum(['stopped-and-started', 'by-itself'])
    .optional()
    .describe('How it was made to restart; absent in documents of earlier releases'),
  status: z
    .enum(['measured', 'not-installed', 'skipped', 'failed'])
    .describe('Whether it was measured'),
  reason: z.string().optional().describe('Why it was not measured'),
  version: z.string().nullable().describe('Null if it is not installed or does not say'),
  reuseaddr: z
    .boolean()
    .nullable()
    .describe('Whether it sets SO_REUSEADDR; null if its behaviour does not show it'),
  outageSeconds: z
    .number()
    .nonnegative()
    .nullable()
    .describe('Outage of the last round, in seconds; null if it was not over'),
  check: checkSchema.nullable().describe('The whole check, null if there was none'),
})

/** The shape of `rebind survey --json` and survey.json. Objects are open. */
export const surveySchema = z.looseObject({
  format: z.literal('rebind-survey'),
  version: z.literal(1),
  host: hostSchema,
  servers: z.array(surveyedSchema).describe('An entry per server'),
  wallSeconds: z.number().nonnegative().describe('How long it took, in seconds'),
  interrupted: z.string().optional().describe('The signal that ended the survey early'),
})

export type Survey = z.infer<typeof surveySchema>
export type Surveyed = Survey['servers'][number]
