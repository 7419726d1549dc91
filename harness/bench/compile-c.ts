import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {outputOf} from './programs.ts'

/** The path of a compiled C program, or why there is none. */
export type Compiled = {path: string} | {problem: string}

/** Compiles a program of c/ into a folder, optimized, as a baseline must be. */
export async function compileC(
  name: string,
  folder: string,
  signal: AbortSignal,
): Promise<Compiled> {
  const source = fileURLToPath(new URL(`c/${name}.c`, import.meta.url))
  const path = join(folder, name)
  try {
    await outputOf(['cc', '-std=gnu11', '-O2', '-o', path, source], {signal})
    return {path}
  } catch (error) {
    signal.throwIfAborted()
    const {code, message} = error as NodeJS.ErrnoException
    return {
      problem:
        code === 'ENOENT'
          ? 'no C compiler was found (cc; Debian: apt-get install gcc libc6-dev)'
          : `cc did not compile ${name}.c: ${message}`,
    }
  }
}
