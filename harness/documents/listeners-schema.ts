import * as z from 'zod'
import {hostSchema} from './report-schema.ts'
import {processDetails} from './why-schema.ts'

/** What `rebind why --json` prints without a port. Objects are open: a field that a later version adds is kept. */
const listenerSchema = z.looseObject({
  local: z
    .looseObject({
      address: z.string().describe('IP address'),
      port: z.int().min(1).max(65_535).describe('TCP port'),
    })
    .describe('Where it listens'),
  port: z.int().min(1).max(65_535).describe('The port of local'),
  pid: z
    .int()
    .positive()
    .nullable()
    .describe(
      'The process that has it: of several, one that none of them started; null if not visible',
    ),
  command: z.string().nullable().describe('Command line of that process'),
  user: z.string().nullable().describe('Name of its user'),
  ...processDetails,
  pids: z.array(z.int().positive()).describe('All processes that have it'),
})

export const listenersSchema = z.looseObject({
  format: z.literal('rebind-listeners'),
  version: z.literal(1),
  host: hostSchema.describe('The machine that was asked'),
  listeners: z.array(listenerSchema).describe('All listening TCP sockets, by port'),
  unseen: z.array(z.string()).describe('What could not be seen, and who could'),
})

export type Listeners = z.infer<typeof listenersSchema>
export type Listener = z.infer<typeof listenerSchema>
