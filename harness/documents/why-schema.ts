import * as z from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import {hostSchema} from './report-schema.ts'
import {ruleIdSchema, ruleTableSchema} from './rules.ts'

/** What `why --json` prints. Objects are open: a field that a later version adds is kept. */
const seconds = z.number().nonnegative()
const end = z.looseObject({
  address: z.string().describe('IP address'),
  port: z.int().min(0).max(65_535).describe('TCP port'),
})

/** @internal */
export const processDetails = {
  cwd: z.string().nullable().describe('Its working directory; null if not visible'),
  startedAt: z.iso
    .datetime()
    .nullable()
    .describe('When it was started, ISO 8601; null if not visible'),
  parents: z
    .array(
      z.looseObject({
        pid: z.int().positive().describe('Process id'),
        command: z.string().nullable().describe('Its command line; null if not visible'),
      }),
    )
    .describe('The process that started it, the one that started that, and so on'),
}

const processSchema = z.looseObject({
  ...z.object(processDetails).partial().shape,
  pid: z.int().positive().describe('Process id'),
  parent: z.int().nonnegative().nullable().describe('Process id of its parent'),
  uid: z.int().nonnegative().nullable().describe('Id of its user'),
  user: z.string().nullable().describe('Name of its user'),
  command: z.string().describe('Its command line'),
})

const socketSchema = z.looseObject({
  state: z.enum(tcpStates).describe('TCP state'),
  local: end.describe('Its local end'),
  remote: end.describe('Its remote end'),
  expiresInSeconds: seconds
    .nullable()
    .describe(
      "When the kernel's timer is due, in seconds; the port can come free a little later (see freeInSeconds)",
    ),
  pid: z.int().positive().nullable().describe('The first of processes'),
  command: z.string().nullable().describe('Command line of that process'),
  processes: z.array(processSchema).optional().describe('Who has the socket; absent if nobody has'),
  uid: z
    .int()
    .nonnegative()
    .optional()
    .describe('Who made the socket; absent if the system does not say'),
  outgoing: z
    .literal(true)
    .optional()
    .describe('A connection that was made from this port; absent if not'),
  more: z
    .looseObject({
      count: z.int().positive().describe('How many'),
      firstExpiresInSeconds: seconds.describe('When the first of them is due, in seconds'),
    })
    .optional()
    .describe(
      'So many more in its state on its local end are counted and not listed; all of them go before it',
    ),
})

const trialSchema = z.looseObject({
  address: z.string().describe('The address that was tried'),
  bind: z.enum(bindOptions).describe('With which options'),
  observed: z.string().describe('granted or the error code'),
})

const causeKinds = [
  'listener',
  'self-connection',
  'outgoing-connection',
  'open-connection',
  'closed-connection',
  'not-visible',
  'privileged-port',
  'address-not-local',
  'other-error',
  'unix-listener',
  'unix-not-listening',
  'unix-left-behind',
  'unix-no-permission',
  'unix-no-folder',
  'unix-not-a-socket',
] as const

const causeSchema = z.looseObject({
  kind: z.enum(causeKinds).describe('Which cause'),
  text: z.string().describe('For a person who has never heard of it'),
  sockets: z.int().positive().optional().describe('How many sockets it stands for'),
  rule: ruleIdSchema.optional().describe('Id of the rule that decides; see rules'),
  because: z.string().optional().describe('The condition of the operating system that decides'),
  source: z.string().optional().describe('Where its code has that condition: file:function'),
})

const adviceKinds = [
  'start',
  'wait',
  'set-option',
  'stop-process',
  'stop-container',
  'look-as-root',
  'reserve-port',
  'use-privilege',
  'use-other-address',
  'unlink',
  'check-path',
  'note',
] as const

const adviceSchema = z.looseObject({
  kind: z.enum(adviceKinds).describe('Which advice'),
  text: z.string().describe('For a person'),
  option: z.enum(bindOptions).optional().describe('set-option: which one'),
  helpsNow: z
    .boolean()
    .optional()
    .describe('set-option: whether it helps with what is on the port now'),
  rule: ruleIdSchema
    .optional()
    .describe('Id of the rule that it rests on, e.g. by which an option comes too late; see rules'),
  seconds: seconds.optional().describe('wait: at the latest, in seconds'),
  pid: z.int().positive().optional().describe('stop-process: which one'),
})

const answer = {
  format: z.literal('rebind-why'),
  version: z.literal(1),
  host: hostSchema.describe('The machine that was asked'),
  bindable: z
    .boolean()
    .nullable()
    .describe('Whether a plain bind would be granted now; null if that could not be tried'),
  causes: z.array(causeSchema).describe('Why it is as it is, the most important first'),
  advice: z.array(adviceSchema).describe('What to do, the best first'),
  rules: ruleTableSchema.optional().describe('The texts of all rules that are named here, by id'),
  unseen: z.array(z.string()).describe('What could not be seen, and who could'),
}

/** @internal */
export const whyPortSchema = z.looseObject({
  ...answer,
  port: z.int().min(1).max(65_535).describe('The port that was asked about'),
  sockets: z
    .array(socketSchema)
    .nullable()
    .describe('What is on the port; null if the system does not show it'),
  bind: z.array(trialSchema).describe('The binds that were tried; empty if none was'),
  refused: z
    .looseObject({
      code: z.string().describe('Code of its error'),
      address: z.string().nullable().describe('As the program named it; null if not known'),
      portFrom: z
        .enum(['command', 'variable'])
        .optional()
        .describe(
          'What the port was taken from because no message names one: the command line, or the variable PORT; absent if it is named',
        ),
    })
    .optional()
    .describe('The bind of a program that this explains; Rebind itself has then tried none'),
  freeInSeconds: seconds
    .nullable()
    .describe(
      'At the latest, by itself, in seconds; 0 if free now, null if that is up to somebody',
    ),
  freeInSecondsAtLeast: seconds.nullable().describe('At the earliest, in seconds'),
})

/** @internal */
export const whyPathSchema = z.looseObject({
  ...answer,
  path: z.string().describe('The Unix socket that was asked about'),
  processes: z.array(processSchema).describe('Who is bound to the path'),
})

/** Inferred, so that the declarations of the package import no zod; as in report-schema.ts. */
const readPort = (value: unknown) => whyPortSchema.parse(value)
const readPath = (value: unknown) => whyPathSchema.parse(value)

export type WhyPort = ReturnType<typeof readPort>
export type WhyPath = ReturnType<typeof readPath>
export type WhyProcess = WhyPath['processes'][number]
export type Cause = WhyPort['causes'][number]
export type Advice = WhyPort['advice'][number]
