import {z} from 'zod'
import {hostSchema, residueSchema} from './report-schema.ts'

/** The shape of `rebind check --json` and check.json. All times are seconds; objects are open. */
const seconds = z.number().nonnegative()
const count = z.int().nonnegative()

const stopSignals = ['SIGTERM', 'SIGINT', 'SIGKILL', 'none'] as const

/** Attempts that failed alike, one after the other. */
const errorSchema = z.looseObject({
  /** What became of the attempt; absent in documents of earlier releases. */
  kind: z.string().optional(),
  /** EADDRINUSE if the server's own output names it, and it did not get the port; else null. */
  code: z.string().nullable(),
  /** What became of the attempt, in words. */
  what: z.string(),
  exitStatus: z.int().nullable(),
  exitSignal: z.string().nullable(),
  /** The lines of its output that name the error; the last ones where none does. */
  lines: z.array(z.string()),
  firstAttempt: z.int().positive(),
  count: z.int().positive(),
})

const processSchema = z.looseObject({
  pid: z.int().positive(),
  command: z.string(),
  /** Whether it still listened on the port after the stop. */
  listening: z.boolean(),
})

/**
 * A process that listened on the port, from the first reading of the socket table that showed so to the last
 * one, in seconds since the command was first started, by the system's monotonic clock: all rounds of a
 * document have the same zero.
 */
const listenedSchema = z.looseObject({pid: z.int().positive(), from: seconds, to: seconds})

const roundSchema = z.looseObject({
  /** From the start of the command until it listened. */
  startupSeconds: seconds,
  /** From the stop signal until the process had ended. */
  exitSeconds: seconds,
  /** The signal that made it end; `itself` if none was needed. */
  exitedBy: z.enum(['SIGTERM', 'SIGINT', 'SIGKILL', 'itself']),
  exitStatus: z.int().nullable(),
  exitSignal: z.string().nullable(),
  /** True if the stop signal was not obeyed in time, so that SIGKILL followed. */
  stopTimedOut: z.boolean(),
  connections: z.looseObject({open: count, accepted: count.nullable(), reset: count}),
  /** Null where the OS does not show it. */
  residue: residueSchema,
  verdict: z.enum(['immediate', 'delayed', 'blocked']),
  attempts: count,
  /** From no longer accepting connections to accepting them again; null if it never did. */
  outageSeconds: seconds.nullable(),
  /** From the first attempt until it listened; 0 if that was granted, null if none was. */
  waitSeconds: seconds.nullable(),
  refusedConnections: count,
  /** Connections that failed in another way, e.g. by a timeout. */
  failedConnections: count,
  errors: z.array(errorSchema),
  /** Processes of the stopped server, and their descendants, that were alive after its successor was started. */
  survivors: z.array(processSchema),
  /**
   * Who listened, from before the stop to the end of the watch over the successor; absent in documents of
   * earlier releases.
   */
  listened: z.array(listenedSchema).optional(),
})

const reuseaddrSchema = z.looseObject({
  /** Null where the behaviour does not tell. */
  set: z.boolean().nullable(),
  because: z.string(),
})

const problemSchema = z.looseObject({
  kind: z.enum([
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
    /** Whether the port was refused cannot be told from how long this machine kept the server from running. */
    'too-slow',
  ]),
  message: z.string(),
  remedy: z.string(),
})

/** @internal */
export const checkSchema = z.looseObject({
  format: z.literal('rebind-check'),
  version: z.literal(1),
  host: hostSchema,
  command: z.array(z.string()),
  port: z.int().min(1).max(65535),
  address: z.string(),
  stop: z.enum(stopSignals),
  /** Every round that was asked for was measured and immediate, and no old process listened any more. */
  safe: z.boolean(),
  /** Why the restart could not be measured; absent if it was. */
  problem: problemSchema.optional(),
  /** Name of the runtime that the fixes are for, as its command line shows. */
  runtime: z.string().nullable(),
  reuseaddr: reuseaddrSchema,
  rounds: z.array(roundSchema),
  advice: z.array(z.string()),
})

/** Its inferred type is written out in the declarations of the package, as in report-schema.ts. */
const read = (value: unknown) => checkSchema.parse(value)

export type CheckDocument = ReturnType<typeof read>
export type CheckRound = CheckDocument['rounds'][number]
export type CheckError = CheckRound['errors'][number]
export type CheckProblem = NonNullable<CheckDocument['problem']>
export type Survivor = CheckRound['survivors'][number]
export type StopSignal = CheckDocument['stop']
