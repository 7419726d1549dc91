import {monotonicSeconds} from '../clock.ts'
import {type EventLog, endOfRun, openEventLog} from '../documents/event-log.ts'
import {type Machine, readMachine} from '../documents/host.ts'
import {jsonText} from '../documents/json-text.ts'
import type {RunDocument} from '../documents/kinds.ts'
import {makeRunFolder, type RunFolder, removeRunFolder} from '../documents/run-folder.ts'
import {exitStatus, UsageError} from '../errors.ts'
import type {View} from '../render/model.ts'
import {renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {writeDocuments} from '../views/write.ts'
import {listenForInterruption} from './interruption.ts'

/** What a command that measures is given. */
export interface Session extends Machine {
  folder: RunFolder
  log: EventLog
  startedAt: Date
  /** When it began, monotonic seconds; the log counts from there. */
  origin: number
  /** As it was typed, without the program's name. */
  command: string[]
  /** Ends the run, the first time, and tells how many seconds it took. */
  ended(): number
  /** Aborted with the signal's name as its reason. */
  interruption: AbortSignal
  /** For a document: which signal has ended it early, if one has. */
  interrupted(): {interrupted?: string}
}

/** What has been measured, and what becomes of it. */
export interface Outcome {
  /** Written in this order; the folder's one page shows them all. */
  documents: RunDocument[]
  /** What contradicts common advice. */
  sentences?: readonly string[]
  print(): void
  /** Unless it was interrupted, which has an exit status of its own. */
  status: number
  /** Said when all is written, unless it was interrupted. */
  complaint?: string | undefined
  /** What else is told and written; whether it could be. */
  afterwards?(): Promise<boolean>
}

/**
 * What the commands that measure have in common: a run folder with its log, signals that end it early, and then,
 * in this order, print, write, tell where, exit status. What was measured is printed before anything of it is
 * written, so that a full disk takes nothing but the files.
 * @param started what else the log's first event tells
 * @returns the exit status
 * @throws UsageError if the folder cannot be made, or as `measure` does: then there was no run, and no folder is left
 */
export async function inSession(
  out: string,
  measure: (session: Session) => Promise<Outcome>,
  started: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const folder = await makeRunFolder(out, startedAt)
  const interruption = listenForInterruption()
  try {
    const machine = await readMachine()
    const log = openEventLog(folder.events, folder.id, origin)
    const {signal} = interruption
    const session: Session = {
      ...{...machine, folder, log, startedAt, origin},
      command: process.argv.slice(2),
      ended: endOfRun(log, origin),
      interruption: signal,
      interrupted: () => (signal.aborted ? {interrupted: String(signal.reason)} : {}),
    }
    const {command} = session
    const {host} = machine
    log.write('run-start', {
      ...{at: origin, startedAt: startedAt.toISOString(), command, host},
      ...started,
    })
    const outcome = await measure(session).finally(() => {
      session.ended()
      log.close()
    })
    outcome.print()
    const allWritten = await written(folder, outcome)
    if (outcome.complaint !== undefined && !signal.aborted) {
      process.stderr.write(`rebind: ${outcome.complaint}\n`)
    }
    const afterwards = (await outcome.afterwards?.()) ?? true
    const status = interruption.exitStatus() ?? outcome.status
    return status === exitStatus.asExpected && !(allWritten && afterwards)
      ? exitStatus.failed
      : status
  } catch (error) {
    if (error instanceof UsageError) await removeRunFolder(folder)
    throw error
  } finally {
    interruption.dispose()
  }
}

/** Whether all of it could be. */
async function written(folder: RunFolder, {documents, sentences}: Outcome): Promise<boolean> {
  try {
    await writeDocuments(folder, documents, sentences)
    process.stderr.write(`Logs and report: ${printable(folder.path)}\n`)
    return true
  } catch (error) {
    process.stderr.write(`rebind: ${printable((error as Error).message)}\n`)
    return false
  }
}

/** Draws a document on a terminal by its view. */
export function inTerminal<Document>(viewOf: (document: Document) => View) {
  return (document: Document, columns: number | undefined) =>
    renderForTerminal(viewOf(document), columns)
}

/** The document itself, or what a person reads of it. */
export function printDocument<Document extends RunDocument>(
  document: Document,
  isJson: boolean | undefined,
  render: (document: Document, columns: number | undefined) => string,
): void {
  process.stdout.write(
    isJson === true ? `${jsonText(document)}\n` : render(document, columnsOf(process.stdout)),
  )
}
