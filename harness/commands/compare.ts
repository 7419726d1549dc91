import {existsSync} from 'node:fs'
import {createRequire} from 'node:module'
import {dirname, join, relative} from 'node:path'
import {judge} from '../compare/baseline.ts'
import {compare as sideBySide} from '../compare/compare.ts'
import {type ComparableDocument, readDocuments, readRecorded} from '../compare/documents.ts'
import type {Comparison, Judgement} from '../documents/comparison-schema.ts'
import {jsonText} from '../documents/json-text.ts'
import {makeRunFolder, type RunFolder} from '../documents/run-folder.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {renderAsMarkdown} from '../render/markdown.ts'
import type {View} from '../render/model.ts'
import {renderForTerminal} from '../render/terminal.ts'
import {columnsOf} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {comparisonView, judgementView} from '../views/comparison.ts'
import {writeDocuments} from '../views/write.ts'

export interface CompareOptions {
  json?: boolean
  format: 'text' | 'markdown'
  baseline?: string
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
  if (options.json === true && options.format === 'markdown') {
    throw new UsageError('--json and --format markdown exclude each other; choose one')
  }
  return options.baseline === undefined
    ? showSideBySide(paths, options)
    : showJudgement(paths, options.baseline, options)
}

async function showSideBySide(paths: string[], options: CompareOptions): Promise<number> {
  const documents = paths.length === 0 ? await recorded() : await readAll(paths)
  const compared = sideBySide(documents)
  const folder = await folderIn(options.out)
  print(compared, comparisonView(compared), options)
  await write(compared, folder)
  return exitStatus.asExpected
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
  const [old, judged] = [await readDocuments(baseline), await readDocuments(path)]
  const judgement = judge(old, judged)
  const folder = await folderIn(options.out)
  print(judgement, judgementView(judgement), options)
  await write(judgement, folder)
  if (judgement.differences.length > 0) return exitStatus.unexpected
  return judgement.notCompared.length > 0 ? exitStatus.failed : exitStatus.asExpected
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

/** Made before anything is printed, because a folder that cannot be is bad usage. */
async function folderIn(out: string | undefined): Promise<RunFolder | undefined> {
  return out === undefined ? undefined : makeRunFolder(out, new Date())
}

async function write(
  document: Comparison | Judgement,
  folder: RunFolder | undefined,
): Promise<void> {
  if (folder === undefined) return
  await writeDocuments(folder, [document])
  process.stderr.write(`Comparison: ${printable(folder.path)}\n`)
}

function print(document: Comparison | Judgement, view: View, {json, format}: CompareOptions): void {
  if (json === true) process.stdout.write(`${jsonText(document)}\n`)
  else if (format === 'markdown') process.stdout.write(renderAsMarkdown(view))
  else process.stdout.write(renderForTerminal(view, columnsOf(process.stdout)))
}
