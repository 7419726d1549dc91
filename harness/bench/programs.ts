import {type ExecFileOptions, execFile} from 'node:child_process'
import {fileURLToPath} from 'node:url'
import {CannotMeasure} from './part.ts'

export const projectFolder = fileURLToPath(new URL('../../', import.meta.url))

/** What starts `rebind` from a checkout. */
export const rebind: readonly string[] = [
  process.execPath,
  `--import=${import.meta.resolve('tsx')}`,
  fileURLToPath(new URL('../cli.ts', import.meta.url)),
]

const mostOutputBytes = 64 * 1024 * 1024

export interface Ended {
  status: number
  stdout: string
  stderr: string
}

export interface EndOptions extends Pick<ExecFileOptions, 'cwd' | 'env' | 'signal'> {
  input?: string
}

/**
 * Runs a program to its end.
 * @throws the interruption; SystemError if it cannot be started; CannotMeasure if a signal ended it
 */
export function toItsEnd(
  [program = '', ...args]: readonly string[],
  {input = '', ...options}: EndOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      program,
      args,
      {cwd: projectFolder, ...options, maxBuffer: mostOutputBytes, encoding: 'utf8'},
      (error, stdout, stderr) => {
        if (error === null) resolve({status: 0, stdout, stderr})
        else if (typeof error.code === 'number') resolve({status: error.code, stdout, stderr})
        else if (error.signal != null && options.signal?.aborted !== true) {
          reject(new CannotMeasure(`${program} was ended by the signal ${error.signal}`))
        } else reject(error)
      },
    )
    // A program that ends early does not read its input; its status says why.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

/** Like `toItsEnd`, for a program that must succeed. @throws CannotMeasure with the last line it wrote */
export async function outputOf(
  command: readonly string[],
  options: EndOptions = {},
): Promise<string> {
  const {status, stdout, stderr} = await toItsEnd(command, options)
  if (status === 0) return stdout
  const said = stderr.trim().split('\n').at(-1)
  throw new CannotMeasure(`${command[0]} ended with status ${status}: ${said}`)
}
