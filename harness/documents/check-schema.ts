import * as z from 'zod'
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
  listening: z
    .boolean()
    .describe('Whether it still listened on the port, or at the path, after the stop'),
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
  interrupted: z
    .boolean()
    .optional()
    .describe('True if the check was interrupted before the limit, so blocked means until then'),
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
      /** The trigger could not be run, or failed. */
      'trigger-failed',
      'nothing-restarted',
      /** New processes answered, and old ones of the same listening socket went on taking clients. */
      'old-still-accepts',
      /** A threshold was given for what could not be measured. */
      'threshold-not-measured',
    ])
    .describe('Which problem'),
  message: z.string().describe('What happened'),
  remedy: z.string().describe('What to do'),
})

/** A moment that lies between two others, in seconds since the check began to watch, by the monotonic clock. */
const bracketSchema = z.tuple([seconds, seconds])

const servingProcess = {
  pid: z.int().positive().describe('Process id'),
  startedAt: z
    .string()
    .describe(
      "When it was started, in the operating system's own words: tells it from others of its pid",
    ),
  command: z.string().describe('Its command line'),
}

const generationSchema = z.looseObject({
  processes: z
    .array(z.looseObject(servingProcess))
    .describe('The processes that served; a master that stays through all of them is left out'),
  from: bracketSchema.describe(
    'When the first of them began to serve: after the one, before the other',
  ),
  to: bracketSchema
    .nullable()
    .describe('When the last of them had ceased to; null if one still served at the end'),
})

const triggerSchema = z.looseObject({
  command: z.array(z.string()).describe('What was run to make the server restart, a command each'),
  at: z.array(seconds).describe('When each was started, in seconds since the check began to watch'),
  reloaded: z.boolean().describe('A new generation answered'),
  answeredAfterSeconds: seconds
    .nullable()
    .describe(
      'From the first trigger to the first answer of a new generation, in seconds; null if none came',
    ),
  withoutListenerSeconds: bracketSchema.describe(
    'For how long nobody listened, at least and at most',
  ),
  missingPorts: z
    .array(z.int().min(1).max(65535))
    .optional()
    .describe(
      'Ports that nobody, or an old process alone, listened on after it; absent if only one was given',
    ),
  oldListeners: z
    .array(z.looseObject(servingProcess))
    .optional()
    .describe(
      'Old processes that still listened at the end, on a socket of their own; absent if none did',
    ),
  generations: z.array(generationSchema).describe('Who served, one after the other'),
})

const laneSchema = z.looseObject({
  opened: count.describe('Connections that were tried'),
  answered: count.describe('Answers that came'),
  refused: count.describe('Refused: nobody listened'),
  reset: count.describe('Reset before an answer'),
  cutOff: count.describe('Closed by the server before an answer'),
  unanswered: count.describe('Without an answer in time'),
  slowestSeconds: seconds.nullable().describe('Slowest answer in seconds; null if there was none'),
})

const trafficSchema = z.looseObject({
  asks: z
    .enum(['nothing', 'greeting', 'text', 'http'])
    .describe('What a client says; nothing: no answer shows whether it was accepted'),
  rate: count.describe('New connections a second'),
  seconds: seconds.describe('How long they came'),
  new: laneSchema.describe('Connections that came meanwhile, one after the other'),
  idle: laneSchema.describe(
    'Connections that stood open: asked at the beginning and, with HTTP, again at the end',
  ),
  inFlight: laneSchema.describe('Connections on which one request followed another'),
  idleClosed: count.describe(
    'Idle connections that the server closed while nothing was asked: no loss',
  ),
  statusClasses: z.record(z.string(), count).describe('Responses of HTTP, by 2xx, 5xx and so on'),
  withoutPort: count.describe(
    'Connections not tried, as this machine had no local port left: no loss',
  ),
  latestSeconds: seconds.describe(
    'By how much the latest connection was begun later than planned, in seconds',
  ),
  longestGapSeconds: seconds
    .nullable()
    .describe('The longest time without an answer, in seconds; null if there was none at all'),
})

const secondSchema = z.looseObject({
  address: z
    .string()
    .nullable()
    .describe('What stood for {host} in the second start; null if the command has none'),
  verdict: z
    .enum(['refuses', 'moves', 'shares', 'hijacks', 'hangs'])
    .describe(
      'refuses: it ended; moves: it listened on another port; shares: both listened; hijacks: the first got no client any more; hangs: it ran, and listened nowhere',
    ),
  answeredBy: z
    .looseObject({
      first: count.describe('By the first'),
      second: count.describe('By the second'),
      nobody: count.describe('By nobody, as far as that was seen'),
    })
    .nullable()
    .describe('Who accepted the clients that came; null if not both listened'),
  status: z.int().nullable().describe('Its exit status; null if it had none'),
  what: z.string().describe('What it did, in words'),
  lines: z
    .array(z.string())
    .describe('The lines of its output that name the error; the last ones if none does'),
  ports: z.array(count).describe('The ports that it listened on'),
})

const socketStartSchema = z.looseObject({
  situation: z
    .enum(['stopped', 'killed', 'beside'])
    .describe('After the server was stopped; after it was killed; beside the running one'),
  stopTimedOut: z
    .boolean()
    .optional()
    .describe('True if the stop before it was not obeyed in time, so SIGKILL followed'),
  survivors: z
    .array(processSchema)
    .optional()
    .describe(
      'Processes of the stopped server that were alive after this start, and whether they still listened; absent if none was',
    ),
  fileLeft: z.boolean().describe('Whether there was a file at the path when it was started'),
  verdict: z
    .enum(['granted', 'refused', 'takes-over', 'hangs'])
    .describe(
      'granted: it listened; refused: it ended; takes-over: it removed the path of the running one; hangs: it ran, and did not listen',
    ),
  what: z.string().describe('What it did, in words'),
  status: z.int().nullable().describe('Its exit status; null if it had none'),
  afterSeconds: seconds.describe('From its start until that was seen, in seconds'),
  lines: z
    .array(z.string())
    .describe('The lines of its output that name the error; the last ones if none does'),
})

/** @internal */
export const checkSchema = z.looseObject({
  format: z.literal('rebind-check'),
  version: z.literal(1),
  host: hostSchema.describe('The machine that was measured'),
  command: z.array(z.string()).describe('The server and its arguments'),
  port: z
    .int()
    .min(1)
    .max(65535)
    .nullable()
    .describe('The port that it listens on; null for a Unix socket'),
  ports: z
    .array(z.int().min(1).max(65535))
    .optional()
    .describe('All ports that it has to listen on; absent if that is the only one'),
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
  trigger: triggerSchema
    .optional()
    .describe(
      'What made the server restart by itself, and who served then; absent if it was stopped and started',
    ),
  traffic: trafficSchema
    .optional()
    .describe('What became of the clients meanwhile; absent if there were none'),
  lossless: z
    .boolean()
    .nullable()
    .optional()
    .describe(
      'Every connection and request was answered, idle connections at the end with HTTP only; null if no answer was expected, absent without traffic',
    ),
  losses: z
    .array(
      z.looseObject({
        kind: z.string().describe('Which kind of loss'),
        count: count.describe('How many'),
        because: z.string().describe('What it was due to'),
      }),
    )
    .optional()
    .describe('Why connections and requests came to nothing; absent without traffic'),
  activation: z
    .looseObject({
      took: z.boolean().describe('It accepted clients of the socket that it was given'),
      because: z.string().optional().describe('What it did instead; absent if it took it'),
      queued: count.describe('Clients that came while there was no server'),
      answered: count.describe('How many of those were answered'),
      slowestSeconds: seconds
        .nullable()
        .describe('How long the slowest of them waited; null if none did'),
    })
    .optional()
    .describe(
      'What became of a listening socket that was passed to the server; absent if none was',
    ),
  socket: z
    .looseObject({
      path: z.string().describe('Its path'),
      starts: z.array(socketStartSchema).describe('What became of each start after the first'),
    })
    .optional()
    .describe('How a server of a Unix socket was restarted; absent if it has a port'),
  twice: z
    .array(secondSchema)
    .optional()
    .describe('What a second start beside the first one did; absent if there was none'),
  thresholds: z
    .array(
      z.looseObject({
        name: z.string().describe('Its name on the command line'),
        limit: z.number().nonnegative().describe('What was allowed, in seconds or by number'),
        measured: z
          .number()
          .nonnegative()
          .nullable()
          .describe('What was measured; null if it was not'),
        met: z.boolean().describe('Whether it was kept'),
      }),
    )
    .optional()
    .describe('The limits that were given; absent if none was'),
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
