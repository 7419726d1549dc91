import {existsSync} from 'node:fs'
import {type RunFolder, writeJson, writeWhole} from '../documents/run-folder.ts'
import {readRunLog} from '../documents/run-log.ts'
import {UsageError} from '../errors.ts'
import {renderAsMarkdown} from '../render/markdown.ts'
import {printable} from '../text.ts'
import {bindGuideView, type GuidedComparison, hasBindGuide} from './bind-guide.ts'
import {kindOf, type RunDocument} from './kinds.ts'
import {markdownOf} from './markdown.ts'

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
  const kind = kindOf(document)
  try {
    const valid = await writeJson(folder, kind, document)
    await writeMarkdown(folder, valid, sentences)
    return valid
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    throw new Error(
      `${kind.name}.json was not written, or not all that belongs to it (${(error as Error).message}); make room, or choose another folder with --out DIR`,
    )
  }
}

/** Writes a document as Markdown, under its own name. */
export async function writeMarkdown(
  folder: Pick<RunFolder, 'path'>,
  document: RunDocument,
  sentences: readonly string[],
): Promise<void> {
  const {name} = kindOf(document)
  await writeWhole(folder, `${name}.md`, await markdownOf(document, {log: null, sentences}))
}

/** Writes report.html, the one page of all documents of the folder; and beside it what a comparison answers about binds. */
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
  for (const document of documents) {
    if (hasBindGuide(document)) await writeBindGuide(folder, document)
  }
}

async function writeBindGuide(
  folder: Pick<RunFolder, 'path'>,
  comparison: GuidedComparison,
): Promise<void> {
  const {renderViewAsPage} = await import('./html/render.ts')
  const view = bindGuideView(comparison)
  await writeWhole(folder, 'may-i-bind.md', renderAsMarkdown(view))
  await writeWhole(folder, 'may-i-bind.html', renderViewAsPage(view))
}

/** The log only adds to the page. */
function pageWithoutAttempts(error: unknown): null {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`rebind: ${error.message}; the page shows no attempts\n`)
  return null
}
