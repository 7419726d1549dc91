import {createReadStream} from 'node:fs'
import * as z from 'zod'
import type {UsageError} from '../errors.ts'
import {mostValuesIn, refused, regularFile} from './read-json.ts'
import {
  hostSchema,
  type Repetition,
  type Result,
  repetitionSchema,
  resultSchema,
  timelineEntrySchema,
} from './report-schema.ts'

const seconds = z.number().nonnegative()
const base = {scenario: z.string(), seconds, repetition: z.int().optional()}

const attemptSchema = z.object({
  ...base,
  event: z.literal('bind-attempt'),
  attempt: z.int().positive(),
  outcome: z.enum(['refused', 'granted']),
  code: z.string().optional(),
  errno: z.int().optional(),
})

/** The events that a report is made from; all others are passed over, and so are fields that it does not need. */
const eventSchema = z.discriminatedUnion('event', [
  attemptSchema,
  z.object({
    ...base,
    event: z.literal('step'),
    step: z.string(),
    tookSeconds: seconds,
  }),
  z.object({...base, event: z.literal('state'), ...timelineEntrySchema.shape}),
  z.object({...base, event: z.literal('result'), result: z.unknown().optional()}),
  z.object({
    event: z.literal('run-start'),
    seconds,
    run: z.string(),
    startedAt: z.iso.datetime(),
    command: z.array(z.string()),
    host: hostSchema,
    scenarios: z.array(z.string()).optional(),
    limitSeconds: z.number().positive().optional(),
  }),
  z.object({event: z.literal('run-end'), seconds}),
])

type LoggedEvent = z.infer<typeof eventSchema>
export type LoggedAttempt = z.infer<typeof attemptSchema>
export type LoggedStep = Extract<LoggedEvent, {event: 'step'}>
export type LoggedState = Extract<LoggedEvent, {event: 'state'}>
export type RunStart = Extract<LoggedEvent, {event: 'run-start'}>

/** What the log tells of one scenario; all but `repetitions` is of the first time that it was played. */
export interface ScenarioLog {
  attempts: LoggedAttempt[]
  steps: LoggedStep[]
  states: LoggedState[]
  /** As it was when the first repetition ended. */
  result?: Result
  /** What a report tells of the others, in the order in which they ended. */
  repetitions: Repetition[]
  endedAtSeconds?: number
}

export interface RunLog {
  start: RunStart | null
  scenarios: ReadonlyMap<string, ScenarioLog>
  /** False if the run was killed. */
  ended: boolean
  /** Of the last event, since the run began. */
  lastSeconds: number
  /** Lines that are not events: at most the last one, unless somebody else has written into the file. */
  unreadable: number
}

/** A result with its whole timeline is some 100 KB. */
const lineLimitCharacters = 1024 * 1024
/** A full run's log is some 5 MB; reading this takes some ten seconds. */
const fileLimitBytes = 256 * 1024 * 1024
/** Of what is kept in memory, where a value of two characters takes fifty bytes; a full run's log holds some 300,000. */
const valueLimit = 1_000_000
const characterLimit = 32 * 1024 * 1024
/** Built-in and of the user's own. */
const scenarioLimit = 1000
const unreadableLimit = 1000
const remedy = 'inspect it with jq or grep'

/**
 * Reads events.ndjson, line by line, up to wherever it breaks off.
 * @param follow told of every event, as it was written, and whoever wrote it
 * @throws UsageError for what is not a file, or holds more events than can be kept; SystemError if there is none
 */
export async function readRunLog(
  file: string,
  follow: (event: unknown) => void = () => undefined,
): Promise<RunLog> {
  const {size} = await regularFile(file)
  if (size > fileLimitBytes) {
    throw refused(file, `is ${Math.ceil(size / 1024 / 1024)} MB large; ${remedy}`)
  }
  const scenarios = new Map<string, ScenarioLog>()
  const log: {-readonly [key in keyof RunLog]: RunLog[key]} = {
    start: null,
    scenarios,
    ended: false,
    lastSeconds: 0,
    unreadable: 0,
  }
  let values = 0
  let characters = 0
  for await (const line of linesOf(file)) {
    const written = line === undefined ? undefined : parsed(line)
    const read = eventOf(written)
    if (read !== 'unreadable') follow(written)
    if (read === 'unreadable') log.unreadable++
    if (log.unreadable > unreadableLimit) {
      throw refused(file, `is not a rebind log: ${unreadableLimit} of its lines are not events`)
    }
    if (typeof read === 'string') continue
    log.lastSeconds = Math.max(log.lastSeconds, read.seconds)
    if (read.event === 'run-start') log.start ??= read
    else if (read.event === 'run-end') log.ended = true
    else {
      const kept = add(scenarios, read)
      values += mostValuesIn(kept)
      characters += kept.length
    }
    if (values > valueLimit || characters > characterLimit || scenarios.size > scenarioLimit) {
      throw tellsTooMuch(file)
    }
  }
  return log
}

export function tellsTooMuch(file: string): UsageError {
  return refused(file, `contains more than can be shown; ${remedy}`)
}

/** The lines of a file, the last one also if it is not ended; undefined for one that is too long. */
async function* linesOf(file: string): AsyncGenerator<string | undefined> {
  let partial: string | undefined = ''
  const append = (text: string) => {
    const isTooLong = partial === undefined || partial.length + text.length > lineLimitCharacters
    partial = isTooLong ? undefined : partial + text
  }
  // Somebody may still be writing into it.
  const chunks: AsyncIterable<string> = createReadStream(file, {
    encoding: 'utf8',
    end: fileLimitBytes,
  })
  for await (const text of chunks) {
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

/** Undefined for what is not JSON, as a line that is cut off. */
function parsed(line: string): {event?: unknown} | null | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function eventOf(read: ReturnType<typeof parsed>): LoggedEvent | 'passed over' | 'unreadable' {
  if (!known.has(read?.event)) {
    return typeof read?.event === 'string' ? 'passed over' : 'unreadable'
  }
  return eventSchema.safeParse(read).data ?? 'unreadable'
}

/** @returns the JSON of what is kept of it, empty if nothing is */
function add(
  scenarios: Map<string, ScenarioLog>,
  event: Exclude<LoggedEvent, {event: 'run-start' | 'run-end'}>,
): string {
  const isFirst = (event.repetition ?? 1) === 1
  if (!isFirst && event.event !== 'result') return ''
  const log = scenarios.get(event.scenario) ?? {
    attempts: [],
    steps: [],
    states: [],
    repetitions: [],
  }
  scenarios.set(event.scenario, log)
  if (event.event === 'result') {
    if (isFirst) log.endedAtSeconds = event.seconds
    return addResult(log, event)
  }
  if (event.event === 'bind-attempt') log.attempts.push(event)
  else if (event.event === 'step') log.steps.push(event)
  else log.states.push(event)
  return JSON.stringify(event)
}

const toldOfRepetition = repetitionSchema.strip()

function addResult(
  log: ScenarioLog,
  {scenario, result}: Extract<LoggedEvent, {event: 'result'}>,
): string {
  if (log.result === undefined) {
    const {data} = resultSchema.safeParse(result)
    if (data?.scenario !== scenario) return ''
    log.result = data
    return JSON.stringify(data)
  }
  const {data} = toldOfRepetition.safeParse(result)
  if (data === undefined) return ''
  log.repetitions.push(data)
  return JSON.stringify(data)
}
