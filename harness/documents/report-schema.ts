import {z} from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'
import {bindOptions} from '../sockets/bind-options.ts'

/**
 * The shape of report.json. Objects are open: a field that a later version adds is kept, never refused.
 * All times are seconds; those of a timeline count from the run's beginning.
 */
const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
const state = z.enum(tcpStates)
const endpoint = z.enum(['server', 'client'])

const serverSchema = z.looseObject({
  opener: z.enum(['node', 'native']),
  bind: z.enum(bindOptions),
  address: z.string(),
  /** The listening socket was the supervisor's. */
  inherited: z.boolean().optional(),
})

const bindSchema = z.looseObject({
  verdict: z.enum(['immediate', 'delayed', 'blocked']),
  /** False if the wait was cut short, by --quick or by an interruption. */
  waited: z.boolean(),
  attempts: count,
  errors: z.record(z.string(), count),
  firstError: z
    .looseObject({code: z.string(), errno: z.int(), syscall: z.string(), message: z.string()})
    .nullable(),
  waitSeconds: seconds.nullable(),
  residueSeconds: seconds.nullable(),
  uncertaintySeconds: seconds.nullable(),
  /** Since the run began, like a timeline's; absent where nothing was tried. */
  firstAttemptAtSeconds: seconds.optional(),
  /** When the last residue appeared; absent where none was to appear. */
  residueAtSeconds: seconds.optional(),
})

const callSchema = z.looseObject({
  from: z.enum(['the same port', 'another port']),
  call: z.enum(['bind', 'connect']),
  /** `granted`, `connected`, `unanswered` or the error's code. */
  outcome: z.string(),
})

const expectedSchema = z.looseObject({
  verdict: z.enum(['immediate', 'delayed', 'blocked']),
  code: z.string().optional(),
  errno: z.int().optional(),
  residue: z.enum(['none', ...tcpStates]),
  residueSeconds: z.tuple([seconds, seconds]).optional(),
  /** What the system calls of a client that reconnects should answer. */
  calls: z.array(callSchema).optional(),
  /** What should be counted. */
  counts: z.record(z.string(), z.number()).optional(),
  /** What should be counted so many times at least. */
  atLeast: z.record(z.string(), z.number()).optional(),
  because: z.string(),
  source: z.string(),
})

/** @internal */
export const timelineEntrySchema = z.looseObject({
  seconds,
  endpoint,
  socket: z.enum(['listener', 'connection']),
  /** Which of the port's connections it is, numbered as they were first seen; both ends have the same. */
  connection: z.int().positive().optional(),
  state,
  expiresInSeconds: seconds.optional(),
})

/** @internal */
export const residueSchema = z.array(z.looseObject({endpoint, state, count})).nullable()

/** Of several repetitions, in the order min, median, max. */
const spreadSchema = z.tuple([z.number(), z.number(), z.number()]).nullable()

/**
 * What is told of each time that a scenario was played.
 * @internal
 */
export const repetitionSchema = z.looseObject({
  status: z.enum(['as-expected', 'unexpected', 'skipped', 'failed']),
  reason: z.string().optional(),
  bind: bindSchema.nullable(),
  outageSeconds: seconds.nullable(),
  measurements: z.record(z.string(), z.number()).optional(),
})

/** A scenario that was played several times; the result's own fields are those of the first time. */
const repetitionFields = {
  repeats: z.array(repetitionSchema).optional(),
  spread: z
    .looseObject({
      waitSeconds: spreadSchema,
      residueSeconds: spreadSchema,
      outageSeconds: spreadSchema,
    })
    .optional(),
}

/** @internal */
export const settingsSchema = z.record(z.string(), z.union([z.number(), z.string(), z.null()]))

/** @internal */
export const resultSchema = z.looseObject({
  scenario: z.string(),
  title: z.string(),
  claim: z.string(),
  status: z.enum(['as-expected', 'unexpected', 'skipped', 'failed']),
  reason: z.string().optional(),
  port: z.int().min(1).max(65535).optional(),
  predecessor: serverSchema,
  successor: serverSchema,
  residue: residueSchema,
  /** Clients came and went, so that `residue` also holds whatever connections were open at that moment. */
  amidTraffic: z.literal(true).optional(),
  bind: bindSchema.nullable(),
  outageSeconds: seconds.nullable(),
  measurements: z.record(z.string(), z.number()).optional(),
  /** How the client bound its local port. */
  client: z.looseObject({opener: z.enum(['node', 'native']), bind: z.enum(bindOptions)}).optional(),
  /** What bind() and connect() answered a client that reconnects. */
  calls: z
    .array(callSchema.extend({errno: z.int().optional(), localPort: count, seconds}))
    .optional(),
  /** The kernel settings of the namespace that the scenario had of its own. */
  settings: settingsSchema.optional(),
  expected: expectedSchema.nullable(),
  timeline: z.array(timelineEntrySchema),
  ...repetitionFields,
})

/** @internal */
export const hostSchema = z.looseObject({
  os: z.string(),
  stack: z.enum(['linux', 'darwin', 'gvisor', 'windows', 'unknown']),
  release: z.string(),
  arch: z.string(),
  node: z.string(),
  libuv: z.string(),
  settings: settingsSchema,
  ci: z.string().nullable(),
})

/** @internal */
export const reportSchema = z.looseObject({
  format: z.literal('rebind-report'),
  version: z.literal(1),
  run: z.looseObject({
    id: z.string(),
    startedAt: z.iso.datetime(),
    wallSeconds: seconds,
    rebind: z.string(),
    command: z.array(z.string()),
    /** The signal that ended the run early. */
    interrupted: z.string().optional(),
    /** The run was killed: `rebind report` made this from its log. */
    partial: z.literal(true).optional(),
  }),
  host: hostSchema,
  results: z.array(resultSchema),
})

/**
 * The type of what it returns is inferred, so that tsc writes it out in the declarations of the package, which are
 * to import no zod; for the same reason schemas are internal to them.
 */
const read = (value: unknown) => reportSchema.parse(value)

export type Report = ReturnType<typeof read>
export type Host = Report['host']
export type Result = Report['results'][number]
export type Repetition = NonNullable<Result['repeats']>[number]
export type ResultBind = NonNullable<Result['bind']>
export type ReportedCall = NonNullable<Result['calls']>[number]
export type Expected = NonNullable<Result['expected']>
export type ResidueEntry = NonNullable<Result['residue']>[number]
export type TimelineEntry = Result['timeline'][number]
export type ServerReport = Result['predecessor']
export type ClientReport = NonNullable<Result['client']>
