import {existsSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {compileCommonJs} from '../processes/compile-commonjs.ts'

export interface ExplainPrograms {
  /** What Node loads before the program. */
  preload: string
  /** What the preload asks, which it looks for beside itself. */
  explainer: string
}

const beside = (name: string) => fileURLToPath(new URL(`../explain/${name}`, import.meta.url))
const isCheckout = existsSync(beside('programs.ts'))
const sources = [
  [beside('preload.ts'), 'preload.cjs'],
  [join(dirname(beside('.')), 'commands', 'explainer.ts'), 'explainer.cjs'],
] as const

/** Where the two programs are: in the package, or compiled now, in a checkout. */
export async function explainPrograms(): Promise<ExplainPrograms> {
  const folder = isCheckout ? await compileCommonJs('explain', sources) : beside('.')
  return {preload: join(folder, 'preload.cjs'), explainer: join(folder, 'explainer.cjs')}
}
