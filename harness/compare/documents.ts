import {constants} from 'node:fs'
import {open, readdir, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {z} from 'zod'
import {UsageError} from '../errors.ts'
import {type Matrix, matrixSchema} from '../reports/matrix-schema.ts'
import {type Report, reportSchema} from '../reports/schema.ts'
import {printable} from '../reports/words.ts'

/** A full report is some 30 KB and a matrix some 2 MB; nothing of ours comes near this. */
const sizeLimitBytes = 32 * 1024 * 1024
const shownCharacters = 120
const shownPathCharacters = 300

interface Source {
  /** As it was named on the command line, or found below a folder that was. */
  file: string
}

export interface ReportDocument extends Source {
  kind: 'report'
  content: Report
}

export interface MatrixDocument extends Source {
  kind: 'matrix'
  content: Matrix
}

export type ComparableDocument = ReportDocument | MatrixDocument

const runFolderFiles = ['report.json', 'matrix.json']

/**
 * The documents of a file or of a run folder, which may hold a report, a matrix or both.
 * @throws UsageError in one line that names the file and says what to do, whatever is wrong with it
 */
export async function readDocuments(path: string): Promise<ComparableDocument[]> {
  const files = (await isFolder(path)) ? await filesOfRunFolder(path) : [path]
  return Promise.all(files.map(readDocument))
}

/**
 * Every document of a folder that holds recorded files and run folders; none if there is no such folder.
 * @throws UsageError as readDocuments does
 */
export async function readRecorded(folder: string): Promise<ComparableDocument[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw unreadable(folder, error)
  })
  const documents: ComparableDocument[] = []
  for (const name of names.sort()) {
    const path = join(folder, name)
    if (await isFolder(path)) documents.push(...(await readDocuments(path)))
    else if (name.endsWith('.json')) documents.push(await readDocument(path))
  }
  return documents
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException)
  }
}

async function filesOfRunFolder(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error) => {
    throw unreadable(folder, error)
  })
  const found = runFolderFiles.filter((name) => names.includes(name))
  if (found.length === 0) {
    throw refused(
      folder,
      'holds neither report.json nor matrix.json; name the folder of a finished run',
    )
  }
  return found.map((name) => join(folder, name))
}

async function readDocument(file: string): Promise<ComparableDocument> {
  const value = parse(file, await readText(file))
  const {format, version} = value
  if (format !== 'rebind-report' && format !== 'rebind-matrix') {
    const what = typeof format === 'string' ? `of the format "${shown(format)}"` : 'not of rebind'
    throw refused(file, `is a document ${what}; name what rebind run or rebind matrix wrote`)
  }
  if (typeof version === 'number' && version > 1) {
    throw refused(file, `has version ${version}, and this rebind knows version 1; update rebind`)
  }
  if (format === 'rebind-report') {
    const content = validated(file, reportSchema, value)
    checkReport(file, content)
    return {kind: 'report', file, content}
  }
  const content = validated(file, matrixSchema, value)
  checkMatrix(file, content)
  return {kind: 'matrix', file, content}
}

/** The size is looked at before a byte is read, and only regular files are opened: a FIFO would hang. */
async function readText(file: string): Promise<string> {
  try {
    const {size} = await regularFile(file)
    if (size > sizeLimitBytes) {
      const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`
      throw refused(
        file,
        `is ${megabytes(size)} large, and a document of rebind is never above ${megabytes(sizeLimitBytes)}; name a report.json or matrix.json`,
      )
    }
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const {buffer, bytesRead} = await handle.read(Buffer.alloc(size), 0, size, 0)
      return new TextDecoder().decode(buffer.subarray(0, bytesRead))
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw error instanceof UsageError ? error : unreadable(file, error as NodeJS.ErrnoException)
  }
}

async function regularFile(file: string) {
  const found = await stat(file)
  if (!found.isFile()) throw refused(file, 'is not a regular file; save the document to one')
  return found
}

/** Names that reach into the prototypes of objects; no document of rebind has them. */
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype'])

class ForbiddenKey extends Error {}

function parse(file: string, text: string): Record<string, unknown> {
  if (text.trim() === '') {
    throw refused(file, 'is empty; the run that was to write it did not finish, repeat it')
  }
  const value = parseJson(file, text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refused(file, 'is JSON, but no document of rebind; name a report.json or matrix.json')
  }
  return value as Record<string, unknown>
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text, (key, value) => {
      if (forbiddenKeys.has(key)) throw new ForbiddenKey(key)
      return value
    })
  } catch (error) {
    if (error instanceof ForbiddenKey) {
      throw refused(
        file,
        `has a key "${error.message}", as no document of rebind has; do not use it`,
      )
    }
    if (error instanceof RangeError) {
      throw refused(file, 'is nested deeper than any document of rebind; do not use it')
    }
    throw isCutOff(error as Error, text)
      ? refused(file, 'is cut off in the middle; fetch it once more, or repeat the run')
      : refused(file, 'is not JSON; name a report.json or matrix.json')
  }
}

/** V8 says where it stopped in the message alone: nowhere in particular, or at the very end. */
function isCutOff({message}: Error, text: string): boolean {
  if (/end of JSON input|Unterminated string/.test(message)) return text.trimStart().startsWith('{')
  const position = /at position (\d+)/.exec(message)?.[1]
  return position !== undefined && Number(position) >= text.trimEnd().length
}

function validated<T>(file: string, schema: z.ZodType<T>, value: unknown): T {
  const {data, error} = schema.safeParse(value)
  if (error === undefined) return data as T
  const [issue] = error.issues
  const where =
    issue === undefined || issue.path.length === 0
      ? ''
      : ` at ${shown(z.core.toDotPath(issue.path))}`
  throw refused(
    file,
    `is not as rebind writes it${where} (${shown(issue?.message ?? 'invalid')}); repeat the run that wrote it`,
  )
}

function checkReport(file: string, {host, results}: Report): void {
  checkHost(file, host)
  checkUnique(
    file,
    results.map(({scenario}) => scenario),
    'results',
  )
  for (const [index, {scenario, bind, expected, calls = []}] of results.entries()) {
    const at = `results[${index}]`
    checkName(file, `${at}.scenario`, scenario)
    checkName(file, `${at}.bind.firstError.code`, bind?.firstError?.code ?? '')
    checkName(file, `${at}.expected.code`, expected?.code ?? '')
    for (const [number, {outcome}] of calls.entries()) {
      checkName(file, `${at}.calls[${number}].outcome`, outcome)
    }
  }
}

function checkMatrix(file: string, {host, cells}: Matrix): void {
  checkHost(file, host)
  checkUnique(file, cells.map(cellKey), 'cells')
  for (const [index, {observed, expected}] of cells.entries()) {
    checkName(file, `cells[${index}].observed`, observed ?? '')
    checkName(file, `cells[${index}].expected`, expected ?? '')
  }
}

function checkHost(file: string, {os, release, arch, node}: Report['host']): void {
  for (const [name, text] of Object.entries({os, release, arch, node})) {
    checkName(file, `host.${name}`, text)
  }
}

/**
 * Names are repeated in every line and decide what is compared with what, so they have to be plain. Free
 * text, which may quote other programs, is made harmless where it is shown.
 */
function checkName(file: string, path: string, text: string): void {
  if (/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(text) || text.length > 200) {
    throw refused(
      file,
      `has a name at ${path} with control characters or of more than 200 characters, as rebind writes none; do not use it`,
    )
  }
}

function checkUnique(file: string, names: readonly string[], list: string): void {
  const seen = new Set<string>()
  for (const [index, name] of names.entries()) {
    if (seen.has(name)) {
      throw refused(
        file,
        `has at ${list}[${index}] what it had before; repeat the run that wrote it`,
      )
    }
    seen.add(name)
  }
}

/** Says which cell of the table it is, e.g. `TIME_WAIT none@127.0.0.1 -> both@0.0.0.0`. */
export function cellKey({
  residue,
  predecessor,
  successor,
}: Pick<Matrix['cells'][number], 'residue' | 'predecessor' | 'successor'>): string {
  return `${residue} ${predecessor.bind}@${predecessor.address} -> ${successor.bind}@${successor.address}`
}

function unreadable(path: string, {code}: NodeJS.ErrnoException): UsageError {
  return new UsageError(
    `cannot read ${shownPath(path)} (${code}); name a report.json, a matrix.json or a run folder`,
  )
}

function refused(file: string, problem: string): UsageError {
  return new UsageError(`${shownPath(file)} ${printable(problem)}`)
}

/** A file's name is at its end. */
function shownPath(path: string): string {
  const plain = printable(path)
  return plain.length > shownPathCharacters ? `...${plain.slice(-shownPathCharacters)}` : plain
}

function shown(text: string): string {
  const plain = printable(text)
  return plain.length > shownCharacters ? `${plain.slice(0, shownCharacters)}...` : plain
}
