import {existsSync} from 'node:fs'
import {
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, extname, join} from 'node:path'
import {pathToFileURL} from 'node:url'
import test, {type ExecutionContext} from 'ava'
import {compileActor} from '../../harness/processes/compile.ts'
import {launch} from '../../harness/processes/launch.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {projectFolder, startProgram} from '../commands/cli.ts'

async function scratch(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rebind-compile-test-'))
  t.teardown(() => rm(folder, {recursive: true, force: true}))
  return folder
}

const byExtension = (one: string, other: string) => extname(one).localeCompare(extname(other))

test('a program is compiled once and then taken from the cache', async (t) => {
  const folder = join(await scratch(t), 'made', 'when-needed')
  const first = await compileActor(folder)
  const written = await stat(first.path)
  const second = await compileActor(folder)
  t.is(second.path, first.path)
  t.is((await stat(second.path)).mtimeMs, written.mtimeMs)
  await first.dispose()
  const [manifest, program, ...others] = (await readdir(folder)).sort(byExtension)
  t.regex(manifest ?? '', /^actor-\w+\.json$/)
  t.is(join(folder, program ?? ''), first.path)
  t.deepEqual(others, [])
})

test('a damaged program in the cache is not run, but compiled again', async (t) => {
  const folder = await scratch(t)
  const {path} = await compileActor(folder)
  const whole = await readFile(path, 'utf8')
  for (const damaged of [whole.slice(0, -100), whole.replace('process', 'PROCESS'), '']) {
    await writeFile(path, damaged)
    t.is((await compileActor(folder)).path, path)
    t.is(await readFile(path, 'utf8'), whole)
  }
  const [manifest = ''] = (await readdir(folder)).sort(byExtension)
  for (const damaged of ['', '{}', '[', '{"inputs": {}, "program": "../../x"}']) {
    await writeFile(join(folder, manifest), damaged)
    t.is((await compileActor(folder)).path, path)
  }
})

/** A project of its own: our sources, and p-retry, which is bundled with them, as files to write to. */
async function copyOfProject(t: ExecutionContext): Promise<string> {
  const folder = await scratch(t)
  for (const part of ['harness', 'package.json', 'tsconfig.json', 'node_modules/p-retry']) {
    await cp(join(projectFolder, part), join(folder, part), {recursive: true})
  }
  for (const name of await readdir(join(projectFolder, 'node_modules'))) {
    if (name === 'p-retry' || name === '.cache') continue
    const [target, path] = [projectFolder, folder].map((root) => join(root, 'node_modules', name))
    await symlink(target ?? '', path ?? '')
  }
  // What was written just now might still be being written.
  const aMinuteAgo = Date.now() / 1000 - 60
  for (const file of await readdir(folder, {recursive: true, withFileTypes: true})) {
    if (file.isFile()) await utimes(join(file.parentPath, file.name), aMinuteAgo, aMinuteAgo)
  }
  return folder
}

test('a program is compiled anew when the content of a source or of a bundled dependency changes, not its time', async (t) => {
  const project = await copyOfProject(t)
  const module = JSON.stringify(pathToFileURL(join(project, 'harness/processes/compile.ts')).href)
  const source = `process.stdout.write((await (await import(${module})).compileActor()).path)`
  const compiled = async () => {
    const args = ['--import=tsx', '--input-type=module', '--eval', source]
    const {stdout, stderr} = await startProgram(t, [process.execPath, ...args]).ended
    t.is(stderr, '')
    return {path: stdout, text: await readFile(stdout, 'utf8')}
  }
  const first = await compiled()
  const aMinuteAgo = Date.now() / 1000 - 60
  for (const [file, was, becomes] of [
    ['harness/processes/actor.ts', 'unknown request', 'UNKNOWN request'],
    ['node_modules/p-retry/index.js', 'Expected `retries`', 'EXPECTED `retries`'],
  ] as const) {
    const path = join(project, file)
    const {size, atime, mtime} = await stat(path)
    const text = await readFile(path, 'utf8')
    t.true(first.text.includes(was), was)
    await writeFile(path, text.replaceAll(was, becomes))
    await utimes(path, atime, mtime)
    t.is((await stat(path)).size, size)
    const changed = await compiled()
    t.true(changed.text.includes(becomes) && !changed.text.includes(was), file)
    await writeFile(path, text)
    await utimes(path, aMinuteAgo, aMinuteAgo)
    t.deepEqual(await compiled(), first)
    const written = (await stat(first.path)).mtimeMs
    await utimes(path, aMinuteAgo - 60, aMinuteAgo - 60)
    await compiled()
    t.is((await stat(first.path)).mtimeMs, written)
  }
})

test('two compilations at once give the same whole program', async (t) => {
  const folder = await scratch(t)
  const [first, second] = await Promise.all([compileActor(folder), compileActor(folder)])
  t.is(first.path, second.path)
  t.is((await readdir(folder)).length, 2)
})

test('programs of sources that are long gone are removed, those of an hour are kept', async (t) => {
  const folder = await scratch(t)
  const [old, recent, foreign] = ['actor-0.mjs', 'actor-1.mjs', 'notes.txt'].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  for (const file of [old, recent, foreign]) await writeFile(file, '')
  const twoHoursAgo = Date.now() / 1000 - 2 * 60 * 60
  for (const file of [old, foreign]) await utimes(file, twoHoursAgo, twoHoursAgo)
  await compileActor(folder)
  t.deepEqual([old, recent, foreign].map(existsSync), [false, true, true])
})

test('where the cache cannot be written, a temporary program runs, and dispose removes it', async (t) => {
  const file = join(await scratch(t), 'a-file-is-no-folder')
  await writeFile(file, '')
  const program = await compileActor(join(file, 'cache'))
  t.true(program.path.startsWith(tmpdir()))
  const actor = await launch(program.path, 'successor')
  // The native opener needs koffi, which is not in the program itself.
  const opener = nativeOpenerProblem() === undefined ? 'native' : 'node'
  const server = {opener, bind: 'none', address: '127.0.0.1', port: 0, reads: true} as const
  const restart = {server: {...server, greeting: 'me'}, limitSeconds: 1, wait: false} as const
  t.deepEqual(await actor.request('restart', {...restart, pacing: {kind: 'proportional'}}), {
    granted: true,
  })
  actor.kill()
  await actor.ended
  await program.dispose()
  t.false(existsSync(dirname(program.path)))
})
