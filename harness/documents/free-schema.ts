import * as z from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'
import {hostSchema} from './report-schema.ts'

/** What `rebind free --json` prints. Objects are open: a field that a later version adds is kept. */
const end = z.looseObject({
  address: z.string().describe('IP address'),
  port: z.int().min(0).max(65_535).describe('TCP port'),
})

const stepSchema = z.looseObject({
  what: z
    .enum(['signal', 'destroy', 'wait'])
    .describe('A signal to a process, the destruction of a socket, or waiting'),
  pid: z
    .int()
    .positive()
    .nullable()
    .describe(
      'signal: the process; destroy: the process that has the socket, null if none has; wait: the process that finishes its work, null for the kernel',
    ),
  command: z.string().nullable().describe('Command line of that process'),
  signal: z.enum(['SIGTERM', 'SIGKILL']).nullable().describe('signal: which'),
  after: z
    .int()
    .positive()
    .optional()
    .describe(
      'signal: only if it still has the listening socket when this process, which started it, has not; absent for a server',
    ),
  socket: z
    .looseObject({
      state: z.enum(tcpStates).describe('TCP state'),
      local: end.describe('Its local end'),
      remote: end.nullable().describe('Its remote end; null for several with the same local end'),
    })
    .nullable()
    .describe('destroy: which'),
  count: z.int().positive().optional().describe('destroy: how many sockets without a process'),
  seconds: z
    .number()
    .nonnegative()
    .nullable()
    .describe(
      'wait: how long, or in plan at the latest; signal: until the process had ended, null if it had not',
    ),
})

const leftKinds = [
  'ancestor',
  'other-user',
  'editor',
  'session',
  'supervisor',
  'container',
  'init',
  'not-visible',
  'connection',
  'not-permitted',
] as const

const leftSchema = z.looseObject({
  kind: z.enum(leftKinds).describe('Why it is left alone'),
  pid: z.int().positive().nullable().describe('The process; null if not visible'),
  command: z.string().nullable().describe('Its command line'),
  because: z.string().describe('For a person, with what to do instead'),
})

export const freeSchema = z.looseObject({
  format: z.literal('rebind-free'),
  version: z.literal(1),
  host: hostSchema.describe('The machine'),
  port: z.int().min(1).max(65_535).describe('The port to free'),
  freed: z.boolean().describe('Whether a plain bind is granted now'),
  plan: z.array(stepSchema).describe('What it would do, or was about to do, in this order'),
  did: z.array(stepSchema).describe('What it did, in this order'),
  left: z.array(leftSchema).describe('What it leaves alone, so that the port cannot be freed'),
  restartedBy: z
    .looseObject({
      pid: z.int().positive().describe('Process id'),
      command: z.string().nullable().describe('Its command line'),
    })
    .optional()
    .describe('The process that started the server again; absent if none did'),
  because: z.string().describe('The outcome, for a person'),
})

export type Free = z.infer<typeof freeSchema>
export type FreeStep = z.infer<typeof stepSchema>
export type LeftAlone = z.infer<typeof leftSchema>
