import * as z from 'zod'
import {
  packetsSchema,
  residueSchema,
  settingsSchema,
  timelineEntrySchema,
} from '../documents/report-schema.ts'
import {countNames} from '../processes/protocol.ts'

const seconds = z.number().nonnegative()
const count = z.int().nonnegative()

/** What each count is. */
const countMeanings: Readonly<Record<(typeof countNames)[number], string>> = {
  connections: 'Connections that were made',
  refusedConnections: 'Connections that were refused',
  selfConnections: 'Connections of a client to itself',
  resetConnections: 'Connections that were reset',
  unansweredConnections: 'Connections that nobody answered',
  answersFromPredecessor: 'Answers of the predecessor',
  answersFromSuccessor: 'Answers of the successor',
  longestGapSeconds: 'Longest time from one answer to the next, in seconds',
  releaseSeconds: 'After which time the port was free, in seconds',
  overshootSeconds: 'How much later the successor noticed, in seconds',
  retransmittedSegments: 'Segments that were retransmitted',
  timerRestarts: "How often the kernel's timer was restarted",
  resets: 'Resets that were received when packets passed again',
  destroyedSockets: 'Sockets that were destroyed from outside',
}

const tookSeconds = seconds.describe('How long it took, in seconds')
const port = z.int().describe('TCP port')
const countFields = Object.fromEntries(
  countNames.map((name) => [name, z.number().optional().describe(countMeanings[name])]),
) as Record<(typeof countNames)[number], z.ZodOptional<z.ZodNumber>>

/**
 * Everything that happens in a restart, as it is appended once, written to events.ndjson, read back from there
 * and folded. `seconds` is when it was over, since the run began; how long it took, or how long ago something
 * was, is told as a duration, so that nothing else in an event depends on a clock. The descriptions say when each
 * is written; docs/events.md is made of them.
 */
export const restartEvents = [
  z
    .looseObject({
      event: z.literal('process'),
      role: z.string().describe('What it plays: predecessor, successor, client, host ...'),
      pid: z.int().describe('Process id; of the host if many roles are played in one'),
      host: z.string().optional().describe('The host that the role is played in, which lives on'),
      change: z.enum(['started', 'ended']).describe('What happened to it'),
      status: z.int().nullable().optional().describe('Exit status, null if a signal ended it'),
      signal: z.string().nullable().optional().describe('The signal that ended it'),
    })
    .describe('A process has started or ended'),
  z
    .looseObject({
      event: z.literal('output'),
      role: z.string().describe('Which process'),
      stream: z.enum(['stdout', 'stderr']).describe('Where it wrote'),
      text: z.string().describe('What it wrote'),
    })
    .describe('A process of ours has written something that nobody expected'),
  z
    .looseObject({
      event: z.literal('settings'),
      settings: settingsSchema.describe('Kernel settings by name'),
    })
    .describe('A scenario has got a network namespace of its own'),
  z
    .looseObject({event: z.literal('port-lost'), port})
    .describe('Somebody else took the port between its proof and its use'),
  z
    .looseObject({event: z.literal('listening'), port, tookSeconds})
    .describe('The predecessor listens'),
  z
    .looseObject({
      event: z.literal('step'),
      step: z.string().describe('Which step of the script, e.g. successor.start'),
      tookSeconds,
      wire: z.literal(true).optional().describe('It changed the connection, and so the residue'),
      stopsAccepting: z
        .literal(true)
        .optional()
        .describe('From here on the predecessor accepts no connection'),
    })
    .describe('A step of the script is done'),
  z
    .looseObject({event: z.literal('state'), ...timelineEntrySchema.shape})
    .describe('One end of a connection was seen in another state, or its timer was restarted'),
  z
    .looseObject({
      event: z.literal('residue'),
      residue: residueSchema,
      retransmittedSegments: count
        .optional()
        .describe(
          'How many segments this network namespace has sent again since the predecessor listened',
        ),
    })
    .describe('The port was looked at, right before the first attempt'),
  z.looseObject({event: z.literal('restart')}).describe('The successor is asked to open the port'),
  z
    .looseObject({
      event: z.literal('pacing'),
      denseInSeconds: z
        .number()
        .nullable()
        .describe('In how many seconds dense attempts begin; null if nothing says when'),
    })
    .describe('It is known from when on the port can come free'),
  z
    .looseObject({
      event: z.literal('bind-attempt'),
      attempt: z.int().positive().describe('Number of the attempt, from 1'),
      outcome: z.enum(['refused', 'granted']).describe('What the system answered'),
      tookSeconds: tookSeconds.optional(),
      code: z.string().optional().describe('Of a refusal: name of the error'),
      errno: z.int().optional().describe('Of a refusal: its number, positive'),
      syscall: z.string().optional().describe('Of the first refusal: the system call that failed'),
      message: z.string().optional().describe("Of the first refusal: Node's own message"),
    })
    .describe('A bind was tried'),
  z
    .looseObject({event: z.literal('accepting')})
    .describe('A successor that inherited its socket accepts'),
  z
    .looseObject({
      event: z.literal('call'),
      from: z.enum(['the same port', 'another port']).describe('Which local port the client used'),
      call: z.enum(['bind', 'connect']).describe('The system call'),
      outcome: z.string().describe("granted, connected, unanswered or the error's code"),
      errno: z.int().optional().describe('Number of the error, positive'),
      localPort: count.describe('The local port that it used, 0 if none'),
      tookSeconds: tookSeconds.optional(),
    })
    .describe('A system call of a client that reconnects has returned'),
  z
    .looseObject({event: z.literal('counts'), ...countFields})
    .describe('A client, or the kernel, has counted something; each count by its own name'),
  z
    .looseObject({
      event: z.literal('release'),
      port: port.optional(),
      attempts: count.describe('How many binds were tried'),
      residueSeconds: z
        .tuple([seconds, seconds.nullable()])
        .nullable()
        .optional()
        .describe("Bounds of its residue's time in seconds; no upper one if it never came free"),
      uncertaintySeconds: seconds.nullable().describe('Last refusal to grant, in seconds'),
    })
    .describe(
      'The second port, tried densely while the successor retries in its own way, came free or did not',
    ),
  z
    .looseObject({event: z.literal('too-late')})
    .describe('The port was free, and the successor retried too late'),
  z.looseObject({event: z.literal('script-done')}).describe('All steps of the script are done'),
  z
    .looseObject({event: z.literal('packets'), ...packetsSchema.shape})
    .describe('The packets of the port were captured up to here'),
  z
    .looseObject({
      event: z.literal('warning'),
      message: z.string().describe('What is not as it should be'),
      round: z.int().optional().describe('The scenario begins again, for the nth time'),
    })
    .describe('Something did not work and the run goes on'),
] as const

/** What is read back from a line of the log; all other lines are passed over. */
export const restartEventSchema = z.discriminatedUnion('event', restartEvents)

/** What may be appended: exactly the fields of its kind. */
export type RestartEvent = (typeof restartEvents)[number] extends infer Kind
  ? Kind extends z.ZodType
    ? Known<z.infer<Kind>>
    : never
  : never
type Known<T> = {
  [Name in keyof T as string extends Name ? never : Exclude<Name, 'seconds'>]: T[Name]
}

/** When it was over, in seconds since the run began. */
export type Timed<Event> = Event & {seconds: number}
