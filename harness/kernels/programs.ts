import {spawn} from 'node:child_process'
import {accessSync, constants} from 'node:fs'
import {join} from 'node:path'

/** Something is missing or failed, and nothing can be measured without it. The message is for a person. */
export class CannotBoot extends Error {
  override name = 'CannotBoot'
}

export interface RunOptions {
  signal: AbortSignal
  cwd?: string
  env?: NodeJS.ProcessEnv
}

const keptErrorCharacters = 4096

/** Where Debian and Ubuntu keep programs; an ordinary user's PATH lacks the second half. */
const folders = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin']

/** The path of a program of the system; undefined where it is not installed. */
export function pathOf(program: string): string | undefined {
  return folders.map((folder) => join(folder, program)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Runs a program to its end.
 * @returns its stdout
 * @throws CannotBoot with its last words if it fails; the signal's reason if that aborts it
 */
export async function outputOf(
  [program = '', ...args]: readonly string[],
  {signal, ...options}: RunOptions,
): Promise<Buffer> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      ...{signal, killSignal: 'SIGKILL', ...options},
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const output: Buffer[] = []
    let errors = ''
    child.stdout.on('data', (bytes: Buffer) => output.push(bytes))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-keptErrorCharacters)
    })
    child.once('error', (error) => {
      const problem = new CannotBoot(`${program} cannot be started: ${error.message}`)
      reject(signal.aborted ? signal.reason : problem)
    })
    child.once('close', (status, killedBy) => {
      if (signal.aborted) reject(signal.reason)
      else if (status === 0) resolve(Buffer.concat(output))
      else reject(new CannotBoot(`${program} failed (${killedBy ?? status}): ${lastWords(errors)}`))
    })
  })
}

const shownLines = 3

/** apt marks what is wrong, and says more about it behind it. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n')
  const marked = lines.filter((line) => line.startsWith('E: '))
  return (marked.length > 0 ? marked : lines).slice(-shownLines).join('; ')
}
