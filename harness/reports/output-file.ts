import {open, rm} from 'node:fs/promises'
import {UsageError} from '../errors.ts'
import {printable} from './words.ts'

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
    if (handle === undefined) await (await open(file, 'r+')).close()
    else {
      await handle.close()
      await rm(file)
    }
  } catch (error) {
    throw new UsageError(
      `cannot write to ${printable(file)} (${(error as NodeJS.ErrnoException).code}); name another file with ${option} FILE`,
    )
  }
}
