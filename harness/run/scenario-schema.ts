import {isIP} from 'node:net'
import * as z from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'
import {wireClaimIds} from '../platforms/wire-claims.ts'
import type {Scenario} from '../scenario.ts'
import {bindOptions} from '../sockets/bind-options.ts'

/**
 * The shape of a scenario that comes from elsewhere. Objects are closed: a misspelt field would be passed
 * over in silence, and the scenario would play another restart than the one that was meant.
 */
const address = z
  .string()
  .refine((text) => text === 'dual' || isIP(text) !== 0, 'must be an IP address or dual')

const socketFields = {
  opener: z.literal('node').optional(),
  bind: z.enum(bindOptions).optional(),
}
const serverFields = {
  ...socketFields,
  address: address.optional(),
  port: z.int().min(1).max(65_535).optional(),
  accepts: z.literal(false).optional(),
  hosted: z.literal(true).optional(),
  otherUser: z.literal(true).optional(),
  reads: z.boolean().optional(),
  inherited: z.literal(true).optional(),
  retry: z
    .strictObject({
      retries: z.number().optional(),
      factor: z.number().optional(),
      minTimeout: z.number().optional(),
      maxTimeout: z.number().optional(),
      randomize: z.boolean().optional(),
    })
    .optional(),
}
const nodeServerFields = {
  http: z.literal(true).optional(),
  cluster: z.literal(true).optional(),
  reusePort: z.literal(true).optional(),
}
const nodeServerNames = Object.keys(nodeServerFields)
const hasOneOpener = ({opener, bind}: {opener?: unknown; bind?: unknown}) =>
  (opener === undefined) !== (bind === undefined)
const oneOpener = `must have either opener: 'node' or bind: '${bindOptions.join("', '")}'`
const isNodeServer = (fields: {opener?: unknown}) =>
  fields.opener === 'node' || nodeServerNames.every((name) => !Object.hasOwn(fields, name))
const server = z
  .strictObject({...serverFields, ...nodeServerFields})
  .refine(hasOneOpener, oneOpener)
  .refine(isNodeServer, `can be ${nodeServerNames.join(', ')} only with opener: 'node'`)
const client = z.strictObject(socketFields).refine(hasOneOpener, oneOpener)
/** By name: of files below /proc/sys/net/ipv4, or sysctl(8)'s. */
const writtenSettings = z.record(
  z.string().regex(/^[\w.]+$/, 'must be the name of a setting'),
  z.union([z.number(), z.string()]),
)
const endState = z.enum(['none', ...tcpStates])

const fields = {
  title: z.string().min(1),
  claim: z.string().min(1),
  predecessor: server,
  successor: server.optional(),
  client: client.optional(),
  namespace: z
    .strictObject({
      settings: writtenSettings.optional(),
      dropsPackets: z.literal(true).optional(),
      destroysSockets: z.literal(true).optional(),
      onMacos: writtenSettings.optional(),
    })
    .optional(),
  script: z.custom(
    (script) => typeof script === 'function',
    'must be a function that runs the steps',
  ),
  residue: z.strictObject({
    server: endState,
    client: z.enum(tcpStates).optional(),
    later: z.enum(tcpStates).optional(),
    outgoing: z.literal(true).optional(),
    amidTraffic: z.literal(true).optional(),
    destroyed: z.literal(true).optional(),
    queued: z.int().positive().optional(),
    selfConnected: z.literal(true).optional(),
    reconnected: z.literal(true).optional(),
  }),
  bothListen: z.strictObject({connections: z.int().positive().optional()}).optional(),
  finSentAgain: z.literal(true).optional(),
  playsOn: z.literal(true).optional(),
  counts: z.record(z.string(), z.number()).optional(),
  atLeast: z.record(z.string(), z.number()).optional(),
  wire: z.array(z.enum(wireClaimIds)).optional(),
  advice: z
    .strictObject({
      says: z.string(),
      predicts: z.union([
        z.strictObject({verdict: z.enum(['immediate', 'delayed'])}),
        z.strictObject({residue: endState}),
        z.strictObject({withinSeconds: z.number()}),
      ]),
    })
    .optional(),
} satisfies Record<keyof Scenario, z.ZodType>

const scenarioSchema = z.strictObject({
  ...fields,
  arms: z
    .record(
      z
        .string()
        .regex(/^[\w.-]+$/, 'must be a name made of letters, digits, dots, dashes and underscores'),
      z.strictObject(fields).partial(),
    )
    .refine((arms) => Object.keys(arms).length > 0, 'must have at least one arm')
    .optional(),
})

/**
 * What is wrong with a value that should be a scenario, in words that follow its name; undefined if
 * nothing is.
 */
export function scenarioProblem(value: unknown): string | undefined {
  const {error} = scenarioSchema.safeParse(value)
  const [issue] = error?.issues ?? []
  if (issue === undefined) return undefined
  const where = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  return `${where}${issue.message.replace(/^Invalid (input|option): /, '')}`
}
