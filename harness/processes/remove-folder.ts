import {spawnSync} from 'node:child_process'
import {lstatSync, readdirSync, rmdirSync, rmSync} from 'node:fs'
import {join} from 'node:path'

const removeWithinMilliseconds = 10_000

/**
 * Removes a temporary folder of ours with all that is in it, or what can be removed of it.
 * Root does not walk through a folder that it has given to somebody else: they could put a link in its way, and
 * what it leads to would be removed with root's rights. It has the owner's rights do it.
 */
export function removeFolder(folder: string): void {
  try {
    const {uid, gid} = lstatSync(folder)
    if (process.geteuid?.() !== 0 || uid === 0) {
      // Another guardian may still be ending a server that writes there.
      rmSync(folder, {recursive: true, force: true, maxRetries: 10, retryDelay: 50})
      return
    }
    const paths = readdirSync(folder).map((name) => join('.', name))
    // Entered before the rights are dropped: the owner may be unable to enter what it is in.
    const options = {cwd: folder, uid, gid, timeout: removeWithinMilliseconds}
    if (paths.length > 0) spawnSync('rm', ['-rf', '--', ...paths], {...options, stdio: 'ignore'})
    rmdirSync(folder)
  } catch {
    // It is gone, or nobody is left to be told.
  }
}
