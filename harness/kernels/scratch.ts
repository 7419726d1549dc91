import {mkdirSync, mkdtempSync, readdirSync, rmSync} from 'node:fs'
import {homedir} from 'node:os'
import {isAbsolute, join} from 'node:path'

/** What is fetched is kept here, by the XDG Base Directory Specification. */
export function cacheFolder({XDG_CACHE_HOME: given = ''}: NodeJS.ProcessEnv = process.env): string {
  return join(isAbsolute(given) ? given : join(homedir(), '.cache'), 'rebind', 'kernels')
}

const prefix = 'work-'

/** A folder in the cache that is gone when this process ends, or at the next start if it was killed. */
export function openScratch(cache: string): string {
  mkdirSync(cache, {recursive: true})
  for (const name of readdirSync(cache)) {
    const [, pid] = new RegExp(`^${prefix}(\\d+)-`).exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid))) remove(join(cache, name))
  }
  const folder = mkdtempSync(join(cache, `${prefix}${process.pid}-`))
  process.once('exit', () => remove(folder))
  return folder
}

function remove(folder: string): void {
  rmSync(folder, {recursive: true, force: true})
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
