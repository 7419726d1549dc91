import {monotonicSeconds} from '../clock.ts'
import {type EventLog, endOfRun, openEventLog} from '../documents/event-log.ts'
import {type Machine, readMachine} from '../documents/host.ts'
import {makeRunFolder, type RunFolder, removeRunFolder} from '../documents/run-folder.ts'
import {exitStatus, UsageError} from '../errors.ts'
import type {Reported} from '../feeds/reporters.ts'
import {printable} from '../text.ts'
import type {RunDocument} from '../views/kinds.ts'
import {writeDocuments} from '../views/write.ts'
import {listenForInterruption} from './interruption.ts'
import type {Outputs} from './outputs.ts'

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
  /** Tells a person on stderr how it goes on; with --quiet, nothing is written. */
  tell(line: string): void
}

/** What has been measured, and what becomes of it. */
export interface Outcome {
  /** Written in this order; the folder's one page shows them all. */
  documents: RunDocument[]
  /** Which of them is reported; by default the last one, null if none. */
  reported?: RunDocument | null
  /** What contradicts common advice. */
  sentences?: readonly string[]
  /** Unless it was interrupted, which has an exit status of its own. */
  status: number
  /** Said when all is written, unless it was interrupted. */
  complaint?: string | undefined
  /** The last line on stderr where stdout is not for a person. */
  closing?: string
}

/** How a command reports, and where it leaves its folder. */
export interface SessionOptions {
  out: string
  outputs: Outputs
  /** Nothing is told but errors and warnings. */
  quiet?: boolean | undefined
  /** What this system is called; by default nothing but what it says of itself. */
  label?: string | undefined
  /** What else the log's first event says. */
  started?: Readonly<Record<string, unknown>>
}

/**
 * What the commands that measure have in common: a run folder with its log, signals that end it early, and then,
 * in this order, print, write, tell where, exit status. What was measured is printed before anything of it is
 * written, so that a full disk takes nothing but the files.
 * @returns the exit status
 * @throws UsageError if the folder cannot be made, or as `measure` does: then there was no run, and no folder is left
 */
export async function inSession(
  {out, outputs, quiet = false, label, started = {}}: SessionOptions,
  measure: (session: Session) => Promise<Outcome>,
): Promise<number> {
  const startedAt = new Date()
  const origin = monotonicSeconds()
  const folder = await makeRunFolder(out, startedAt)
  const tell = quiet ? () => undefined : (line: string) => void process.stderr.write(`${line}\n`)
  const interruption = listenForInterruption()
  try {
    const machine = await readMachine(label)
    const log = openEventLog(folder.events, folder.id, origin)
    const {signal} = interruption
    const session: Session = {
      ...{...machine, folder, log, startedAt, origin},
      command: process.argv.slice(2),
      ended: endOfRun(log, origin),
      interruption: signal,
      interrupted: () => (signal.aborted ? {interrupted: String(signal.reason)} : {}),
      tell,
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
    const reported = reportedOf(outcome, session)
    if (reported !== null) await outputs.print(reported)
    const folderWritten = await written(session, outcome)
    if (outcome.complaint !== undefined && !signal.aborted) {
      process.stderr.write(`rebind: ${printable(outcome.complaint)}\n`)
    }
    const allWritten = reported === null || (await outputs.write(reported))
    if (outcome.closing !== undefined && !outputs.forPeople) tell(outcome.closing)
    const status = interruption.exitStatus() ?? outcome.status
    return status === exitStatus.asExpected && !(folderWritten && allWritten)
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
async function written({folder, tell}: Session, {documents, sentences}: Outcome): Promise<boolean> {
  try {
    await writeDocuments(folder, documents, sentences)
    tell(`Logs and report: ${printable(folder.path)}`)
    return true
  } catch (error) {
    process.stderr.write(`rebind: ${printable((error as Error).message)}\n`)
    return false
  }
}

function reportedOf(
  {documents, reported = documents.at(-1) ?? null, sentences = []}: Outcome,
  {folder, startedAt, ended, interrupted}: Session,
): Reported | null {
  if (reported === null) return null
  const occasion = {
    id: folder.id,
    startedAt: startedAt.toISOString(),
    wallSeconds: ended(),
    ...interrupted(),
  }
  return {document: reported, sentences, occasion}
}
