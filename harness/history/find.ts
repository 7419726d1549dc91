import type {Dirent} from 'node:fs'
import {readdir, stat} from 'node:fs/promises'
import {basename, join} from 'node:path'
import {isRunId} from '../documents/run-folder.ts'
import {UsageError} from '../errors.ts'
import {printable} from '../text.ts'

/** A file that may be a document. */
export interface Found {
  file: string
  /** Named by the user, or with the name of a document in a run folder: if it is not a document, that is said. */
  isExpected: boolean
  /** Why it is a folder that cannot be looked into. */
  error?: NodeJS.ErrnoException
}

const documentName = /\.json(\.gz)?$/
const runFolderName = /^(report|timing|check|matrix)\.json(\.gz)?$/
/** Of other programs, and large. */
const passedOver = /^(\.|node_modules$)/

/**
 * The files that may be documents, in the folders and all below them; links are not followed. Folders that cannot be
 * looked into are among them if they were named or are a run's: root's are closed to others.
 * @throws UsageError for a path that is not there
 */
export async function* findDocuments(paths: readonly string[]): AsyncGenerator<Found> {
  for (const path of paths) {
    if (await isFolder(path)) yield* below(path, true)
    else yield {file: path, isExpected: true}
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw new UsageError(
      `cannot read ${printable(path)} (${(error as NodeJS.ErrnoException).code}); name a run folder, a document, or a folder that contains some`,
    )
  }
}

async function* below(folder: string, isNamed = false): AsyncGenerator<Found> {
  const entries = await entriesOf(folder)
  if (entries instanceof Error) {
    // Others' folders may lie between ours.
    if (isNamed || isRunId(basename(folder))) {
      yield {file: folder, isExpected: true, error: entries}
    }
    return
  }
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      if (!passedOver.test(entry.name)) yield* below(path)
    } else if (documentName.test(entry.name) && !entry.name.startsWith('.')) {
      yield {file: path, isExpected: runFolderName.test(entry.name)}
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[] | NodeJS.ErrnoException> {
  try {
    const entries = await readdir(folder, {withFileTypes: true})
    return entries.sort((one, other) => (one.name < other.name ? -1 : 1))
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}
