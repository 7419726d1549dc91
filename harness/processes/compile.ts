import {createHash} from 'node:crypto'
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs'
import {mkdir, mkdtemp, rename, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, dirname, join} from 'node:path'
import {fileURLToPath} from 'node:url'
import {temporaryPrefix} from './temporary-program.ts'

export interface CompiledProgram {
  path: string
  /** Removes what was compiled for this run only; a cached program stays for the next run. */
  dispose(): Promise<void>
}

const harnessFolder = dirname(dirname(fileURLToPath(import.meta.url)))
const projectFolder = dirname(harnessFolder)
const nodeModules = join(projectFolder, 'node_modules')
const staleAfterMilliseconds = 60 * 60 * 1000

const actorSource = join(harnessFolder, 'processes', 'actor.ts')
/** What the package holds instead: the package is compiled as a whole before it is packed. */
const compiledActor = join(harnessFolder, 'processes', 'actor.js')

/** Goes up when what esbuild is told changes. */
const cacheFormat = 2

/** What a cached program was made of, and what it is. Beside it, under a name of this checkout's. */
interface Manifest {
  /** The SHA-256 of each file, by its path from the project. */
  inputs: Record<string, string>
  /** The program's own; its file is named by it. */
  program: string
}

/**
 * Compiles the program that a scenario's processes run to one JavaScript file and caches it under
 * node_modules/.cache, because a TypeScript loader in each of some fifty processes would cost more time
 * and memory than everything else together. A cached program is used if every file that it was made of,
 * its bundled dependencies' too, and it itself are what they were. If that folder cannot be written, the
 * program goes to a temporary folder, which `dispose` removes.
 */
export async function compileActor(
  cacheFolder = join(nodeModules, '.cache', 'rebind'),
): Promise<CompiledProgram> {
  if (!existsSync(actorSource)) return {path: compiledActor, dispose: async () => undefined}
  const manifestFile = join(cacheFolder, `actor-${checkoutName()}.json`)
  const cached = readCached(cacheFolder, manifestFile)
  if (cached !== undefined) return {path: cached, dispose: async () => undefined}
  const {text, inputs} = await compile()
  const program = hashOf(text)
  const name = programName(program)
  try {
    await mkdir(cacheFolder, {recursive: true})
    await writeInto(cacheFolder, name, text)
    // Last, so that what it names is there.
    if (inputs !== undefined) {
      const manifest: Manifest = {inputs, program}
      await writeInto(cacheFolder, basename(manifestFile), JSON.stringify(manifest))
    }
    await removeStale(cacheFolder)
    return {path: join(cacheFolder, name), dispose: async () => undefined}
  } catch (error) {
    if (!isUnwritable(error)) throw error
    const folder = await mkdtemp(join(tmpdir(), temporaryPrefix))
    const dispose = () => rm(folder, {recursive: true, force: true})
    // koffi stays outside the bundle, as it brings a binary, and is found from the bundle's folder.
    try {
      await symlink(nodeModules, join(folder, 'node_modules'))
      await writeFile(join(folder, name), text)
    } catch (error) {
      await dispose()
      throw error
    }
    return {path: join(folder, name), dispose}
  }
}

/** Several checkouts may share one node_modules. */
function checkoutName(): string {
  return hashOf(`${cacheFormat} ${process.version} ${projectFolder}`).slice(0, 16)
}

function programName(hash: string): string {
  return `actor-${hash.slice(0, 32)}.mjs`
}

/** The path of the cached program, if there is one of these very sources, and undamaged. */
function readCached(folder: string, manifestFile: string): string | undefined {
  try {
    const {inputs, program} = JSON.parse(readFileSync(manifestFile, 'utf8')) as Manifest
    const path = join(folder, programName(program))
    const isCurrent = Object.entries(inputs).every(([file, hash]) => hashOfFile(file) === hash)
    return isCurrent && hashOf(readFileSync(path)) === program ? path : undefined
  } catch {
    // There is none yet, another run has just removed it as stale, or the disk was full.
    return undefined
  }
}

function hashOfFile(path: string): string {
  return hashOf(readFileSync(join(projectFolder, path)))
}

function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Without `inputs` if one of them has been written meanwhile: nobody knows which state was compiled. */
async function compile(): Promise<{text: string; inputs?: Record<string, string>}> {
  const {build} = await import('esbuild')
  const began = Date.now()
  const {outputFiles, metafile} = await build({
    absWorkingDir: projectFolder,
    entryPoints: [actorSource],
    outfile: 'actor.mjs',
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['koffi'],
    logLevel: 'silent',
  })
  const [output] = outputFiles
  if (output === undefined) throw new Error('esbuild has compiled nothing')
  const files = Object.keys(metafile.inputs)
  // What an import means is decided by these, too, and esbuild's version by its own.
  const packages = new Set([...files.map(packageOf), 'node_modules/esbuild/package.json'])
  const all = [...files, ...packages, 'tsconfig.json'].filter((file) =>
    existsSync(join(projectFolder, file)),
  )
  const inputs = Object.fromEntries(all.map((file) => [file, hashOfFile(file)]))
  const isSettled = all.every((file) => statSync(join(projectFolder, file)).mtimeMs < began)
  return isSettled ? {text: output.text, inputs} : {text: output.text}
}

/** The package.json that rules a file. */
function packageOf(file: string): string {
  let folder = dirname(file)
  while (folder !== '.' && !existsSync(join(projectFolder, folder, 'package.json'))) {
    folder = dirname(folder)
  }
  return join(folder, 'package.json')
}

/** Two runs may write at once: each does in a folder of its own, and the rename is atomic. */
async function writeInto(folder: string, name: string, text: string): Promise<void> {
  const scratch = await mkdtemp(join(folder, 'compiling-'))
  try {
    await writeFile(join(scratch, name), text)
    await rename(join(scratch, name), join(folder, name))
  } finally {
    await rm(scratch, {recursive: true, force: true})
  }
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
