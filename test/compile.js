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

const project = fileURLToPath(new URL('..', import.meta.url))
const tests = join(project, 'test')
const compiledTests = join(project, 'node_modules', '.cache', 'rebind-tests')
const dist = join(project, 'dist')
const ownUrl = 'urlOfThisSource'
const staleAfterMilliseconds = 60 * 60 * 1000

const common = {
  absWorkingDir: project,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  write: false,
  logLevel: 'error',
}

/**
 * Compiles all, which takes less than a second, and leaves a file alone that would stay the same.
 * @returns the folder of the compiled tests, in which they lie as in `test/`
 */
export async function compile() {
  const built = await Promise.all([buildTests(), buildCommandLine(), buildActor()])
  const [ofTests, ...ofDist] = built.map(({outputFiles}) => outputFiles)
  update(compiledTests, ofTests)
  update(dist, ofDist.flat())
  return compiledTests
}

function buildTests() {
  const files = readdirSync(tests, {recursive: true, encoding: 'utf8'})
  return build({
    ...common,
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
 * In the package's folders. Unlike there, most of its dependencies are inside, which saves a quarter of the
 * time that a start takes; tests start it hundreds of times. Outside are those that look for files of theirs.
 */
function buildCommandLine() {
  return build({
    ...common,
    entryPoints: ['harness/cli.ts', 'harness/index.ts'],
    outbase: '.',
    outdir: dist,
    splitting: true,
    // As deep as the modules that look for what lies beside them.
    chunkNames: 'harness/chunks/[name]-[hash]',
    external: ['esbuild', 'koffi', 'open', 'pino', 'tsx', 'vega', 'vega-lite'],
    banner: {
      js: [
        "import {createRequire as createRequireOfBundle} from 'node:module'",
        'const require = createRequireOfBundle(import.meta.url)',
      ].join('\n'),
    },
  })
}

/** As harness/processes/compile.ts does in a checkout. */
function buildActor() {
  return build({
    ...common,
    entryPoints: ['harness/processes/actor.ts'],
    outfile: join(dist, 'harness', 'processes', 'actor.js'),
    external: ['koffi'],
  })
}

/**
 * Another run of tests may use the folder meanwhile: a file is replaced at once, and what is no longer part
 * of it stays for an hour.
 */
function update(folder, outputFiles) {
  for (const {path, contents} of outputFiles) {
    if (isSame(path, contents)) continue
    mkdirSync(dirname(path), {recursive: true})
    const scratch = `${path}.${process.pid}`
    writeFileSync(scratch, contents)
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
