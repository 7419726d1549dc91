import {constants} from 'node:fs'
import {type FileHandle, open, rm} from 'node:fs/promises'
import {UsageError} from '../errors.ts'
import {printable} from './words.ts'

/** Reports quote the command lines and the output of other programs, which are nobody else's business. */
export const onlyOurs = {folder: 0o700, file: 0o600} as const

/** A link in a folder that others may write to, such as /tmp, would lead to whatever file of ours they like. */
const notThroughLink = constants.O_NOFOLLOW ?? 0

/**
 * Proves, before a run begins, that a file can be written at its end: by opening it, since permissions tell
 * only a part. What it holds already stays until then, and none is left where there was none.
 * @throws UsageError if it cannot be
 */
export async function proveWritable(file: string, option: string): Promise<void> {
  try {
    const handle = await open(file, 'wx').catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      return undefined
    })
    if (handle === undefined) await (await open(file, constants.O_RDWR | notThroughLink)).close()
    else {
      await handle.close()
      await rm(file)
    }
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    const why = code === 'ELOOP' ? 'it is a symbolic link' : code
    throw new UsageError(
      `cannot write to ${printable(file)} (${why}); name another file with ${option} FILE`,
    )
  }
}

/**
 * Writes a file that the user has named, in place of what it held, unless it is a symbolic link.
 * @throws SystemError of the file system
 */
export async function writeNamedFile(file: string, text: string): Promise<void> {
  const {O_WRONLY, O_CREAT, O_TRUNC} = constants
  let handle: FileHandle | undefined
  try {
    handle = await open(file, O_WRONLY | O_CREAT | O_TRUNC | notThroughLink, 0o666)
    await handle.writeFile(text)
  } finally {
    await handle?.close()
  }
}
