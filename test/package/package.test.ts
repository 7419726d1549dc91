import {execFileSync} from 'node:child_process'
import {cpSync, readdirSync, readFileSync, symlinkSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import test, {type ExecutionContext} from 'ava'
import {publint} from 'publint'
import {formatMessage} from 'publint/utils'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {projectFolder, startProgram, testUnless} from '../commands/cli.ts'
import {fetchNodes, install, pack, sizeOf} from './install.ts'

const examples = fileURLToPath(new URL('examples/', import.meta.url))
const {engines} = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
  engines: {node: string}
}
const oldest = engines.node.replace('>=', '')
const newest = '26'
const largestFootprintBytes = 60_000_000

const [tarball, fetched] = await Promise.all([pack(), fetchNodes([oldest, newest])])
const problem = 'problem' in fetched ? fetched.problem : nativeOpenerProblem()

let installed = ''
test.before(async () => {
  if (problem !== undefined) return
  installed = await install('user', [tarball])
  // As examples that use it lie in somebody's project.
  cpSync(examples, installed, {recursive: true})
  symlinkSync(join(projectFolder, 'node_modules', 'ava'), join(installed, 'node_modules', 'ava'))
})

test('publint finds nothing wrong with what would be published', async (t) => {
  const {messages, pkg} = await publint({
    pack: {tarball: Uint8Array.from(readFileSync(tarball)).buffer},
    strict: true,
  })
  t.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  )
})

testUnless(problem, 'the package, with all it depends on, takes at most 60 MB', (t) => {
  const bytes = sizeOf(join(installed, 'node_modules'))
  t.log(`${(bytes / 1e6).toFixed(1)} MB`)
  t.true(bytes <= largestFootprintBytes, `${bytes} bytes`)
})

testUnless(problem, 'the package holds what runs, and no sources, tests or own runs', (t) => {
  const folder = join(installed, 'node_modules', 'rebind')
  const top = readdirSync(folder).filter(
    (name) => !/^(package\.json|README\.md|LICENSE)$/.test(name),
  )
  t.deepEqual(top.sort(), ['dist', 'logs', 'tsconfig.scenario.json'])
  t.deepEqual(readdirSync(join(folder, 'logs')), ['recorded'])
})

testUnless(problem, 'examples of the programmatic interface have the right types', (t) => {
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess']
  const asModules = ['--module', 'nodenext', '--target', 'es2023', '--allowImportingTsExtensions']
  const types = ['--types', 'node', '--typeRoots', join(projectFolder, 'node_modules', '@types')]
  const tsc = join(projectFolder, 'node_modules', 'typescript', 'bin', 'tsc')
  t.notThrows(() =>
    execFileSync(
      process.execPath,
      [
        tsc,
        '--noEmit',
        '--skipLibCheck',
        ...strict,
        ...asModules,
        ...types,
        'api.ts',
        'run.ts',
        'restart.ts',
      ],
      {cwd: installed, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']},
    ),
  )
})

if ('nodes' in fetched) {
  const [nodeOldest = '', nodeNewest = ''] = fetched.nodes
  for (const [node, which] of [
    [nodeOldest, `Node ${oldest}, the oldest`],
    [nodeNewest, `Node ${newest}, the newest`],
  ] as const) {
    const cli = () => [node, join('node_modules', 'rebind', 'dist', 'harness', 'cli.js')]
    const run = (t: ExecutionContext, command: string[]) =>
      startProgram(t, command, {cwd: installed}).ended

    testUnless(problem, `the installed package lists, runs and answers on ${which}`, async (t) => {
      const listed = await run(t, [...cli(), 'list'])
      t.is(listed.status, 0, listed.stderr)
      t.regex(listed.stdout, /^server-closes-first$/m)

      const scenarios = ['server-aborts', 'server-closes-first-node']
      const played = await run(t, [...cli(), 'run', ...scenarios, '--quick', '--json'])
      t.is(played.status, 0, played.stderr)
      t.is(
        JSON.parse(played.stdout).host.node,
        execFileSync(node, ['-p', 'process.versions.node'], {encoding: 'utf8'}).trim(),
      )

      const why = await run(t, [...cli(), 'why', '1', '--json'])
      t.true(why.status === 0 || why.status === 1, why.stderr)
      t.is(JSON.parse(why.stdout).port, 1)
    })

    testUnless(problem, `a scenario in a TypeScript file is played on ${which}`, async (t) => {
      const own = ['--scenario', './own-scenario.ts', '--quick', '--json']
      const {status, stdout, stderr} = await run(t, [...cli(), 'run', ...own])
      t.is(status, 0, stderr)
      const [result, ...others] = JSON.parse(stdout).results
      t.is(result.scenario, 'own-scenario')
      t.is(result.status, 'as-expected')
      t.deepEqual(others, [])
    })

    testUnless(problem, `a program runs scenarios and checks its server on ${which}`, async (t) => {
      const tsx = `--import=${import.meta.resolve('tsx')}`
      const {status, stdout, stderr} = await run(t, [node, tsx, 'api.ts'])
      t.is(status, 0, stderr)
      t.deepEqual(stdout.trim().split('\n').sort(), [
        'resets as-expected immediate',
        'restart safe immediate',
        'server-closes-first-reuseaddr as-expected immediate',
      ])
    })
  }
}
