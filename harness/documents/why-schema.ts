import {z} from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'
import {bindOptions} from '../sockets/bind-options.ts'
import {hostSchema} from './report-schema.ts'
import {ruleIdSchema, ruleTableSchema} from './rules.ts'

/** What `why --json` prints. Objects are open: a field that a later version adds is kept. */
const seconds = z.number().nonnegative()
const end = z.looseObject({address: z.string(), port: z.int().min(0).max(65_535)})

const processSchema = z.looseObject({
  pid: z.int().positive(),
  parent: z.int().nonnegative().nullable(),
  uid: z.int().nonnegative().nullable(),
  user: z.string().nullable(),
  command: z.string(),
})

const socketSchema = z.looseObject({
  state: z.enum(tcpStates),
  local: end,
  remote: end,
  /** When the kernel's timer is due; the port can come free a little later (see freeInSeconds). */
  expiresInSeconds: seconds.nullable(),
  /** The first of `processes`. */
  pid: z.int().positive().nullable(),
  command: z.string().nullable(),
  /** Absent where there is none. */
  processes: z.array(processSchema).optional(),
  /** Who made the socket, where the OS tells. */
  uid: z.int().nonnegative().optional(),
  /** A connection that was made from this port; absent if not. */
  outgoing: z.literal(true).optional(),
  /** So many more of its state on its local end are counted and not listed: all of them are gone before it. */
  more: z.looseObject({count: z.int().positive(), firstExpiresInSeconds: seconds}).optional(),
})

const trialSchema = z.looseObject({
  address: z.string(),
  bind: z.enum(bindOptions),
  /** `granted` or the OS's error code. */
  observed: z.string(),
})

const causeKinds = [
  'listener',
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
  kind: z.enum(causeKinds),
  /** For a person who has never heard of it. */
  text: z.string(),
  /** How many sockets it stands for. */
  sockets: z.int().positive().optional(),
  /** The rule that decides, its condition, and where the operating system's code has it. */
  rule: ruleIdSchema.optional(),
  because: z.string().optional(),
  source: z.string().optional(),
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
  kind: z.enum(adviceKinds),
  text: z.string(),
  /** set-option: which one, and whether that helps with what is on the port now. */
  option: z.enum(bindOptions).optional(),
  helpsNow: z.boolean().optional(),
  /** set-option: the rule by which it comes too late. */
  rule: ruleIdSchema.optional(),
  /** wait: at the latest. */
  seconds: seconds.optional(),
  pid: z.int().positive().optional(),
})

const answer = {
  format: z.literal('rebind-why'),
  version: z.literal(1),
  host: hostSchema,
  /** Whether a plain bind would be granted now; null if that could not be tried. */
  bindable: z.boolean().nullable(),
  causes: z.array(causeSchema),
  advice: z.array(adviceSchema),
  rules: ruleTableSchema.optional(),
  /** What could not be seen, and who could. */
  unseen: z.array(z.string()),
}

export const whyPortSchema = z.looseObject({
  ...answer,
  port: z.int().min(1).max(65_535),
  /** Null where the OS does not show them. */
  sockets: z.array(socketSchema).nullable(),
  bind: z.array(trialSchema),
  /** At the latest, by itself; 0 if free now, null if that is up to somebody. */
  freeInSeconds: seconds.nullable(),
  /** At the earliest. */
  freeInSecondsAtLeast: seconds.nullable(),
})

export const whyPathSchema = z.looseObject({
  ...answer,
  path: z.string(),
  /** Who is bound to the path. */
  processes: z.array(processSchema),
})

export type WhyPort = z.infer<typeof whyPortSchema>
export type WhyPath = z.infer<typeof whyPathSchema>
export type Cause = z.infer<typeof causeSchema>
export type Advice = z.infer<typeof adviceSchema>
