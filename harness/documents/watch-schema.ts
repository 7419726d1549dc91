import * as z from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'

/** A line of `watch --json`. Objects are open: a field that a later version adds is kept. */
const end = z.looseObject({
  address: z.string().describe('IP address'),
  port: z.int().min(0).max(65_535).describe('TCP port'),
})
const seconds = z.number().nonnegative()

const line = {
  format: z.literal('rebind-watch'),
  version: z.literal(1),
  port: z.int().min(1).max(65_535).describe('The port that is watched'),
  /** Since the watch began. */
  seconds: seconds.describe('Seconds since the watch began'),
}

export const watchLineSchema = z.discriminatedUnion('change', [
  z.looseObject({
    ...line,
    change: z.enum(['appeared', 'changed', 'gone']).describe('What happened to the socket'),
    state: z.enum(tcpStates).describe('TCP state, the last one if gone'),
    was: z.enum(tcpStates).optional().describe('The state before, if changed'),
    local: end.describe('Its local end'),
    remote: end.describe('Its remote end'),
    expiresInSeconds: seconds
      .nullable()
      .describe("What is left of the kernel's timer, in seconds; null if there is none"),
    pid: z
      .int()
      .positive()
      .nullable()
      .describe('The process that has it; null if none, or not visible'),
  }),
  /** A plain bind was granted, and the watch ends (--until-free). */
  z.looseObject({
    ...line,
    change: z
      .literal('free')
      .describe('A plain bind was granted, and the watch ends (--until-free)'),
  }),
])

export type WatchLine = z.infer<typeof watchLineSchema>
