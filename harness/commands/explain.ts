import {pathToFileURL} from 'node:url'
import {exitStatus} from '../errors.ts'
import {explainPrograms} from '../explain/programs.ts'

/** `rebind explain`: the option with which Node programs explain a port that they are refused, from whatever folder. */
export async function explain({require = false}: {require?: boolean}): Promise<number> {
  const {preload} = await explainPrograms()
  process.stdout.write(
    `${require ? `--require=${quoted(preload)}` : `--import=${pathToFileURL(preload)}`}\n`,
  )
  return exitStatus.asExpected
}

/** As NODE_OPTIONS takes a path with spaces. */
function quoted(path: string): string {
  return /[\s"\\]/.test(path) ? JSON.stringify(path) : path
}
