import {constants} from 'node:fs'
import {type FileHandle, open, rm} from 'node:fs/promises'
import {UsageError} from '../errors.ts'
import {printable} from '../text.ts'

/** Reports quote the command lines and the output of other programs, which are nobody else's business. */
export const onlyOurs = {folder: 0o700, file: 0o600} as const

/** A link in a folder that others may write to, such as /tmp, would lead to whatever file of ours they like. */
const notThroughLink = constants.O_NOFOLLOW ?? 0
/** A FIFO would hold up the program until somebody reads it, and no signal would be heard meanwhile. */
const withoutWaiting = constants.O_NONBLOCK ?? 0

class NotRegular extends Error {
  readonly code = 'it is not a regular file'
}

/**
 * Opens a file for writing, at once: one that is new, or a regular one, whatever a FIFO, device or socket would
 * take.
 * @param flags of open(2)
 * @throws SystemError of the file system; an error whose `code` says what it is, if it is not a regular file
 */
async function openRegular(file: string, flags: number): Promise<FileHandle> {
  const handle = await open(file, flags | withoutWaiting, 0o666).catch((error) => {
    // A FIFO that nobody reads, and a socket.
    throw error.code === 'ENXIO' ? new NotRegular() : error
  })
  try {
    if (!(await handle.stat()).isFile()) throw new NotRegular()
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}

/**
 * Proves, before a run begins, that a file can be written at its end: by opening it, since permissions tell
 * only a part. What it holds already stays until then, and none is left where there was none.
 * @param remedy the option that names another file, e.g. `--junit FILE`
 * @throws UsageError if it cannot be
 */
export async function proveWritable(file: string, remedy: string): Promise<void> {
  try {
    const handle = await open(file, 'wx').catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
      return undefined
    })
    if (handle === undefined)
      await (await openRegular(file, constants.O_RDWR | notThroughLink)).close()
    else {
      await handle.close()
      await rm(file)
    }
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    const why = code === 'ELOOP' ? 'it is a symbolic link' : code
    throw new UsageError(
      `cannot write to ${printable(file)} (${why}); name another file with ${remedy}`,
    )
  }
}

/**
 * Writes a file that the user has named, in place of what it held, unless it is a symbolic link or otherwise no
 * regular file.
 * @throws SystemError of the file system
 */
export async function writeNamedFile(file: string, text: string): Promise<void> {
  const {O_WRONLY, O_CREAT, O_TRUNC} = constants
  const handle = await openRegular(file, O_WRONLY | O_CREAT | O_TRUNC | notThroughLink)
  try {
    await handle.writeFile(text)
  } finally {
    await handle.close()
  }
}

/**
 * Adds to a file that the environment names.
 * @param textFor what to add, given how many bytes are there already
 * @throws SystemError of the file system
 */
export async function appendToFile(
  file: string,
  textFor: (bytesThere: number) => string,
): Promise<void> {
  const {O_WRONLY, O_CREAT, O_APPEND} = constants
  const handle = await openRegular(file, O_WRONLY | O_CREAT | O_APPEND)
  try {
    await handle.appendFile(textFor((await handle.stat()).size))
  } finally {
    await handle.close()
  }
}
