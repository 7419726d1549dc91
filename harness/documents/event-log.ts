import {destination, pino} from 'pino'
import {monotonicSeconds} from '../clock.ts'
import {inertJson} from './json-text.ts'
import {onlyOurs} from './output-file.ts'

/** What happened, as it is written to events.ndjson. */
export interface EventFields {
  /** Monotonic seconds; written as `seconds` since the run began. */
  at: number
  scenario?: string
  [field: string]: unknown
}

/** Those of a restart (restart/events.ts has what each tells), and what happens around them. */
export type EventName =
  | ('process' | 'output' | 'settings' | 'port-lost' | 'listening' | 'step' | 'state' | 'residue')
  | ('restart' | 'pacing' | 'bind-attempt' | 'accepting' | 'call' | 'counts' | 'release')
  | ('too-late' | 'script-done' | 'warning' | 'packets')
  | ('run-start' | 'run-end' | 'result')

export interface EventLog {
  write(event: EventName, fields: EventFields): void
  /** Writes out what is still buffered, and closes the file. */
  close(): void
}

/** Logs the end of a run when first asked, and tells how many seconds it took: nothing in its log is later. */
export function endOfRun(log: EventLog, origin: number): () => number {
  let endedAt: number | undefined
  return () => {
    if (endedAt === undefined) {
      endedAt = monotonicSeconds()
      log.write('run-end', {at: endedAt})
    }
    return endedAt - origin
  }
}

/** For a run that writes nothing. */
export const noEventLog: EventLog = {write: () => undefined, close: () => undefined}

const bufferBytes = 8 * 1024
const flushEveryMilliseconds = 500
const frequentEvents: readonly EventName[] = ['bind-attempt', 'residue']

/**
 * Opens events.ndjson. Lines are written whole and at least twice a second, so that a killed run leaves a
 * log that can be read up to its last line.
 * @param origin monotonic seconds at which the run began
 */
export function openEventLog(file: string, run: string, origin: number): EventLog {
  const stream = destination({dest: file, sync: true, minLength: bufferBytes, mode: onlyOurs.file})
  const logger = pino(
    {base: {run}, timestamp: false},
    {write: (line) => void stream.write(inertJson(line))},
  )
  // A full disk is reported once by the report's own writing; it must not end the run.
  let broken = false
  stream.on('error', () => {
    broken = true
  })
  // Not flushSync: on a full disk sonic-boom 4.2 tries the same write for ever.
  const flush = () => {
    if (!broken) stream.flush()
  }
  const timer = setInterval(flush, flushEveryMilliseconds)
  timer.unref()
  return {
    write(event, {at, scenario = null, ...fields}) {
      if (broken) return
      logger.info({scenario, event, seconds: at - origin, ...fields})
      // What is rare is in the file before anybody is told of it; attempts, and the ports of a timing, come
      // too often for that.
      const isFirstAttempt = fields.attempt === 1 && scenario !== null
      if (!frequentEvents.includes(event) || isFirstAttempt) flush()
    },
    close() {
      clearInterval(timer)
      flush()
      if (broken) stream.destroy()
      else stream.end()
    },
  }
}
