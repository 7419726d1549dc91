import {z} from 'zod'
import {residueSchema, settingsSchema, timelineEntrySchema} from '../documents/report-schema.ts'
import {countNames} from '../processes/protocol.ts'

const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
const tookSeconds = seconds
const countFields = Object.fromEntries(
  countNames.map((name) => [name, z.number().optional()]),
) as Record<(typeof countNames)[number], z.ZodOptional<z.ZodNumber>>

/**
 * Everything that happens in a restart, as it is appended once, written to events.ndjson, read back from there
 * and folded. `seconds` is when it was over, since the run began; how long it took, or how long ago something
 * was, is told as a duration, so that nothing else in an event depends on a clock.
 */
const kinds = [
  /** A process of ours. Where many actors are played in one `host`, the pid is the host's, and it lives on. */
  z.looseObject({
    event: z.literal('process'),
    role: z.string(),
    pid: z.int(),
    host: z.string().optional(),
    change: z.enum(['started', 'ended']),
    status: z.int().nullable().optional(),
    signal: z.string().nullable().optional(),
  }),
  z.looseObject({
    event: z.literal('output'),
    role: z.string(),
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
  }),
  /** The kernel settings of a scenario that has some of its own. */
  z.looseObject({event: z.literal('settings'), settings: settingsSchema}),
  /** A port was taken by somebody else between its proof and its use. */
  z.looseObject({event: z.literal('port-lost'), port: z.int()}),
  /** The predecessor listens. */
  z.looseObject({event: z.literal('listening'), port: z.int(), tookSeconds}),
  z.looseObject({
    event: z.literal('step'),
    step: z.string(),
    tookSeconds,
    /** It changed the connection, and so the residue. */
    wire: z.literal(true).optional(),
    /** From here on the predecessor accepts nobody. */
    stopsAccepting: z.literal(true).optional(),
  }),
  /** An end of a connection was seen in another state, or its timer seen to restart. */
  z.looseObject({event: z.literal('state'), ...timelineEntrySchema.shape}),
  /** What is left on the port, as it was looked at right before the first attempt; null: not visible. */
  z.looseObject({event: z.literal('residue'), residue: residueSchema}),
  /** The successor is asked to open the port. */
  z.looseObject({event: z.literal('restart')}),
  /** From when on a release can come, and the port is tried densely; null: nothing tells. */
  z.looseObject({event: z.literal('pacing'), denseInSeconds: z.number().nullable()}),
  z.looseObject({
    event: z.literal('bind-attempt'),
    attempt: z.int().positive(),
    outcome: z.enum(['refused', 'granted']),
    tookSeconds: tookSeconds.optional(),
    code: z.string().optional(),
    errno: z.int().optional(),
    /** Of the first refusal. */
    syscall: z.string().optional(),
    message: z.string().optional(),
  }),
  /** A successor that inherited its socket accepts. */
  z.looseObject({event: z.literal('accepting')}),
  /** What a system call of a client answered that reconnects. */
  z.looseObject({
    event: z.literal('call'),
    from: z.enum(['the same port', 'another port']),
    call: z.enum(['bind', 'connect']),
    outcome: z.string(),
    errno: z.int().optional(),
    localPort: count,
    tookSeconds: tookSeconds.optional(),
  }),
  /** What was counted, each by its own name. */
  z.looseObject({event: z.literal('counts'), ...countFields}),
  /** The port beside, which is tried densely where the successor retries in its own way, came free or did not. */
  z.looseObject({
    event: z.literal('release'),
    port: z.int().optional(),
    attempts: count,
    /** Between which bounds its residue's time lies; no upper one if it never came free. */
    residueSeconds: z.tuple([seconds, seconds.nullable()]).nullable().optional(),
    uncertaintySeconds: seconds.nullable(),
  }),
  /** The port was free, and the successor's own way of retrying let it lie for too long. */
  z.looseObject({event: z.literal('too-late')}),
  /** All steps of the script are done. */
  z.looseObject({event: z.literal('script-done')}),
  /** With a round: the packets did something else, and the story begins again. */
  z.looseObject({
    event: z.literal('warning'),
    message: z.string(),
    round: z.int().optional(),
  }),
] as const

/** What is read back from a line of the log; all other lines are passed over. */
export const restartEventSchema = z.discriminatedUnion('event', kinds)

/** What may be appended: exactly the fields of its kind. */
export type RestartEvent = (typeof kinds)[number] extends infer Kind
  ? Kind extends z.ZodType
    ? Known<z.infer<Kind>>
    : never
  : never
type Known<T> = {
  [Name in keyof T as string extends Name ? never : Exclude<Name, 'seconds'>]: T[Name]
}

/** When it was over, in seconds since the run began. */
export type Timed<Event> = Event & {seconds: number}
