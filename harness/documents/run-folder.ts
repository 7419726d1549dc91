import {randomBytes} from 'node:crypto'
import {existsSync} from 'node:fs'
import {access, constants, mkdir, rename, rm, writeFile} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import type {z} from 'zod'
import {UsageError} from '../errors.ts'
import {jsonText} from './json-text.ts'
import {onlyOurs} from './output-file.ts'
import {isReadable} from './read-json.ts'

/** The folder that one run writes to. */
export interface RunFolder {
  id: string
  path: string
  /** events.ndjson inside it. */
  events: string
}

/** How a kind of document is written. */
interface Stored<Document> {
  /** Of its files, without the ending. */
  name: string
  schema(): Promise<z.ZodType<Document>>
  indent?: number
}

/** Run ids sort by time and do not collide when two runs start in the same second. */
export function runId(startedAt: Date): string {
  const time = startedAt
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')
  return `${time}-${randomBytes(2).toString('hex')}`
}

/** Whether a folder's name is that of a run. */
export function isRunId(name: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T[\d-]+Z-[0-9a-f]+$/.test(name)
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
export async function makeFolders(path: string): Promise<void> {
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
 * Writes a document as JSON.
 * @returns the document as it was written
 * @throws ZodError if it breaks its own contract; Error if it is larger than what is read back; SystemError of the file
 * system
 */
export async function writeJson<Document>(
  folder: RunFolder,
  {name, schema, indent}: Stored<Document>,
  document: Document,
): Promise<Document> {
  const valid = (await schema()).parse(document)
  // Line breaks are half of a large document.
  const text = [jsonText(valid, indent), jsonText(valid)].find(isReadable)
  if (text === undefined) {
    throw new Error(
      `${name}.json was not written: it would be too large for rebind to read; measure less at a time`,
    )
  }
  await writeWhole(folder, `${name}.json`, `${text}\n`)
  return valid
}

/**
 * Writes a file of the run folder, whole or not at all. A name that nobody can guess is opened only if it is
 * new, and then takes the file's place, so that no link which somebody has put there is ever followed.
 * @throws SystemError of the file system
 */
export async function writeWhole(
  {path}: Pick<RunFolder, 'path'>,
  name: string,
  text: string | Uint8Array,
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
