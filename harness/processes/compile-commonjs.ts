import {mkdir, rename} from 'node:fs/promises'
import {createRequire} from 'node:module'
import {join} from 'node:path'

/**
 * Compiles programs of a checkout that Node loads before another one, as build.js does for the package: CommonJS, which costs
 * Node less to load first than a module. They lie where they find koffi, whose binary cannot be bundled.
 * @param room names the folder
 * @param programs the path of each source, and the name of what is made of it
 * @returns the folder
 */
export async function compileCommonJs(
  room: string,
  programs: readonly (readonly [source: string, name: string])[],
): Promise<string> {
  const {build} = await import('esbuild')
  const koffi = createRequire(import.meta.url).resolve('koffi')
  const [modules = ''] = koffi.split(/(?<=[/\\]node_modules[/\\])/)
  const folder = join(modules, '.cache', 'rebind', room)
  await mkdir(folder, {recursive: true})
  for (const [source, name] of programs) {
    // Another process may be loading it.
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
