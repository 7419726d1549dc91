/** Compiles what `npx ava` runs: the tests themselves, and the command line that they start. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import {dirname, join} from 'node:path'
import {fileURLToPath, pathToFileURL} from 'node:url'
import {build} from 'esbuild'
import {bundle} from '../build.js'

const project = fileURLToPath(new URL('..', import.meta.url))
const tests = join(project, 'test')
const sharedProcess = 'test/shared-process.test.ts'
const compiledTests = join(project, 'node_modules', '.cache', 'rebind-tests')
const dist = join(project, 'dist')
const ownUrl = 'urlOfThisSource'
const staleAfterMilliseconds = 60 * 60 * 1000

/**
 * Compiles all, which takes less than a second, and leaves a file alone that would stay the same.
 * @returns the folder of the compiled tests, in which they lie as in `test/`; the test file that loads others into its
 * process, and those others
 */
export async function compile() {
  const [ofTests, ofProgram] = await Promise.all([buildTests(), bundle()])
  update(compiledTests, ofTests.outputFiles)
  update(dist, ofProgram.files)
  const {imports} = ofTests.metafile.inputs[sharedProcess]
  const sharing = imports.filter(({kind}) => kind === 'dynamic-import').map(({path}) => path)
  return {folder: compiledTests, sharedProcess, sharing}
}

function buildTests() {
  const files = readdirSync(tests, {recursive: true, encoding: 'utf8'})
  return build({
    absWorkingDir: project,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    metafile: true,
    logLevel: 'error',
    entryPoints: files.filter((file) => file.endsWith('.test.ts')).map((file) => join(tests, file)),
    outbase: tests,
    outdir: compiledTests,
    splitting: true,
    packages: 'external',
    // AVA starts its processes with --enable-source-maps: stacks point to the sources.
    sourcemap: true,
    sourcesContent: false,
    // Of the program only: tests write programs that say import.meta.url themselves.
    define: {'import.meta.url': ownUrl},
    plugins: [ownUrls],
  })
}

/** What a module finds by its own URL lies beside the source, not beside what is compiled from it. */
const ownUrls = {
  name: 'own-urls',
  setup({onLoad}) {
    onLoad({filter: /\.ts$/}, ({path}) => {
      const source = readFileSync(path, 'utf8')
      if (!source.includes('import.meta.url')) return undefined
      // On the first line, so that the others keep their numbers.
      const contents = `const ${ownUrl} = ${JSON.stringify(pathToFileURL(path).href)}; ${source}`
      return {contents, loader: 'ts'}
    })
  },
}

/**
 * Another run of tests may use the folder meanwhile: a file is replaced at once, and what is no longer part
 * of it stays for an hour.
 */
function update(folder, outputFiles) {
  for (const {path, contents, mode} of outputFiles) {
    if (isSame(path, contents)) continue
    mkdirSync(dirname(path), {recursive: true})
    const scratch = `${path}.${process.pid}`
    writeFileSync(scratch, contents, {mode})
    renameSync(scratch, path)
  }
  const current = new Set(outputFiles.map(({path}) => path))
  for (const entry of readdirSync(folder, {recursive: true, withFileTypes: true})) {
    const path = join(entry.parentPath, entry.name)
    if (!entry.isFile() || current.has(path)) continue
    const modified = statSync(path, {throwIfNoEntry: false})?.mtimeMs ?? Date.now()
    if (Date.now() - modified > staleAfterMilliseconds) rmSync(path, {force: true})
  }
}

function isSame(path, contents) {
  try {
    return readFileSync(path).equals(contents)
  } catch {
    return false
  }
}
