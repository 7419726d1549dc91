import * as z from 'zod'
import {tcpFlags} from '../platforms/tcp-packet.ts'
import {tcpStates} from '../platforms/tcp-states.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import {ruleIdSchema, ruleTableSchema} from './rules.ts'

/**
 * The shape of report.json. Objects are open: a field that a later version adds is kept, never refused.
 * All times are seconds; those of a timeline count from the run's beginning.
 */
const seconds = z.number().nonnegative()
const count = z.int().nonnegative()
const state = z.enum(tcpStates)
const endpoint = z.enum(['server', 'client'])

const serverSchema = z.looseObject({
  opener: z
    .enum(['node', 'native'])
    .describe('node: plain server.listen; native: bind(2) with exactly these options'),
  bind: z.enum(bindOptions).describe('Which of SO_REUSEADDR and SO_REUSEPORT were set'),
  address: z.string().describe('The address it binds'),
  inherited: z.boolean().optional().describe("The listening socket was the supervisor's"),
  otherUser: z
    .enum(['root', 'not-root'])
    .optional()
    .describe("The server is another user's; who the new server's user is"),
})

const bindSchema = z.looseObject({
  verdict: z
    .enum(['immediate', 'delayed', 'blocked'])
    .describe(
      'immediate: the first attempt was granted; delayed: a later one; blocked: none within the limit',
    ),
  waited: z.boolean().describe('False if the wait was cut short, by --quick or by an interruption'),
  attempts: count.describe('How many binds were tried'),
  errors: z.record(z.string(), count).describe('How many attempts failed, by error code'),
  firstError: z
    .looseObject({
      code: z.string().describe('Name of the error, e.g. EADDRINUSE'),
      errno: z.int().describe("The operating system's own number, positive"),
      syscall: z.string().describe('The system call that failed'),
      message: z.string().describe("Node's own message"),
    })
    .nullable()
    .describe('The first refusal, null if there was none'),
  waitSeconds: seconds
    .nullable()
    .describe(
      'First attempt to grant, in seconds: what the restart felt; null if it was never granted',
    ),
  residueSeconds: seconds
    .nullable()
    .describe('Last residue appeared to grant, in seconds: what the kernel did; null if unknown'),
  uncertaintySeconds: seconds
    .nullable()
    .describe('Last refusal to grant, in seconds: the width of what is not known of the wait'),
  firstAttemptAtSeconds: seconds
    .optional()
    .describe('Seconds since the run began; absent if nothing was tried'),
  residueAtSeconds: seconds
    .optional()
    .describe(
      'When the last residue appeared, in seconds since the run began; absent if none should appear',
    ),
})

const callSchema = z.looseObject({
  from: z.enum(['the same port', 'another port']).describe('Which local port the client used'),
  call: z.enum(['bind', 'connect']).describe('The system call'),
  outcome: z.string().describe("granted, connected, unanswered or the error's code"),
})

const possibilitySchema = z.looseObject({
  verdict: z
    .enum(['immediate', 'delayed', 'blocked'])
    .describe('The verdict that the rules predict'),
  code: z.string().optional().describe('Of the refusal; absent if none is expected'),
  errno: z.int().optional().describe('Of the refusal, positive'),
  residue: z.enum(['none', ...tcpStates]).describe('The state that is expected to decide'),
  residueSeconds: z
    .tuple([seconds, seconds])
    .optional()
    .describe('Least and greatest time in seconds for which the kernel keeps the residue'),
  calls: z
    .array(callSchema)
    .optional()
    .describe('What the system calls of a reconnecting client should return'),
  counts: z
    .record(z.string(), z.number())
    .optional()
    .describe('What should be counted exactly, by name'),
  atLeast: z
    .record(z.string(), z.number())
    .optional()
    .describe('What should be counted at least so often, by name'),
  rule: ruleIdSchema.optional().describe('Id of the rule that decides; see rules'),
  premises: z
    .array(ruleIdSchema)
    .optional()
    .describe('Ids of rules by which something else is left to decide about'),
  release: ruleIdSchema
    .optional()
    .describe('Id of the rule by which the kernel lets go of the residue'),
  effects: z
    .array(ruleIdSchema)
    .optional()
    .describe('Ids of rules about what else should happen, e.g. which server answers'),
  because: z.string().describe('The rule, in a sentence'),
  source: z.string().describe('Where the rule was read: file:function or RFC section'),
})

const expectedSchema = possibilitySchema.extend({
  alternatives: z
    .array(possibilitySchema)
    .optional()
    .describe(
      'What the rules also allow, where they do not decide; what was observed is not among them, unless it was unexpected',
    ),
})

/** @internal */
export const timelineEntrySchema = z.looseObject({
  seconds: seconds.describe('Seconds since the run began'),
  endpoint: endpoint.describe('Whose end of the connection it is'),
  socket: z
    .enum(['listener', 'connection'])
    .describe('A listening socket, or one end of a connection'),
  connection: z
    .int()
    .positive()
    .optional()
    .describe(
      'Which connection of the port, in the order of appearance; both ends have the same number',
    ),
  state: state.describe('TCP state'),
  expiresInSeconds: seconds.optional().describe("What is left of the kernel's timer, in seconds"),
})

/** @internal */
export const residueSchema = z
  .array(
    z.looseObject({
      endpoint: endpoint.describe('Whose end of the connection it is'),
      state: state.describe('TCP state'),
      count: count.describe('How many sockets'),
    }),
  )
  .nullable()
  .describe(
    'What was left on the port right before the first attempt; null if the system does not show it',
  )

const ladderRowSchema = z.looseObject({
  seconds: seconds.describe('Seconds since the run began'),
  from: endpoint.describe("Who sent it; the server's end is the one with the port"),
  flags: z.array(z.enum(tcpFlags)).describe('Flags of TCP'),
  bytes: count.optional().describe('How many bytes of data it carries; absent if none'),
  connection: z
    .int()
    .positive()
    .describe('Which connection of the port, in the order of appearance'),
  sentAgain: z.literal(true).optional().describe('The same was sent before'),
  dropped: z.literal(true).optional().describe('A rule of the packet filter dropped it'),
  server: state.optional().describe('State to which it leads the server, by RFC 9293'),
  client: state.optional().describe('State to which it leads the client, by RFC 9293'),
})

/** @internal */
export const packetsSchema = z.looseObject({
  file: z.string().optional().describe('All of them, in the run folder, as tshark opens them'),
  count: count.describe('How many packets of the port there were'),
  whole: z
    .boolean()
    .describe('False if some could not be captured; then nothing is judged by them'),
  droppedByFilter: count
    .optional()
    .describe(
      'How many packets the packet filter dropped, by its own counter; absent if it had no rules',
    ),
  ladder: z.array(ladderRowSchema).describe('The first packets and the last ones, in order'),
  leftOutAfter: count.optional().describe('After how many rows of the ladder packets are left out'),
  claims: z
    .array(
      z.looseObject({
        claim: z.string().describe('Id of what the scenario says of its packets'),
        says: z.string().describe('The same in words'),
        holds: z
          .boolean()
          .nullable()
          .describe('Whether it is so; null where no packet speaks for or against it'),
      }),
    )
    .describe('What the packets must show'),
})

/** Of several repetitions, in the order min, median, max. */
const spreadSchema = z.tuple([z.number(), z.number(), z.number()]).nullable()

/**
 * What is told of each time that a scenario was played.
 * @internal
 */
export const repetitionSchema = z.looseObject({
  status: z.enum(['as-expected', 'unexpected', 'skipped', 'failed']).describe('As of a result'),
  reason: z.string().optional().describe('Why it is not as expected'),
  bind: bindSchema
    .nullable()
    .describe('The bind attempts of this time, null if there was no bind to judge'),
  outageSeconds: seconds.nullable().describe('As of a result, in seconds'),
  measurements: z
    .record(z.string(), z.number())
    .optional()
    .describe('What else was counted or measured, by name'),
})

/** A scenario that was played several times; the result's own fields are those of the first time. */
const repetitionFields = {
  repeats: z
    .array(repetitionSchema)
    .optional()
    .describe('Each of several times that it was played'),
  spread: z
    .looseObject({
      waitSeconds: spreadSchema.describe('Seconds'),
      residueSeconds: spreadSchema.describe('Seconds'),
      outageSeconds: spreadSchema.describe('Seconds'),
    })
    .optional()
    .describe('Of several times: shortest, median, longest'),
}

/** @internal */
export const settingsSchema = z.record(z.string(), z.union([z.number(), z.string(), z.null()]))

/** @internal */
export const resultSchema = z.looseObject({
  scenario: z.string().describe('Id of the scenario, with its arm behind a slash'),
  title: z.string().describe('Its title'),
  claim: z.string().describe('What it shows, in a sentence'),
  status: z
    .enum(['as-expected', 'unexpected', 'skipped', 'failed'])
    .describe(
      'as-expected and unexpected: by the rules; skipped: not played or not judged; failed: could not be measured',
    ),
  reason: z.string().optional().describe('Why it is not as expected'),
  bug: ruleIdSchema
    .optional()
    .describe('Id of the known bug of this kernel that explains what was not expected; see rules'),
  port: z.int().min(1).max(65535).optional().describe('The port that was restarted on'),
  predecessor: serverSchema.describe('The server before the restart'),
  successor: serverSchema.describe('The server after the restart'),
  residue: residueSchema.describe(
    'What was left on the port right before the first attempt; null if the system does not show it',
  ),
  amidTraffic: z
    .literal(true)
    .optional()
    .describe(
      'Clients came and went, so residue also holds whatever connections were open at that moment',
    ),
  bind: bindSchema
    .nullable()
    .describe('The bind attempts of the successor, null if there was no bind to judge'),
  outageSeconds: seconds
    .nullable()
    .describe('Predecessor stops accepting to successor accepts, in seconds; null if it never did'),
  measurements: z
    .record(z.string(), z.number())
    .optional()
    .describe('What else was counted or measured, by name; seconds if the name ends in Seconds'),
  client: z
    .looseObject({
      opener: z.enum(['node', 'native']).describe('node or native'),
      bind: z.enum(bindOptions).describe('Its bind options'),
    })
    .optional()
    .describe('How the client bound its local port'),
  calls: z
    .array(
      callSchema.extend({
        errno: z.int().optional().describe('Of the error, positive'),
        localPort: count.describe('The local port that it used, 0 if none'),
        seconds: seconds.describe('When it returned, in seconds since the run began'),
      }),
    )
    .optional()
    .describe('What bind() and connect() returned to a client that reconnects'),
  settings: settingsSchema.optional().describe("Kernel settings of the scenario's own namespace"),
  expected: expectedSchema
    .nullable()
    .describe('What the rules predict, null if there are none for this system'),
  packets: packetsSchema
    .optional()
    .describe('The packets of the port, until the outcome was known; absent if none were captured'),
  timeline: z
    .array(timelineEntrySchema)
    .describe('What both ends of the connections were seen to do, in order'),
  ...repetitionFields,
})

/** @internal */
export const hostSchema = z
  .looseObject({
    os: z.string().describe('As Node names it: linux, darwin, win32'),
    stack: z
      .enum(['linux', 'darwin', 'gvisor', 'windows', 'unknown'])
      .describe('Whose network stack it is'),
    label: z
      .string()
      .optional()
      .describe('What the system was called by --label, where it does not tell its version'),
    release: z.string().describe('Of the kernel, as uname -r prints it'),
    kernel: z
      .string()
      .optional()
      .describe('Upstream version of a Linux kernel, which decides about known bugs'),
    arch: z.string().describe('Of the processor, as Node names it'),
    node: z.string().describe('Version of Node'),
    libuv: z.string().describe('Version of libuv in that Node'),
    settings: settingsSchema.describe(
      'Kernel settings that decide about ports, by name; null: not readable',
    ),
    emulated: z
      .literal(true)
      .optional()
      .describe('The processor was emulated, so that times say nothing of precision'),
    ci: z.string().nullable().describe('Name of the CI, null outside of one'),
  })
  .describe('The machine that was measured')

/** @internal */
export const reportSchema = z.looseObject({
  format: z.literal('rebind-report'),
  version: z.literal(1),
  run: z
    .looseObject({
      id: z.string().describe('Name of the run folder'),
      startedAt: z.iso.datetime().describe('UTC, ISO 8601'),
      wallSeconds: seconds.describe('How long it took, in seconds'),
      rebind: z.string().describe('Version of Rebind'),
      command: z.array(z.string()).describe('Arguments of the command'),
      interrupted: z.string().optional().describe('The signal that ended the run early'),
      partial: z
        .literal(true)
        .optional()
        .describe('The run was killed: rebind report made this from its log'),
    })
    .describe('The run'),
  host: hostSchema,
  rules: ruleTableSchema.optional().describe('The texts of all rules that are named here, by id'),
  results: z.array(resultSchema).describe('A result per scenario, or per arm of one'),
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
export type ReportedPackets = NonNullable<Result['packets']>
export type LadderRow = ReportedPackets['ladder'][number]
export type TimelineEntry = Result['timeline'][number]
export type ServerReport = Result['predecessor']
export type ClientReport = NonNullable<Result['client']>
