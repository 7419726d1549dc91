import {createReadStream} from 'node:fs'
import {createInterface} from 'node:readline/promises'
import {z} from 'zod'
import {hostSchema, timelineEntrySchema} from './schema.ts'

const seconds = z.number()
const base = {scenario: z.string(), seconds, repetition: z.int().optional()}

const attemptSchema = z.looseObject({
  ...base,
  event: z.literal('bind-attempt'),
  attempt: z.int().positive(),
  outcome: z.enum(['refused', 'granted']),
  code: z.string().optional(),
  errno: z.int().optional(),
})

/** The events that a report is made from; all others are passed over. */
const eventSchema = z.discriminatedUnion('event', [
  attemptSchema,
  z.looseObject({
    ...base,
    event: z.literal('step'),
    step: z.string(),
    tookSeconds: z.number(),
  }),
  z.looseObject({...base, event: z.literal('state'), ...timelineEntrySchema.shape}),
  z.looseObject({...base, event: z.literal('result'), result: z.unknown().optional()}),
  z.looseObject({
    event: z.literal('run-start'),
    seconds,
    run: z.string(),
    startedAt: z.iso.datetime(),
    command: z.array(z.string()),
    host: hostSchema,
    scenarios: z.array(z.string()).optional(),
    limitSeconds: z.number().positive().optional(),
  }),
  z.looseObject({event: z.literal('run-end'), seconds}),
])

type LoggedEvent = z.infer<typeof eventSchema>
export type LoggedAttempt = z.infer<typeof attemptSchema>
export type LoggedStep = Extract<LoggedEvent, {event: 'step'}>
export type LoggedState = Extract<LoggedEvent, {event: 'state'}>
export type RunStart = Extract<LoggedEvent, {event: 'run-start'}>

/** What the log tells of one scenario; all but the results are of the first time that it was played. */
export interface ScenarioLog {
  attempts: LoggedAttempt[]
  steps: LoggedStep[]
  states: LoggedState[]
  /** The result of each repetition as it was when it ended; unchecked. */
  results: unknown[]
  endedAtSeconds?: number
}

export interface RunLog {
  start: RunStart | null
  scenarios: ReadonlyMap<string, ScenarioLog>
  /** False if the run was killed. */
  ended: boolean
  /** Of the last event, since the run began. */
  lastSeconds: number
  /** Lines that are no events: at most the last one, unless somebody else has written into the file. */
  unreadable: number
}

/**
 * Reads events.ndjson, line by line, up to wherever it breaks off.
 * @throws SystemError if there is no such file
 */
export async function readRunLog(file: string): Promise<RunLog> {
  const scenarios = new Map<string, ScenarioLog>()
  const log: {-readonly [key in keyof RunLog]: RunLog[key]} = {
    start: null,
    scenarios,
    ended: false,
    lastSeconds: 0,
    unreadable: 0,
  }
  const stream = createReadStream(file, 'utf8')
  for await (const line of createInterface({input: stream, crlfDelay: Number.POSITIVE_INFINITY})) {
    const read = eventOf(line)
    if (read === 'unreadable') log.unreadable++
    if (typeof read === 'string') continue
    log.lastSeconds = Math.max(log.lastSeconds, read.seconds)
    if (read.event === 'run-start') log.start ??= read
    else if (read.event === 'run-end') log.ended = true
    else add(scenarios, read)
  }
  return log
}

const known: ReadonlySet<unknown> = new Set([
  'bind-attempt',
  'step',
  'state',
  'result',
  'run-start',
  'run-end',
])

function eventOf(line: string): LoggedEvent | 'passed over' | 'unreadable' {
  try {
    const event = JSON.parse(line)
    if (!known.has(event?.event)) {
      return typeof event?.event === 'string' ? 'passed over' : 'unreadable'
    }
    return eventSchema.safeParse(event).data ?? 'unreadable'
  } catch {
    return 'unreadable'
  }
}

function add(
  scenarios: Map<string, ScenarioLog>,
  event: Exclude<LoggedEvent, {event: 'run-start' | 'run-end'}>,
): void {
  const log = scenarios.get(event.scenario) ?? {attempts: [], steps: [], states: [], results: []}
  scenarios.set(event.scenario, log)
  if (event.event === 'result') log.results.push(event.result)
  if ((event.repetition ?? 1) !== 1) return
  if (event.event === 'bind-attempt') log.attempts.push(event)
  else if (event.event === 'step') log.steps.push(event)
  else if (event.event === 'state') log.states.push(event)
  else log.endedAtSeconds = event.seconds
}
