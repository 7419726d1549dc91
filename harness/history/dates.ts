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
  const ofLog = await startInLog(join(dirname(file), 'events.ndjson'))
  if (ofLog !== undefined) return {at: ofLog, dated: 'log'}
  return {at: (await stat(file)).mtime.toISOString(), dated: 'file'}
}

/** The date in the last part of the path that has one. */
export function dateInPath(file: string): string | undefined {
  for (const name of resolve(file).split(sep).reverse()) {
    const [, year, month, day, hour = '00', minute = '00', second = '00'] =
      datePattern.exec(name) ?? []
    if (year === undefined) continue
    const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
    if (!Number.isNaN(date.getTime())) return date.toISOString()
  }
  return undefined
}

async function startInLog(file: string): Promise<string | undefined> {
  const handle = await open(file).catch(() => undefined)
  if (handle === undefined) return undefined
  try {
    if (!(await handle.stat()).isFile()) return undefined
    const {buffer, bytesRead} = await handle.read(Buffer.alloc(firstBytes), 0, firstBytes, 0)
    const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n')
    const date = new Date(JSON.parse(line).startedAt)
    return Number.isNaN(date.getTime()) ? undefined : date.toISOString()
  } catch {
    return undefined
  } finally {
    await handle.close()
  }
}
