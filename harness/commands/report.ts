import {existsSync} from 'node:fs'
import {stat} from 'node:fs/promises'
import {join, resolve} from 'node:path'
import {scenarios} from '../../scenarios/index.ts'
import {readObject, unreadable, validated} from '../documents/read-json.ts'
import type {Report} from '../documents/report-schema.ts'
import {exitStatus, UsageError} from '../errors.ts'
import {foldRunLog, partialReport} from '../run/partial-report.ts'
import {printable} from '../text.ts'
import {findingSentences} from '../views/findings.ts'
import {keptKinds, type RunDocument} from '../views/kinds.ts'
import {writeData, writeMarkdown, writePage} from '../views/write.ts'

export interface ReportOptions {
  open?: boolean
}

/**
 * `rebind report FOLDER`: rebuilds what people look at from the documents of a run folder; where the run
 * was killed, from its log.
 */
export async function report(path: string, options: ReportOptions): Promise<number> {
  const folder = {id: '', path: resolve(path), events: join(resolve(path), 'events.ndjson')}
  if (!(await isFolder(path))) {
    throw new UsageError(`${printable(path)} is not a folder; name a run folder, e.g. one in logs/`)
  }
  const documents = await documentsOf(path)
  const page = join(folder.path, 'report.html')
  if (documents.length === 0) {
    const made = await reportFromLog(path, folder.events)
    const sentences = sentencesOf(made)
    await writePage(folder, [await writeData(folder, made, sentences)], sentences)
    process.stderr.write(
      'rebind: the run ended before it wrote a report; this partial one is made from its log\n',
    )
  } else {
    const sentences = documents.flatMap((document) =>
      document.format === 'rebind-report' ? sentencesOf(document) : [],
    )
    for (const document of documents) await writeMarkdown(folder, document, sentences)
    await writePage(folder, documents, sentences)
  }
  process.stdout.write(`${printable(page)}\n`)
  if (options.open === true) await openPage(page)
  return exitStatus.asExpected
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException)
  }
}

/** @throws UsageError for a file that has a document's name and is none */
async function documentsOf(path: string): Promise<RunDocument[]> {
  const documents: RunDocument[] = []
  for (const [name, {schema}] of Object.entries(keptKinds)) {
    const file = join(path, `${name}.json`)
    if (!existsSync(file)) continue
    documents.push(validated<RunDocument>(file, await schema(), await readObject(file)))
  }
  return documents
}

/** @throws UsageError where there is no log, or none of a run of scenarios */
async function reportFromLog(path: string, events: string): Promise<Report> {
  const names = Object.keys(keptKinds).map((name) => `${name}.json`)
  if (!existsSync(events)) {
    throw new UsageError(
      `${printable(path)} contains neither events.ndjson nor ${names.join(', ')}; name a run folder, e.g. one in logs/`,
    )
  }
  const {log, seen} = await foldRunLog(events)
  const {start, scenarios: played} = log
  if (start === null || (start.scenarios === undefined && played.size === 0)) {
    throw new UsageError(
      `${printable(events)} is not the log of a scenario run, so no report can be made from it; repeat the run`,
    )
  }
  return partialReport(log, seen, start, scenarios)
}

function sentencesOf({results}: Report): string[] {
  return findingSentences(results, scenarios)
}

/** In whatever this system opens pages with. */
async function openPage(page: string): Promise<void> {
  const {default: open} = await import('open')
  const opener = await open(page)
  opener.on('error', ({message}) => {
    process.stderr.write(
      `rebind: the page cannot be opened here (${printable(message)}); open ${printable(page)}\n`,
    )
  })
}
