import {readdir, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {type Matrix, matrixSchema} from '../documents/matrix-schema.ts'
import {readObject, refused, shown, unreadable, validated} from '../documents/read-json.ts'
import {type Report, reportSchema} from '../documents/report-schema.ts'

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

const runFolderFiles = ['report.json', 'matrix.json', 'report.json.gz', 'matrix.json.gz']

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
  for (const name of names.sort(byVersion)) {
    const path = join(folder, name)
    if (await isFolder(path)) documents.push(...(await readDocuments(path)))
    else if (/\.json(\.gz)?$/.test(name)) documents.push(await readDocument(path))
  }
  return documents
}

/** `linux-6.1` before `linux-6.12`, and that before `linux-6.18`. */
function byVersion(one: string, other: string): number {
  return one.localeCompare(other, 'en', {numeric: true})
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
  const value = await readObject(file)
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

function checkHost(
  file: string,
  {os, label = '', release, kernel = '', arch, node}: Report['host'],
): void {
  for (const [name, text] of Object.entries({os, label, release, kernel, arch, node})) {
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
