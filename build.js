/** Makes dist/, which is packed: the program bundled, its types, the licences of what is in it, recorded systems. */
import {execFileSync} from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {dirname, join, relative} from 'node:path'
import {fileURLToPath} from 'node:url'
import {build} from 'esbuild'

const project = fileURLToPath(new URL('.', import.meta.url))
const dist = join(project, 'dist')
const chunks = join('harness', 'chunks')

const common = {
  absWorkingDir: project,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'error',
}

/** What Node loads before a program of the user's, and what that starts. */
const loadedFirst = {
  'harness/hold/preload.ts': 'hold/preload.cjs',
  'harness/explain/preload.ts': 'explain/preload.cjs',
  'harness/commands/explainer.ts': 'explain/explainer.cjs',
}

/**
 * Compiles the program with all it depends on but koffi, which brings a binary, and esbuild, which only a checkout
 * needs. Names and lines stay, for stack traces.
 * @returns the files below dist/, and what esbuild knows of their inputs
 */
export async function bundle() {
  const built = await Promise.all([
    build({
      ...common,
      entryPoints: ['harness/cli.ts', 'harness/index.ts'],
      outbase: '.',
      outdir: dist,
      splitting: true,
      // As deep as the modules that look for what lies beside them.
      chunkNames: `${chunks}/[name]-[hash]`,
      external: ['esbuild', 'koffi'],
      banner: {
        js: [
          "import {createRequire as createRequireOfBundle} from 'node:module'",
          'const require = createRequireOfBundle(import.meta.url)',
        ].join('\n'),
      },
    }),
    // One file, because many processes start it; as harness/processes/compile.ts does in a checkout.
    build({
      ...common,
      entryPoints: ['harness/processes/actor.ts'],
      outfile: join(dist, 'harness', 'processes', 'actor.js'),
      external: ['koffi'],
    }),
  ])
  for (const [source, program] of Object.entries(loadedFirst)) {
    built.push(
      await build({
        ...common,
        ...{entryPoints: [source], outfile: join(dist, 'harness', program)},
        // It costs less as CommonJS; koffi is found from here.
        ...{format: 'cjs', external: ['koffi'], define: {'import.meta.url': 'ownUrl'}},
        banner: {js: "const ownUrl = require('node:url').pathToFileURL(__filename).href;"},
      }),
    )
  }
  // The package `open` looks for this beside itself.
  const opener = {
    path: join(dist, chunks, 'xdg-open'),
    contents: readFileSync(join(project, 'node_modules', 'open', 'xdg-open')),
    mode: 0o755,
  }
  return {
    files: [...built.flatMap(({outputFiles}) => outputFiles), opener],
    metafiles: built.map(({metafile}) => metafile),
  }
}

/** The folders of the packages that something in the bundle is from, relative to the project. */
export function bundledPackages(metafiles) {
  const inputs = metafiles
    .flatMap(({outputs}) => Object.values(outputs))
    .flatMap(({inputs}) => Object.entries(inputs))
    .filter(([, {bytesInOutput}]) => bytesInOutput > 0)
    .flatMap(([file]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  return [...new Set(inputs)].sort()
}

/** Packages that name their licence, but bring no file with its text: what it says, and whose the code is. */
const textsByHand = {
  '@bomb.sh/tab': mit('Bombshell Authors (https://github.com/bombshell-dev)'),
}

function mit(holder) {
  return `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`
}

/** @throws if a package has no licence text, which then cannot be passed on */
function notices(folders) {
  const sections = folders.map((folder) => {
    const path = join(project, folder)
    const {name, version, license} = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'))
    const files = readdirSync(path).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    const texts = files.map((file) => readFileSync(join(path, file), 'utf8').trim())
    if (texts.length === 0) texts.push(textsByHand[name] ?? missing(folder))
    const text = texts.join('\n\n')
    return `${name} ${version} (${license})\n\n${text}\n`
  })
  const intro = 'This package contains code of the following packages, under their licences.\n'
  return [intro, ...sections].join(`\n${'-'.repeat(80)}\n\n`)
}

function missing(folder) {
  throw new Error(
    `${folder} has no licence file. Without the text it cannot be bundled: add it to textsByHand in build.js`,
  )
}

/** Writes the declarations of the entry, and of what they import. */
function writeTypes() {
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'rebind-types-'))
  try {
    const tsc = join(project, 'node_modules', 'typescript', 'bin', 'tsc')
    const args = [tsc, '-p', join(project, 'tsconfig.build.json'), '--outDir', scratch]
    execFileSync(process.execPath, args, {stdio: ['ignore', 'inherit', 'inherit']})
    const reached = new Set([join(scratch, 'harness', 'index.d.ts')])
    for (const file of reached) {
      const text = readFileSync(file, 'utf8')
      for (const [, path] of text.matchAll(/(?:from |import\()['"](\.[^'"]+)\.ts['"]/g)) {
        reached.add(join(dirname(file), `${path}.d.ts`))
      }
      write(
        join(dist, relative(scratch, file)),
        text.replace(/(['"]\.[^'"]+)\.ts(['"])/g, '$1.js$2'),
      )
    }
  } finally {
    rmSync(scratch, {recursive: true, force: true})
  }
}

/** What `rebind compare` shows: not the timings, nor how all of it was made. */
function writeRecorded() {
  const recorded = join(project, 'logs', 'recorded')
  for (const file of readdirSync(recorded, {recursive: true, encoding: 'utf8'})) {
    if (!/(report|matrix)\.json\.gz$/.test(file)) continue
    write(join(dist, 'recorded', file), readFileSync(join(recorded, file)))
  }
}

function write(path, contents, mode) {
  mkdirSync(dirname(path), {recursive: true})
  writeFileSync(path, contents, {mode})
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(dist, {recursive: true, force: true})
  const {files, metafiles} = await bundle()
  for (const {path, contents, mode} of files) write(path, contents, mode)
  write(join(dist, 'THIRD-PARTY-LICENSES.txt'), notices(bundledPackages(metafiles)))
  writeTypes()
  writeRecorded()
}
