import {rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {basename, dirname} from 'node:path'

/** Of a folder that holds a program compiled for one run only. */
export const temporaryPrefix = 'rebind-program-'

/** Called by a process that runs such a program when the harness, which would have removed it, is gone. */
export function removeTemporaryProgram(): void {
  const folder = dirname(process.argv[1] ?? '')
  if (dirname(folder) !== tmpdir() || !basename(folder).startsWith(temporaryPrefix)) return
  try {
    rmSync(folder, {recursive: true, force: true})
  } catch {
    // Nobody is left to be told.
  }
}
