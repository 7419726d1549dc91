import {randomBytes} from 'node:crypto'
import {existsSync} from 'node:fs'
import {access, constants, mkdir, rename, rm, writeFile} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {UsageError} from '../errors.ts'
import {documentKinds, type RunDocument} from './documents.ts'
import {readRunLog} from './event-log.ts'
import {jsonText} from './json-text.ts'
import {onlyOurs} from './output-file.ts'
import {isReadable} from './read-json.ts'
import {printable} from './words.ts'

/** The folder that one run writes to. */
export interface RunFolder {
  id: string
  path: string
  /** events.ndjson inside it. */
  events: string
}

/** Run ids sort by time and do not collide when two runs start in the same second. */
export function runId(startedAt: Date): string {
  const time = startedAt
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')
  return `${time}-${randomBytes(2).toString('hex')}`
}

/**
 * Makes `<parent>/<run-id>/`.
 * @throws UsageError if that is not possible
 */
export async function makeRunFolder(parent: string, startedAt: Date): Promise<RunFolder> {
  const id = runId(startedAt)
  const path = join(resolve(parent), id)
  try {
    await makeFolders(resolve(parent))
    await access(resolve(parent), constants.W_OK)
    await mkdir(path, {mode: onlyOurs.folder})
    return {id, path, events: join(path, 'events.ndjson')}
  } catch (error) {
    throw new UsageError(
      `cannot write to ${parent} (${(error as NodeJS.ErrnoException).code}); choose another folder with --out DIR`,
    )
  }
}

/** Not `mkdir({recursive: true})`: on /proc, where mkdir is ENOENT for ever, Node 20 never returns from it. */
async function makeFolders(path: string): Promise<void> {
  if (existsSync(path)) return
  await makeFolders(dirname(path))
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    // A run that started at the same time may have made it.
    if (error.code !== 'EEXIST') throw error
  })
}

/** For what turns out to have been no run. */
export async function removeRunFolder({path}: RunFolder): Promise<void> {
  await rm(path, {recursive: true, force: true})
}

/**
 * Writes the documents of the run folder: the JSON, and what people look at. Whoever has measured something
 * prints it before, so that a full disk or a folder that is gone takes nothing but the files.
 * @param sentences what contradicts common advice
 * @throws ZodError if a document breaks its own contract; Error in one line if it cannot be written
 */
export async function writeDocuments(
  folder: RunFolder,
  documents: readonly RunDocument[],
  sentences: readonly string[] = [],
): Promise<void> {
  const valid: RunDocument[] = []
  for (const document of documents) valid.push(await writeData(folder, document, sentences))
  try {
    await writePage(folder, valid, sentences)
  } catch (error) {
    // What was measured is on disk by now; a page of it can be made at any time.
    process.stderr.write(
      `rebind: report.html was not made (${printable((error as Error).message)}); try: rebind report ${printable(folder.path)}\n`,
    )
  }
}

/**
 * Writes a document as JSON and Markdown, but no page.
 * @returns the document as it was written
 * @throws as `writeDocuments`; and Error if it is larger than what is read back
 */
export async function writeData(
  folder: RunFolder,
  document: RunDocument,
  sentences: readonly string[],
): Promise<RunDocument> {
  const {name, indent, load} = documentKinds[document.format]
  const valid = (await load()).schema.parse(document)
  // Line breaks are half of a large document.
  const text = [jsonText(valid, indent), jsonText(valid)].find(isReadable)
  if (text === undefined) {
    throw new Error(
      `${name}.json was not written: it would be larger than what rebind reads; measure less at once`,
    )
  }
  try {
    await writeWhole(folder, `${name}.json`, `${text}\n`)
    await writeMarkdown(folder, valid, sentences)
  } catch (error) {
    throw new Error(
      `${name}.json was not written, or not all that belongs to it (${(error as Error).message}); make room, or choose another folder with --out DIR`,
    )
  }
  return valid
}

/** Writes a document as Markdown, under its own name. */
export async function writeMarkdown(
  folder: Pick<RunFolder, 'path'>,
  document: RunDocument,
  sentences: readonly string[],
): Promise<void> {
  const {name, load} = documentKinds[document.format]
  const {markdown} = await load()
  await writeWhole(folder, `${name}.md`, markdown(document, {log: null, sentences}))
}

/** Writes report.html, the one page of all documents of the folder. */
export async function writePage(
  folder: Pick<RunFolder, 'path' | 'events'>,
  documents: readonly RunDocument[],
  sentences: readonly string[],
): Promise<void> {
  const {renderHtml} = await import('./html/render.ts')
  const log = existsSync(folder.events)
    ? await readRunLog(folder.events).catch(pageWithoutAttempts)
    : null
  await writeWhole(folder, 'report.html', await renderHtml(documents, {log, sentences}))
}

/** The log only adds to the page. */
function pageWithoutAttempts(error: unknown): null {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`rebind: ${error.message}; the page shows no attempts\n`)
  return null
}

/**
 * Writes a file of the run folder, whole or not at all. A name that nobody can guess is opened only if it is
 * new, and then takes the file's place, so that no link which somebody has put there is ever followed.
 * @throws SystemError of the file system
 */
async function writeWhole(
  {path}: Pick<RunFolder, 'path'>,
  name: string,
  text: string,
): Promise<void> {
  const part = join(path, `.${name}.${randomBytes(8).toString('hex')}.part`)
  try {
    await writeFile(part, text, {flag: 'wx', mode: onlyOurs.file})
    await rename(part, join(path, name))
  } catch (error) {
    await rm(part, {force: true})
    throw error
  }
}
