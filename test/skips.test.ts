import {mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {projectFolder, startProgram, temporaryFolder} from './commands/cli.ts'
import {missingProgram} from './needs.ts'
import {forbiddenReasons, skipsLine} from './skips.ts'

/** What the run that plays this test has set for itself. */
const ours = {REBIND_ALLOWED_SKIPS: undefined}

/** A project of its own, with one file of tests, and test/run.ts over it. */
function runTests(t: ExecutionContext, source: string, env: Record<string, string> = {}) {
  const folder = temporaryFolder(t)
  const path = (name: string) => JSON.stringify(join(projectFolder, name))
  const json = '{"type": "module", "ava": {"require": ["./tsx.js"], "timeout": "3m"}}'
  // Not by --import: all of ava would go through its hooks, too.
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  writeFileSync(join(folder, 'tsx.js'), `import {register} from ${loader}\nregister()\n`)
  writeFileSync(join(folder, 'package.json'), json)
  // Not all of node_modules: ava keeps its cache there.
  mkdirSync(join(folder, 'node_modules'))
  const ava = join('node_modules', 'ava')
  symlinkSync(join(projectFolder, ava), join(folder, ava))
  const imports = `import test from 'ava'\nimport {needs} from ${path('test/needs.ts')}\n`
  writeFileSync(join(folder, 'some.test.js'), imports + source)
  const tmp = join(folder, 'tmp')
  mkdirSync(tmp)
  const command = [
    process.execPath,
    `--import=${import.meta.resolve('tsx')}`,
    join(projectFolder, 'test', 'run.ts'),
  ]
  const program = startProgram(t, command, {cwd: folder, env: {...ours, TMPDIR: tmp, ...env}})
  const leftBehind = () => readdirSync(tmp).filter((name) => name.startsWith('rebind-'))
  return {...program, folder, leftBehind}
}

const twoReasons = `
  test('one', (t) => t.pass())
  needs('nft is not installed')('two', (t) => t.fail())
  needs('nft is not installed', test.serial)('three', (t) => t.fail())
  needs('no cc here')('four', (t) => t.fail())
`

test("after ava's output the skips are counted by reason, and nothing is left behind", async (t) => {
  const {ended, leftBehind} = runTests(t, twoReasons)
  const {status, stdout} = await ended
  t.is(status, 0, stdout)
  t.regex(stdout, /1 test passed/)
  t.is(stdout.trimEnd().split('\n').at(-1), 'skipped: 3 (nft is not installed: 2, no cc here: 1)')
  t.deepEqual(leftBehind(), [])
})

test("ava's exit status is kept", async (t) => {
  const {status, stdout} = await runTests(t, "test('fails', (t) => t.fail())").ended
  t.is(status, 1)
  t.is(stdout.trimEnd().split('\n').at(-1), 'skipped: 0')
})

test('SIGTERM ends ava, too, and nothing is left behind', async (t) => {
  const source =
    "console.error('up'); test('hangs', () => new Promise(() => setTimeout(() => {}, 60_000)))"
  const {child, ended, shows, leftBehind} = runTests(t, source)
  await shows(/up/)
  child.kill('SIGTERM')
  const {status} = await ended
  t.is(status, 143)
  t.deepEqual(leftBehind(), [])
})

test('a reason that is not on the list fails the tests, and is named', async (t) => {
  const list = join(temporaryFolder(t), 'allowed.txt')
  writeFileSync(list, '# why\nno cc here\n')
  const {status, stdout} = await runTests(t, twoReasons, {REBIND_ALLOWED_SKIPS: list}).ended
  t.is(status, 1)
  t.deepEqual(
    stdout.split('\n').filter((line) => line.startsWith('::error')),
    [`::error title=Skipped in CI::nft is not installed (not in ${list})`],
  )
})

test('a line that counts the skips begins with the most frequent reason', (t) => {
  t.is(skipsLine([]), 'skipped: 0')
  t.is(skipsLine(['a', 'b', 'b']), 'skipped: 3 (b: 2, a: 1)')
})

test('a list of reasons has comments, and allows whole reasons only', (t) => {
  const list = '# those of root\nroot may write anything   # GitHub runs us as a user\n\n'
  t.deepEqual(forbiddenReasons(['root may write anything', 'root', 'root'], list), ['root'])
  t.deepEqual(forbiddenReasons([], list), [])
})

test("a program that only a dependency of ours brings along is not the system's", (t) => {
  const folder = join(temporaryFolder(t), 'node_modules', '.bin')
  mkdirSync(folder, {recursive: true})
  writeFileSync(join(folder, 'some-tool'), '', {mode: 0o755})
  t.is(missingProgram('some-tool', folder), 'some-tool is not installed')
  t.is(missingProgram('some-tool', `${folder}:${join(folder, '..')}`), 'some-tool is not installed')
  t.is(missingProgram('node', dirname(process.execPath)), undefined)
})

test('every test that may skip says why: only test/needs.ts declares one that does', (t) => {
  const folder = join(projectFolder, 'test')
  const files = readdirSync(folder, {recursive: true, encoding: 'utf8'}).filter(
    (name) => name.endsWith('.ts') && !['needs.ts', 'skips.test.ts'].includes(name),
  )
  t.true(files.length > 100)
  t.deepEqual(
    files.filter((name) =>
      /\btest(\.serial)?\.skip\b/.test(readFileSync(join(folder, name), 'utf8')),
    ),
    [],
  )
})
