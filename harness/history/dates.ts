import {open, stat} from 'node:fs/promises'
import {dirname, join, resolve, sep} from 'node:path'
import type {HistoryRun} from '../documents/history-schema.ts'

/** When a run was, and what says so. */
type Dated = Pick<HistoryRun, 'at' | 'dated'>

/** `2026-11-27`, with or without a time, as run folders have it: `2026-11-27T14-40-03Z-1a2b`. */
const datePattern =
  /(?<!\d)(\d{4})-(\d\d)-(\d\d)(?:[T_ ](\d\d)[-:.]?(\d\d)(?:[-:.]?(\d\d))?)?(?!\d)/

/** Enough for the log's first line. */
const firstBytes = 64 * 1024

/**
 * When a document was made: as it says itself, or its path, or the log beside it; at worst the file's own time, which a
 * copy may have changed.
 */
export async function dateOf(file: string, ofDocument: string | undefined): Promise<Dated> {
  if (ofDocument !== undefined) return {at: new Date(ofDocument).toISOString(), dated: 'document'}
  const ofPath = dateInPath(file)
  if (ofPath !== undefined) return {at: ofPath, dated: 'path'}
  const ofLog = await startInLog(logBeside(file))
  if (ofLog !== undefined) return {at: ofLog, dated: 'log'}
  return {at: isoOf((await stat(file)).mtime) ?? longAgo, dated: 'file'}
}

/** When something was measured that cannot be read; null if neither its path nor the log beside it says so. */
export async function dateBeside(file: string): Promise<string | null> {
  return dateInPath(file) ?? (await startInLog(logBeside(file))) ?? null
}

/** The date in the last part of the path that has one. */
export function dateInPath(file: string): string | undefined {
  for (const name of resolve(file).split(sep).reverse()) {
    const [, year, month, day, hour = '00', minute = '00', second = '00'] =
      datePattern.exec(name) ?? []
    if (year === undefined) continue
    const date = isoOf(new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`))
    if (date !== undefined) return date
  }
  return undefined
}

function logBeside(file: string): string {
  return join(dirname(file), 'events.ndjson')
}

const longAgo = new Date(0).toISOString()

/** As documents write dates: undefined for one that is none, or whose year has not four digits. */
function isoOf(date: Date): string | undefined {
  const text = Number.isNaN(date.getTime()) ? '' : date.toISOString()
  return text.length === longAgo.length ? text : undefined
}

async function startInLog(file: string): Promise<string | undefined> {
  const handle = await open(file).catch(() => undefined)
  if (handle === undefined) return undefined
  try {
    if (!(await handle.stat()).isFile()) return undefined
    const {buffer, bytesRead} = await handle.read(Buffer.alloc(firstBytes), 0, firstBytes, 0)
    const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n')
    return isoOf(new Date(JSON.parse(line).startedAt))
  } catch {
    return undefined
  } finally {
    await handle.close()
  }
}
