import * as z from 'zod'
import type {EventName} from '../documents/event-log.ts'
import {hostSchema, residueSchema, resultSchema} from '../documents/report-schema.ts'
import {tcpStates} from '../platforms/tcp-states.ts'
import {restartEvents} from './events.ts'

const seconds = z.number().nonnegative()

/** What every line of events.ndjson has. */
export const lineFields = {
  level: z.literal(30).describe('The level of pino that stands for information'),
  run: z.string().describe('Name of the run folder'),
  scenario: z
    .string()
    .nullable()
    .describe('Id of the scenario; of check: round-N; of survey: id of the server; else null'),
  repetition: z
    .int()
    .positive()
    .optional()
    .describe('With --repeat: which time it is played, from 1'),
  seconds: seconds.describe('When it was over, in monotonic seconds since the run began'),
}

/** Those of a restart, by name. */
const ofRestart = Object.fromEntries(
  restartEvents.map((schema) => [schema.shape.event.value, schema as z.ZodObject]),
) as Record<(typeof restartEvents)[number]['shape']['event']['value'], z.ZodObject>

/**
 * Every event of the log: those of a restart, with what check, survey and timing write differently, and those
 * around them.
 */
export const loggedEvents: Readonly<Record<EventName, z.ZodObject>> = {
  'run-start': z
    .looseObject({
      event: z.literal('run-start'),
      startedAt: z.iso.datetime().describe('UTC, ISO 8601'),
      command: z.array(z.string()).describe('Arguments of the command; of check: the server'),
      host: hostSchema,
      scenarios: z.array(z.string()).optional().describe('Ids of the scenarios to play'),
      limitSeconds: z
        .number()
        .positive()
        .optional()
        .describe('How long a successor tries, in seconds'),
    })
    .describe('The first line'),
  ...ofRestart,
  step: ofRestart.step
    .extend({
      tookSeconds: seconds.optional().describe('How long it took, in seconds; absent in check'),
    })
    .describe('A step of the script is done; of check: the server was told to stop'),
  residue: ofRestart.residue
    .extend({
      residue: residueSchema.optional(),
      port: z.int().optional().describe('Of timing: the port'),
      state: z.enum(tcpStates).optional().describe('Of timing: what is left on it'),
    })
    .describe(
      'The port was looked at, right before the first attempt; of timing: a port was closed',
    ),
  'bind-attempt': ofRestart['bind-attempt']
    .extend({
      port: z.int().optional().describe('Of timing: the port'),
      what: z.string().optional().describe('Of check: what became of the start, in words'),
    })
    .describe(
      "A bind was tried; of check: the server was started; of timing only a port's first attempt, last refusal and grant",
    ),
  result: z
    .looseObject({
      event: z.literal('result'),
      status: resultSchema.shape.status.optional(),
      reason: z.string().optional().describe('Why it is not as expected'),
      result: resultSchema
        .optional()
        .describe(
          "The result, as in report.json; absent in check, which writes its round's fields",
        ),
    })
    .describe('A scenario, or a round of check, is over'),
  'run-end': z.looseObject({event: z.literal('run-end')}).describe('The last line'),
}

/** A line of events.ndjson. */
export const logLineSchema = z.union(
  Object.values(loggedEvents).map((schema) => {
    const {event, ...fields} = schema.shape
    const line = z.looseObject({event, ...lineFields, ...fields})
    return schema.description === undefined ? line : line.describe(schema.description)
  }),
)
