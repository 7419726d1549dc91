import {createReadStream} from 'node:fs'
import {z} from 'zod'
import {mostValuesIn, refused, regularFile} from './read-json.ts'
import {hostSchema, timelineEntrySchema} from './schema.ts'

const seconds = z.number().nonnegative()
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
    tookSeconds: seconds,
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

/** A result with its whole timeline is some 100 KB. */
const lineLimitCharacters = 1024 * 1024
/** Of what is kept in memory; a full run's log holds some 300,000. */
const valueLimit = 2_000_000
const unreadableLimit = 1000

/**
 * Reads events.ndjson, line by line, up to wherever it breaks off.
 * @throws UsageError for what is no file, or holds more events than can be kept; SystemError if there is none
 */
export async function readRunLog(file: string): Promise<RunLog> {
  await regularFile(file)
  const scenarios = new Map<string, ScenarioLog>()
  const log: {-readonly [key in keyof RunLog]: RunLog[key]} = {
    start: null,
    scenarios,
    ended: false,
    lastSeconds: 0,
    unreadable: 0,
  }
  let values = 0
  for await (const line of linesOf(file)) {
    const read = line === undefined ? 'unreadable' : eventOf(line)
    if (read === 'unreadable') log.unreadable++
    if (log.unreadable > unreadableLimit) {
      throw refused(file, `is no log of rebind: ${unreadableLimit} lines of it are no events`)
    }
    if (typeof read === 'string') continue
    log.lastSeconds = Math.max(log.lastSeconds, read.seconds)
    if (read.event === 'run-start') log.start ??= read
    else if (read.event === 'run-end') log.ended = true
    else if (add(scenarios, read)) values += mostValuesIn(line ?? '')
    if (values > valueLimit) {
      throw refused(file, 'tells of more than can be shown; look into it with jq or grep')
    }
  }
  return log
}

/** The lines of a file, the last one also if it is not ended; undefined for one that is too long. */
async function* linesOf(file: string): AsyncGenerator<string | undefined> {
  let partial: string | undefined = ''
  const append = (text: string) => {
    const isTooLong = partial === undefined || partial.length + text.length > lineLimitCharacters
    partial = isTooLong ? undefined : partial + text
  }
  for await (const text of createReadStream(file, 'utf8') as AsyncIterable<string>) {
    const [first = '', ...others] = text.split('\n')
    append(first)
    for (const other of others) {
      yield partial
      partial = ''
      append(other)
    }
  }
  if (partial !== '') yield partial
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

/** @returns whether anything of it is kept: of repetitions it is the results only */
function add(
  scenarios: Map<string, ScenarioLog>,
  event: Exclude<LoggedEvent, {event: 'run-start' | 'run-end'}>,
): boolean {
  const log = scenarios.get(event.scenario) ?? {attempts: [], steps: [], states: [], results: []}
  scenarios.set(event.scenario, log)
  if (event.event === 'result') log.results.push(event.result)
  if ((event.repetition ?? 1) !== 1) return event.event === 'result'
  if (event.event === 'bind-attempt') log.attempts.push(event)
  else if (event.event === 'step') log.steps.push(event)
  else if (event.event === 'state') log.states.push(event)
  else log.endedAtSeconds = event.seconds
  return true
}
