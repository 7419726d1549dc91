import {existsSync} from 'node:fs'
import {writeFile} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'

const source = fileURLToPath(new URL('../hold/preload.ts', import.meta.url))
/** What the package holds instead. */
const compiled = fileURLToPath(new URL('../hold/preload.cjs', import.meta.url))

/** @returns the path of the program that Node processes load first; in a checkout it is made now */
export async function compilePreload(folder: string): Promise<string> {
  if (!existsSync(source)) return compiled
  const {build} = await import('esbuild')
  const koffi = createRequire(import.meta.url).resolve('koffi')
  // As build.js makes it for the package: CommonJS, which costs Node less to load first than a module.
  const {outputFiles} = await build({
    ...{entryPoints: [source], write: false, bundle: true, logLevel: 'silent'},
    ...{platform: 'node', format: 'cjs', target: 'node20', external: ['koffi']},
    // koffi brings a binary, and is found from where it is installed.
    define: {'import.meta.url': 'urlOfKoffi'},
    banner: {js: `const urlOfKoffi = ${JSON.stringify(koffi)};`},
  })
  const path = join(folder, 'preload.cjs')
  await writeFile(path, outputFiles?.[0]?.text ?? '')
  return path
}
