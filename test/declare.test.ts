import {mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {projectFolder, startProgram, temporaryFolder} from './commands/cli.ts'

const path = (name: string) => JSON.stringify(join(projectFolder, name))
const imports = `import {test} from ${path('test/declare.ts')}\n`

/** AVA over a project with one test file, which loads two others into its process. */
async function shared(t: ExecutionContext, one: string, other: string): Promise<string> {
  const folder = temporaryFolder(t)
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const files = {
    'package.json':
      '{"type": "module", "ava": {"require": ["./tsx.js"], "files": ["shared.test.js"], "timeout": "3m"}}',
    'tsx.js': `import {register} from ${loader}\nregister()\n`,
    'one.js': imports + one,
    'other.js': imports + other,
    'shared.test.js': `import {shareProcess} from ${path('test/declare.ts')}
      await shareProcess({'a/one': () => import('./one.js'), 'a/other': () => import('./other.js')})`,
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  // AVA keeps its cache there.
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(join(projectFolder, 'node_modules', 'ava'), join(folder, 'node_modules', 'ava'))
  const ava = join(folder, 'node_modules', 'ava', 'entrypoints', 'cli.mjs')
  const {stdout, stderr} = await startProgram(t, [process.execPath, ava, '--tap'], {cwd: folder})
    .ended
  return stdout + stderr
}

test('files that share a process may have tests of the same title, which tells them apart', async (t) => {
  const same = "await null; test('same', (t) => t.pass()); test.serial('first', (t) => t.fail())"
  const said = await shared(t, same, same)
  t.deepEqual(said.match(/^(not )?ok \d+ - .*/gm)?.sort(), [
    ...['not ok 1 - a › one › first', 'not ok 2 - a › other › first'],
    ...['ok 3 - a › one › same', 'ok 4 - a › other › same'],
  ])
})

test('an error outside of every test names the file that it is from', async (t) => {
  const thrown = "setTimeout(() => { throw new Error('late') })"
  const waits = (then: string) => `test('waits', () => new Promise(() => { ${then} }))`
  const said = await shared(t, waits(''), waits(thrown))
  t.regex(said, /late/)
  t.regex(said, /other\.js/)
  t.notRegex(said, /one\.js/)
})

// On a machine that has everything such a wait may be over at once, and only another one would show it.
test('no test file waits for anything once it has declared a test, as AVA begins then', (t) => {
  const folder = join(projectFolder, 'test')
  const files = readdirSync(folder, {recursive: true, encoding: 'utf8'})
  const waiting = files.filter((file) => {
    if (!file.endsWith('.test.ts')) return false
    // Of a formatted file, what is not indented is outside of all functions.
    const lines = readFileSync(join(folder, file), 'utf8')
      .replace(/`[^`]*`/g, '``')
      .split('\n')
    const first = lines.findIndex((line) => /^(test\.|needs\(|\w+\(($|['`])|for .*\{$)/.test(line))
    return lines.some((line, index) => {
      return index > first && first >= 0 && /^\S(?!.*\basync\b).*\bawait\b/.test(line)
    })
  })
  t.deepEqual(waiting, [])
})

test('every test file that declares its tests for a shared process is loaded into one', (t) => {
  const folder = join(projectFolder, 'test')
  const files = readdirSync(folder, {recursive: true, encoding: 'utf8'})
  const text = (file: string) => readFileSync(join(folder, file), 'utf8')
  const declaring = files.filter(
    (file) =>
      file.endsWith('.test.ts') && /^import {test} from '.*\/declare\.ts'$/m.test(text(file)),
  )
  const loaded = text('shared-process.test.ts').match(/(?<=import\('\.\/).*(?='\))/g)
  t.deepEqual(loaded, declaring.sort())
})
