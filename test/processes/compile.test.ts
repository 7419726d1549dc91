import {existsSync} from 'node:fs'
import {mkdtemp, readdir, rm, stat, utimes, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {compileActor} from '../../harness/processes/compile.ts'
import {launch} from '../../harness/processes/launch.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'

async function scratch(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rebind-compile-test-'))
  t.teardown(() => rm(folder, {recursive: true, force: true}))
  return folder
}

test('a program is compiled once and then taken from the cache', async (t) => {
  const folder = join(await scratch(t), 'made', 'when-needed')
  const first = await compileActor(folder)
  const written = await stat(first.path)
  const second = await compileActor(folder)
  t.is(second.path, first.path)
  t.is((await stat(second.path)).mtimeMs, written.mtimeMs)
  await first.dispose()
  t.deepEqual(
    (await readdir(folder)).map((file) => join(folder, file)),
    [first.path],
  )
})

test('two compilations at once give the same whole program', async (t) => {
  const folder = await scratch(t)
  const [first, second] = await Promise.all([compileActor(folder), compileActor(folder)])
  t.is(first.path, second.path)
  t.is((await readdir(folder)).length, 1)
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
