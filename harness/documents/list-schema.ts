import * as z from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'
import {hostSchema, resultSchema} from './report-schema.ts'
import {ruleTableSchema} from './rules.ts'

/** What `rebind list --json` prints. Objects are open: a field that a later version adds is kept. */
const {scenario, title, claim, predecessor, successor, expected} = resultSchema.shape

const residueSchema = z.looseObject({
  server: z.enum(['none', ...tcpStates]).describe("State of the server's end, or none"),
  client: z.enum(tcpStates).optional().describe("State of the client's end; absent if it is gone"),
  later: z
    .enum(tcpStates)
    .optional()
    .describe("What the server's residue turns into; absent if nothing else"),
  outgoing: z
    .literal(true)
    .optional()
    .describe("The socket on the port is a client's, which connected from it; absent if not"),
  amidTraffic: z
    .literal(true)
    .optional()
    .describe('Clients come and go meanwhile, so there are other sockets, too; absent if not'),
  reconnected: z
    .literal(true)
    .optional()
    .describe('The client reconnects over it before the successor tries; absent if not'),
})

export const listSchema = z.looseObject({
  format: z.literal('rebind-list'),
  version: z.literal(1),
  stack: hostSchema.shape.stack.describe('Whose network stack it is predicted for'),
  groups: z
    .array(
      z.looseObject({
        id: z.string().describe('Id of the group'),
        title: z.string().describe('Its title'),
        lesson: z.string().describe('What its scenarios teach, in a sentence'),
      }),
    )
    .describe('The groups of scenarios, in the order of the story'),
  rules: ruleTableSchema.describe('The texts of all rules that are named here, by id'),
  scenarios: z
    .array(
      z.looseObject({
        ...{scenario, title, claim, predecessor, successor, expected},
        group: z.string().describe('Id of its group'),
        residue: residueSchema.describe('What is left on the port when the successor first tries'),
      }),
    )
    .describe('An entry per scenario, or per arm of one'),
})

export type ScenarioList = z.infer<typeof listSchema>
export type ListedScenario = ScenarioList['scenarios'][number]
