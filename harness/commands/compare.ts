import {existsSync} from 'node:fs'
import {createRequire} from 'node:module'
import {dirname, join, relative} from 'node:path'
import {judge} from '../compare/baseline.ts'
import {compare as sideBySide} from '../compare/compare.ts'
import {type ComparableDocument, readDocuments, readRecorded} from '../compare/documents.ts'
import {judgeByLast} from '../compare/last.ts'
import type {Comparison, Judgement} from '../documents/comparison-schema.ts'
import {makeRunFolder} from '../documents/run-folder.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {readRecords} from '../history/read.ts'
import {printable} from '../text.ts'
import {writeDocuments} from '../views/write.ts'
import {type OutputOptions, type Outputs, openOutputs, reportAtOnce} from './outputs.ts'

export interface CompareOptions extends OutputOptions {
  baseline?: string
  /** Of so many runs before the newest one. */
  baselineLast?: number
  out?: string
}

/**
 * Reports and matrices that were recorded on several systems come with the package, which is found by its
 * own name from the sources and from the compiled files alike.
 */
const packageFolder = dirname(createRequire(import.meta.url).resolve('rebind/package.json'))
const ofCheckout = join(packageFolder, 'logs', 'recorded')
/** What is packed has them compressed instead. */
const recordedFolder = existsSync(ofCheckout) ? ofCheckout : join(packageFolder, 'dist', 'recorded')

/** `rebind compare [PATH...]`: documents side by side, or one run against its baseline. */
export async function compare(paths: string[], options: CompareOptions): Promise<number> {
  if (options.baselineLast !== undefined) {
    return judgedByLast(paths, options.baselineLast, options)
  }
  return options.baseline === undefined
    ? showSideBySide(paths, options)
    : showJudgement(paths, options.baseline, options)
}

async function showSideBySide(paths: string[], options: CompareOptions): Promise<number> {
  const outputs = await openOutputs(options, {
    noVerdict:
      'name the run to judge by with --baseline PATH, or judge the newest with --baseline-last N',
  })
  const documents = paths.length === 0 ? await recorded() : await readAll(paths)
  return show(sideBySide(documents), outputs, options)
}

async function showJudgement(
  paths: string[],
  baseline: string,
  options: CompareOptions,
): Promise<number> {
  const [path, ...others] = paths
  if (path === undefined || others.length > 0) {
    throw new UsageError('--baseline judges one run; name one report, matrix or run folder')
  }
  const outputs = await openOutputs(options)
  const [old, judged] = [await readDocuments(baseline), await readDocuments(path)]
  return showVerdict(judge(old, judged), outputs, options)
}

/** The newest run below these folders, by the last ones before it. */
async function judgedByLast(
  paths: string[],
  count: number,
  options: CompareOptions,
): Promise<number> {
  if (paths.length === 0) {
    throw new UsageError('--baseline-last looks for runs in folders; name one or more, e.g. logs')
  }
  const outputs = await openOutputs(options)
  const records = await readRecords(paths)
  for (const {file, because} of records.skipped) {
    process.stderr.write(`rebind: passed over: ${printable(`${file} ${because}`)}\n`)
  }
  return showVerdict(judgeByLast(records, count), outputs, options)
}

async function showVerdict(
  judgement: Judgement,
  outputs: Outputs,
  options: CompareOptions,
): Promise<number> {
  const shown = await show(judgement, outputs, options)
  if (judgement.differences.length > 0) return exitStatus.unexpected
  return judgement.notCompared.length > 0 ? exitStatus.failed : shown
}

async function readAll(paths: readonly string[]): Promise<ComparableDocument[]> {
  const documents: ComparableDocument[] = []
  for (const path of paths) documents.push(...(await readDocuments(path)))
  return documents
}

/** @throws UsageError if nothing is recorded there */
async function recorded(): Promise<ComparableDocument[]> {
  const folder = relative(process.cwd(), recordedFolder)
  const documents = await readRecorded(folder.startsWith('..') ? recordedFolder : folder)
  if (documents.length > 0) return documents
  throw new UsageError(
    `nothing is recorded in ${recordedFolder}; name two reports, matrices or run folders, e.g. of logs/`,
  )
}

/** @returns the exit status, but for what was found */
async function show(
  document: Comparison | Judgement,
  outputs: Outputs,
  {out}: CompareOptions,
): Promise<number> {
  // Made before anything is printed, because a folder that cannot be is bad usage.
  const folder = out === undefined ? undefined : await makeRunFolder(out, new Date())
  return reportAtOnce(document, outputs, async () => {
    if (folder === undefined) return
    await writeDocuments(folder, [document])
    process.stderr.write(`Comparison: ${printable(folder.path)}\n`)
  })
}
