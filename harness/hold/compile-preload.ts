import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {compileCommonJs} from '../processes/compile-commonjs.ts'

const source = fileURLToPath(new URL('../hold/preload.ts', import.meta.url))
/** What the package holds instead. */
const compiled = fileURLToPath(new URL('../hold/preload.cjs', import.meta.url))

/** @returns the path of the program that Node processes load first; in a checkout it is made now */
export async function compilePreload(): Promise<string> {
  if (!existsSync(source)) return compiled
  return join(await compileCommonJs('hold', [[source, 'preload.cjs']]), 'preload.cjs')
}
