import {existsSync} from 'node:fs'
import {mkdir, rename} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'

export interface ExplainPrograms {
  /** What Node loads before the program. */
  preload: string
  /** What the preload asks, which it looks for beside itself. */
  explainer: string
}

const beside = (name: string) => fileURLToPath(new URL(`../explain/${name}`, import.meta.url))
const isCheckout = existsSync(beside('programs.ts'))

/** Where the two programs are: in the package, or compiled now, in a checkout. */
export async function explainPrograms(): Promise<ExplainPrograms> {
  const folder = isCheckout ? await compile() : beside('.')
  return {preload: join(folder, 'preload.cjs'), explainer: join(folder, 'explainer.cjs')}
}

/** As build.js makes them for the package. */
async function compile(): Promise<string> {
  const {build} = await import('esbuild')
  const koffi = createRequire(import.meta.url).resolve('koffi')
  const [modules = ''] = koffi.split(/(?<=[/\\]node_modules[/\\])/)
  const folder = join(modules, '.cache', 'rebind', 'explain')
  await mkdir(folder, {recursive: true})
  for (const [source, name] of [
    [beside('preload.ts'), 'preload.cjs'],
    [join(dirname(beside('.')), 'commands', 'explainer.ts'), 'explainer.cjs'],
  ] as const) {
    const scratch = join(folder, `${process.pid}-${name}`)
    await build({
      ...{entryPoints: [source], outfile: scratch, bundle: true, logLevel: 'silent'},
      ...{platform: 'node', format: 'cjs', target: 'node20', external: ['koffi']},
      define: {'import.meta.url': 'ownUrl'},
      banner: {js: "const ownUrl = require('node:url').pathToFileURL(__filename).href;"},
    })
    await rename(scratch, join(folder, name))
  }
  return folder
}
