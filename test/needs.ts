/** What a test needs of the machine. Looked for when its file loads, because ava cannot skip a running test. */
import {accessSync, appendFileSync, constants} from 'node:fs'
import {delimiter, join} from 'node:path'
import type {Implementation} from 'ava'
import {type Declare, type Declarer, test} from './declare.ts'
import {skipsVariable} from './skips.ts'

export const notLinux = 'not on Linux'
export const noIpv6 = 'no IPv6 on this machine'

/**
 * What declares tests that need something: `test`, or one that skips them and says why.
 * @param problem why it is not available here; undefined where it is
 * @param declarer `test.serial` for tests that must not run beside others of their file
 */
export function needs(problem: string | undefined, declarer: Declarer = test): Declare {
  if (problem === undefined) return declarer
  return (title, implementation) => {
    const file = process.env[skipsVariable]
    // One write of a short line in append mode: the processes of several test files share the file.
    if (file !== undefined) appendFileSync(file, `${JSON.stringify({title, reason: problem})}\n`)
    declarer.skip(`${title} (skipped: ${problem})`, implementation)
  }
}

/** Declares a single test that needs something. */
export function testUnless(
  problem: string | undefined,
  title: string,
  implementation: Implementation<[]>,
): void {
  needs(problem)(title, implementation)
}

/** What to say where a program is not in the PATH; undefined where it is. */
export function missingProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  const folders = path.split(delimiter)
  // npm puts the programs of our dependencies first; no test means those.
  const found = folders.filter((folder) => !folder.endsWith(join('node_modules', '.bin')))
  return pathsOf(name, found).length > 0 ? undefined : notInstalled(name)
}

export function notInstalled(name: string): string {
  return `${name} is not installed`
}

/** Where a program is, of those folders. */
export function pathsOf(name: string, folders: readonly string[]): string[] {
  return folders.map((folder) => join(folder, name)).filter(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
