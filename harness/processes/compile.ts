import {createHash} from 'node:crypto'
import {existsSync, readdirSync, statSync} from 'node:fs'
import {mkdir, mkdtemp, rename, rm, symlink} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {temporaryPrefix} from './temporary-program.ts'

export interface CompiledProgram {
  path: string
  /** Removes what was compiled for this run only; a cached program stays for the next run. */
  dispose(): Promise<void>
}

const harnessFolder = dirname(dirname(fileURLToPath(import.meta.url)))
const nodeModules = join(dirname(harnessFolder), 'node_modules')
const staleAfterMilliseconds = 60 * 60 * 1000

const actorSource = join(harnessFolder, 'processes', 'actor.ts')
/** What the package holds instead: the package is compiled as a whole before it is packed. */
const compiledActor = join(harnessFolder, 'processes', 'actor.js')

/**
 * Compiles the program that a scenario's processes run to one JavaScript file and caches it under
 * node_modules/.cache, because a TypeScript loader in each of some fifty processes would cost more time
 * and memory than everything else together. Where that folder cannot be written, the program goes to a
 * temporary folder, which `dispose` removes.
 */
export async function compileActor(
  cacheFolder = join(nodeModules, '.cache', 'rebind'),
): Promise<CompiledProgram> {
  if (!existsSync(actorSource)) return {path: compiledActor, dispose: async () => undefined}
  const name = `actor-${fingerprint()}.mjs`
  const cached = {path: join(cacheFolder, name), dispose: async () => undefined}
  if (existsSync(cached.path)) return cached
  try {
    await mkdir(cacheFolder, {recursive: true})
    // Two runs may compile at once: each writes in a folder of its own, and the rename is atomic.
    const scratch = await mkdtemp(join(cacheFolder, 'compiling-'))
    try {
      await compileTo(join(scratch, name))
      await rename(join(scratch, name), cached.path)
      await removeStale(cacheFolder)
    } finally {
      await rm(scratch, {recursive: true, force: true})
    }
    return cached
  } catch (error) {
    if (!isUnwritable(error)) throw error
    const folder = await mkdtemp(join(tmpdir(), temporaryPrefix))
    const dispose = () => rm(folder, {recursive: true, force: true})
    // koffi stays outside the bundle, as it brings a binary, and is found from the bundle's folder.
    try {
      await symlink(nodeModules, join(folder, 'node_modules'))
      await compileTo(join(folder, name))
    } catch (error) {
      await dispose()
      throw error
    }
    return {path: join(folder, name), dispose}
  }
}

/** Names this state of the sources: any change of a file's size or time compiles anew. */
function fingerprint(): string {
  const hash = createHash('sha256').update(process.version)
  for (const file of readdirSync(harnessFolder, {recursive: true, encoding: 'utf8'}).sort()) {
    if (!file.endsWith('.ts')) continue
    const {size, mtimeMs} = statSync(join(harnessFolder, file))
    hash.update(`${file} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}

async function compileTo(outfile: string): Promise<void> {
  const {build} = await import('esbuild')
  await build({
    entryPoints: [actorSource],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['koffi'],
    logLevel: 'silent',
  })
}

/** Programs of earlier sources; a run that started from one has long launched its processes by now. */
async function removeStale(folder: string): Promise<void> {
  for (const file of readdirSync(folder)) {
    const path = join(folder, file)
    // Another run may have removed it in the meantime.
    const modified = statSync(path, {throwIfNoEntry: false})?.mtimeMs ?? Date.now()
    const isStale = Date.now() - modified > staleAfterMilliseconds
    if (/^(actor|compiling)-/.test(file) && isStale) {
      await rm(path, {recursive: true, force: true})
    }
  }
}

function isUnwritable(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOSPC', 'EDQUOT'].includes(code)
}
