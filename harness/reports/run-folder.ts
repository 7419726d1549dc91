import {randomBytes} from 'node:crypto'
import {existsSync} from 'node:fs'
import {access, constants, mkdir, rename, writeFile} from 'node:fs/promises'
import {dirname, join, resolve} from 'node:path'
import {UsageError} from '../errors.ts'
import {renderMarkdown} from './markdown.ts'
import {type Report, reportSchema} from './schema.ts'

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
    await mkdir(path)
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

/**
 * Writes report.json and report.md.
 * @throws ZodError if the report breaks its own contract; SystemError of the file system
 */
export async function writeReport(
  folder: RunFolder,
  report: Report,
  sentences: readonly string[],
): Promise<void> {
  const valid = reportSchema.parse(report)
  await writeWhole(folder, 'report.json', `${JSON.stringify(valid, null, 2)}\n`)
  await writeWhole(folder, 'report.md', renderMarkdown(valid, sentences))
}

/**
 * Writes a file of the run folder, whole or not at all.
 * @throws SystemError of the file system
 */
export async function writeWhole({path}: RunFolder, name: string, text: string): Promise<void> {
  await writeFile(join(path, `${name}.part`), text)
  await rename(join(path, `${name}.part`), join(path, name))
}
