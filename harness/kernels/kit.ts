import {cp, mkdir, writeFile} from 'node:fs/promises'
import {dirname, join, relative} from 'node:path'
import {fileURLToPath} from 'node:url'
import {unpackNode} from './node-binary.ts'

/** What measures, the same on each system. */
export interface Kit {
  /** Path of the binary. */
  node: string
  /** Folder of the package as it is packed. */
  rebind: string
}

/** Of a file that `build.js` makes. */
interface BuiltFile {
  path: string
  contents: Uint8Array
}

const project = fileURLToPath(new URL('../../', import.meta.url))

/** What the packed program is not bundled with, as it is installed beside it. */
const installed = ['koffi', '@koromix/koffi-linux-x64']

/** Builds this checkout into a folder, and unpacks Node beside it. */
export async function makeKit(options: {
  cache: string
  folder: string
  signal: AbortSignal
}): Promise<Kit> {
  const rebind = join(options.folder, 'rebind')
  const {bundle}: {bundle(): Promise<{files: BuiltFile[]}>} = await import(
    new URL('../../build.js', import.meta.url).href
  )
  for (const {path, contents} of (await bundle()).files) {
    const file = join(rebind, relative(project, path))
    await mkdir(dirname(file), {recursive: true})
    await writeFile(file, contents)
  }
  await cp(join(project, 'package.json'), join(rebind, 'package.json'))
  for (const name of installed) {
    const folder = join('node_modules', name)
    await cp(join(project, folder), join(rebind, folder), {recursive: true})
  }
  return {rebind, node: await unpackNode(options)}
}

/** What starts a measurement of the kit on this machine. */
export function commandLine({node, rebind}: Kit): string[] {
  return [node, join(rebind, 'dist', 'harness', 'cli.js')]
}
