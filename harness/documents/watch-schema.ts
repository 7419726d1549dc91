import {z} from 'zod'
import {tcpStates} from '../platforms/tcp-states.ts'

/** A line of `watch --json`. Objects are open: a field that a later version adds is kept. */
const end = z.looseObject({address: z.string(), port: z.int().min(0).max(65_535)})
const seconds = z.number().nonnegative()

const line = {
  format: z.literal('rebind-watch'),
  version: z.literal(1),
  port: z.int().min(1).max(65_535),
  /** Since the watch began. */
  seconds,
}

export const watchLineSchema = z.discriminatedUnion('change', [
  z.looseObject({
    ...line,
    change: z.enum(['appeared', 'changed', 'gone']),
    state: z.enum(tcpStates),
    /** The state before, if changed. */
    was: z.enum(tcpStates).optional(),
    local: end,
    remote: end,
    expiresInSeconds: seconds.nullable(),
    pid: z.int().positive().nullable(),
  }),
  /** A plain bind was granted, and the watch ends (--until-free). */
  z.looseObject({...line, change: z.literal('free')}),
])

export type WatchLine = z.infer<typeof watchLineSchema>
