import {z} from 'zod'
import {hostSchema, residueSchema} from './report-schema.ts'
import {ruleIdSchema, ruleTableSchema} from './rules.ts'

/** The shape of `rebind check --json` and check.json. All times are seconds; objects are open. */
const seconds = z.number().nonnegative()
const count = z.int().nonnegative()

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGKILL', 'none'] as const

/** Attempts that failed alike, one after the other. */
const errorSchema = z.looseObject({
  kind: z
    .string()
    .optional()
    .describe('What became of the attempt; absent in documents of earlier releases'),
  code: z
    .string()
    .nullable()
    .describe(
      "EADDRINUSE if the server's own output names it and it did not get the port; else null",
    ),
  what: z.string().describe('What became of the attempt, in words'),
  exitStatus: z.int().nullable().describe('Exit status of the server, null if it had none'),
  exitSignal: z.string().nullable().describe('The signal that ended the server'),
  lines: z
    .array(z.string())
    .describe('The lines of its output that name the error; the last ones if none does'),
  firstAttempt: z.int().positive().describe('Number of the first attempt that failed like this'),
  count: z.int().positive().describe('How many attempts in a row failed like this'),
})

const processSchema = z.looseObject({
  pid: z.int().positive().describe('Process id'),
  command: z.string().describe('Its command line'),
  listening: z.boolean().describe('Whether it still listened on the port after the stop'),
})

/**
 * A process that listened on the port, from the first reading of the socket table that showed so to the last
 * one, in seconds since the command was first started, by the system's monotonic clock: all rounds of a
 * document have the same zero.
 */
const listenedSchema = z.looseObject({
  pid: z.int().positive().describe('Process id'),
  from: seconds.describe('First seen, in seconds since the command was first started'),
  to: seconds.describe('Last seen, in seconds since the command was first started'),
})

const roundSchema = z.looseObject({
  startupSeconds: seconds.describe('Start of the command until it listened, in seconds'),
  exitSeconds: seconds.describe('Stop signal until the process had ended, in seconds'),
  exitedBy: z
    .enum(['SIGTERM', 'SIGINT', 'SIGKILL', 'itself'])
    .describe('The signal that made it end; itself if none was needed'),
  exitStatus: z.int().nullable().describe('Exit status, null if a signal ended it'),
  exitSignal: z.string().nullable().describe('The signal that it died of, null if none'),
  stopTimedOut: z
    .boolean()
    .describe('True if the stop signal was not obeyed in time, so SIGKILL followed'),
  connections: z
    .looseObject({
      open: count.describe('How many clients had open'),
      accepted: count
        .nullable()
        .describe('How many the server had accepted; null if the system does not show it'),
      reset: count.describe('How many ended with a reset'),
    })
    .describe('The connections at the moment of the stop'),
  residue: residueSchema.describe(
    'What the old server left on the port; null if the system does not show it',
  ),
  verdict: z
    .enum(['immediate', 'delayed', 'blocked'])
    .describe(
      'immediate: the first start listened; delayed: a later one; blocked: none within the limit',
    ),
  attempts: count.describe('How often the server was started'),
  outageSeconds: seconds
    .nullable()
    .describe(
      'No longer accepting connections to accepting them again, in seconds; null if it never did',
    ),
  waitSeconds: seconds
    .nullable()
    .describe(
      'First attempt until it listened, in seconds; 0 if that was granted, null if none was',
    ),
  refusedConnections: count.describe('How many connections of the probing client were refused'),
  failedConnections: count.describe('How many failed in another way, e.g. by a timeout'),
  errors: z.array(errorSchema).describe('Attempts that failed alike, in order'),
  survivors: z
    .array(processSchema)
    .describe('Processes of the stopped server that were alive after its successor was started'),
  listened: z
    .array(listenedSchema)
    .optional()
    .describe(
      'Who listened, from before the stop to the end of the watch; absent in documents of earlier releases',
    ),
})

const reuseaddrSchema = z.looseObject({
  set: z
    .boolean()
    .nullable()
    .describe('Whether the server sets SO_REUSEADDR; null if its behaviour does not show it'),
  rule: ruleIdSchema.optional().describe('Id of the rule that shows it; absent if none does'),
  because: z.string().describe('What shows it'),
})

const problemSchema = z.looseObject({
  kind: z
    .enum([
      'exited',
      'never-listened',
      'other-port',
      'other-address',
      'other-process',
      'daemonised',
      'unreachable',
      'interrupted',
      /** The OS does not show which sockets there are, which processes, or who has a socket. */
      'no-socket-table',
      'no-process-table',
      'unseen',
      /** A process of the server is another user's and may not be sent a signal. */
      'not-permitted',
      'not-ended',
      'too-many-open-files',
      /** Whether the port was refused cannot be seen from how long this machine kept the server from running. */
      'too-slow',
    ])
    .describe('Which problem'),
  message: z.string().describe('What happened'),
  remedy: z.string().describe('What to do'),
})

/** @internal */
export const checkSchema = z.looseObject({
  format: z.literal('rebind-check'),
  version: z.literal(1),
  host: hostSchema.describe('The machine that was measured'),
  command: z.array(z.string()).describe('The server and its arguments'),
  port: z.int().min(1).max(65535).describe('The port that it listens on'),
  address: z.string().describe('Where clients reach it'),
  stop: z.enum(stopSignals).describe('How it was stopped; none: it exits by itself'),
  safe: z
    .boolean()
    .describe('Every round was measured and immediate, and no old process listened any more'),
  problem: problemSchema
    .optional()
    .describe('Why the restart could not be measured; absent if it was'),
  runtime: z
    .string()
    .nullable()
    .describe('The runtime that the advice is for, by its command line; null if unknown'),
  reuseaddr: reuseaddrSchema.describe(
    'Whether the server sets SO_REUSEADDR, as far as its behaviour shows',
  ),
  rules: ruleTableSchema.optional().describe('The texts of all rules that are named here, by id'),
  rounds: z.array(roundSchema).describe('A round per restart'),
  advice: z.array(z.string()).describe('What to do, a sentence each'),
})

/** Its inferred type is written out in the declarations of the package, as in report-schema.ts. */
const read = (value: unknown) => checkSchema.parse(value)

export type CheckDocument = ReturnType<typeof read>
export type CheckRound = CheckDocument['rounds'][number]
export type CheckError = CheckRound['errors'][number]
export type CheckProblem = NonNullable<CheckDocument['problem']>
export type Survivor = CheckRound['survivors'][number]
export type StopSignal = CheckDocument['stop']
