import {execFileSync} from 'node:child_process'
import {once} from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {type AddressInfo, createServer} from 'node:net'
import {join, relative} from 'node:path'
import {fileURLToPath} from 'node:url'
import test, {type ExecutionContext} from 'ava'
import {publint} from 'publint'
import {formatMessage} from 'publint/utils'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {projectFolder, startProgram, temporaryFolder, testUnless} from '../commands/cli.ts'
import {realDocuments} from '../documents/documents.ts'
import {fetchNodes, install, pack, sizeOf} from './install.ts'

const examples = fileURLToPath(new URL('examples/', import.meta.url))
const {engines} = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8')) as {
  engines: {node: string}
}
const oldest = engines.node.replace('>=', '')
const newest = '26'
const largestFootprintBytes = 12_000_000
const mostPackages = 25

const [tarball, fetched] = await Promise.all([pack(), fetchNodes([oldest, newest])])
const problem = 'problem' in fetched ? fetched.problem : nativeOpenerProblem()

let installed = ''
test.before(async () => {
  if (problem !== undefined) return
  installed = await install('user', [tarball])
  // As examples that use it lie in somebody's project.
  cpSync(examples, installed, {recursive: true})
  symlinkSync(join(projectFolder, 'node_modules', 'ava'), join(installed, 'node_modules', 'ava'))
  const scenario = readFileSync(join(examples, 'own-scenario.ts'))
  mkdirSync(join(installed, 'with-tsx', 'node_modules'), {recursive: true})
  writeFileSync(join(installed, 'with-tsx', 'own-scenario.ts'), scenario)
  symlinkSync(
    join(projectFolder, 'node_modules', 'tsx'),
    join(installed, 'with-tsx', 'node_modules', 'tsx'),
  )
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map(({parentPath, name}) => relative(folder, join(parentPath, name)))
}

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

testUnless(
  problem,
  'installed, with all it depends on, it takes at most 12 MB and 25 packages',
  (t) => {
    const modules = join(installed, 'node_modules')
    const bytes = sizeOf(modules)
    const lockfile = readFileSync(join(modules, '.package-lock.json'), 'utf8')
    const {packages} = JSON.parse(lockfile) as {packages: Record<string, unknown>}
    // Of koffi's binaries, the one of this machine.
    const count = Object.keys(packages).filter((path) => existsSync(join(installed, path))).length
    t.log(`${(bytes / 1e6).toFixed(1)} MB, ${count} packages`)
    t.true(bytes <= largestFootprintBytes, `${bytes} bytes`)
    t.true(count > 1 && count <= mostPackages, `${count} packages`)
  },
)

testUnless(problem, 'the package holds what runs, and no sources, tests or own runs', (t) => {
  const files = filesBelow(join(installed, 'node_modules', 'rebind'))
  const beside = files.filter((file) => !file.startsWith('dist/'))
  t.deepEqual(beside.sort(), ['LICENSE', 'README.md', 'package.json'])
  const inDist = files.filter((file) => file.startsWith('dist/'))
  const expected =
    /^dist\/(harness\/(.+\.(js|d\.ts)|chunks\/xdg-open|(hold\/preload|explain\/(preload|explainer))\.cjs)|recorded\/.+\.json\.gz|schemas\/.+\.json|THIRD-PARTY-LICENSES\.txt)$/
  t.deepEqual(
    inDist.filter((file) => !expected.test(file)),
    [],
  )
})

testUnless(problem, 'the licence of every package that is bundled is in the package', (t) => {
  const folder = join(installed, 'node_modules', 'rebind', 'dist')
  const bundled = new Set<string>()
  for (const file of filesBelow(folder).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    // With this line esbuild begins what it took from a file.
    for (const [, path = ''] of text.matchAll(/^\s*\/\/ (\S*node_modules\/\S+)$/gm)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]
      if (name !== undefined) bundled.add(name)
    }
  }
  for (const name of ['commander', 'd3-scale', 'pino', 'zod']) t.true(bundled.has(name), name)

  const sections = readFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), 'utf8').split(
    `\n${'-'.repeat(80)}\n\n`,
  )
  const licences = new Map(sections.slice(1).map((section) => [section.split(' ')[0], section]))
  for (const name of bundled) {
    t.regex(licences.get(name) ?? '', /copyright/i, `${name} has no licence text`)
  }
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
        'false',
        ...strict,
        ...asModules,
        ...types,
        'api.ts',
        'run.ts',
        'restart.ts',
        'second-instance.ts',
        'explain.ts',
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

    testUnless(
      problem,
      `rebind/explain explains a program and a cluster on ${which}`,
      async (t) => {
        const taken = createServer().listen(0, '127.0.0.1')
        await once(taken, 'listening')
        t.teardown(() => taken.close())
        const {port} = taken.address() as AddressInfo
        const cluster = `
        import cluster from 'node:cluster'
        import {createServer} from 'node:http'
        if (cluster.isPrimary && process.argv[2] === 'cluster') cluster.fork()
        else createServer().listen(${port}, '127.0.0.1')`
        const program = `refused-by-${port}.mjs`
        writeFileSync(join(installed, program), cluster)
        for (const loader of ['--import', '--require']) {
          for (const args of [[], ['cluster']]) {
            const command = [node, loader, 'rebind/explain', program, ...args]
            const env = {REBIND_EXPLAIN_SECONDS: '30'}
            const {stderr} = await startProgram(t, command, {cwd: installed, env}).ended
            t.is(stderr.match(/^Port \d+ cannot be bound now/gm)?.length, 1, stderr)
            t.regex(
              stderr,
              new RegExp(`process ${process.pid} .* listens on 127\\.0\\.0\\.1:${port}`),
            )
          }
        }
      },
    )

    const playsOwn = async (t: ExecutionContext, file: string) => {
      const own = ['--scenario', file, '--quick', '--json']
      const {status, stdout, stderr} = await run(t, [...cli(), 'run', ...own])
      t.is(status, 0, stderr)
      const [result, ...others] = JSON.parse(stdout).results
      t.is(result.scenario, 'own-scenario')
      t.is(result.status, 'as-expected')
      t.deepEqual(others, [])
    }

    /** In a folder from which Node finds neither `rebind` nor tsx. The example has no types, but in its name. */
    const elsewhere = (t: ExecutionContext, extension: string) => {
      const file = join(temporaryFolder(t), `own-scenario${extension}`)
      cpSync(join(examples, 'own-scenario.ts'), file)
      return file
    }

    testUnless(problem, `a scenario in JavaScript, anywhere, is played on ${which}`, async (t) => {
      await playsOwn(t, elsewhere(t, '.mjs'))
    })

    if (node === nodeNewest) {
      testUnless(problem, `one in TypeScript, anywhere, is played on ${which}`, async (t) => {
        await playsOwn(t, elsewhere(t, '.mts'))
      })
    } else {
      testUnless(problem, `one in TypeScript beside tsx is played on ${which}`, async (t) => {
        await playsOwn(t, join('with-tsx', 'own-scenario.ts'))
      })
    }

    testUnless(problem, `a program runs scenarios and checks its server on ${which}`, async (t) => {
      const tsx = `--import=${import.meta.resolve('tsx')}`
      const {status, stdout, stderr} = await run(t, [node, tsx, 'api.ts'])
      t.is(status, 0, stderr)
      t.deepEqual(stdout.trim().split('\n').sort(), [
        'reload nothing-restarted',
        'resets as-expected immediate',
        'restart safe immediate',
        'second instance refuses',
        'server-closes-first-reuseaddr as-expected immediate',
      ])
    })
  }

  testUnless(problem, `without tsx, Node ${oldest} says in one line what it lacks`, async (t) => {
    const cli = [nodeOldest, join('node_modules', 'rebind', 'dist', 'harness', 'cli.js')]
    const command = [...cli, 'run', '--scenario', './own-scenario.ts', '--quick']
    const {status, stdout, stderr} = await startProgram(t, command, {cwd: installed}).ended
    t.is(status, 2)
    t.is(stdout, '')
    t.regex(
      stderr,
      /^rebind: \.\/own-scenario\.ts cannot be loaded: Node 20\.\S+ does not strip types; install tsx .+\n$/,
    )
  })
}

testUnless(problem, 'without the SDK, mcp says in one line how to install it', async (t) => {
  const cli = join('node_modules', 'rebind', 'dist', 'harness', 'cli.js')
  const command = [process.execPath, cli, 'mcp']
  const {status, stdout, stderr} = await startProgram(t, command, {cwd: installed}).ended
  t.is(status, 2)
  t.is(stdout, '')
  t.regex(stderr, /^rebind: .*@modelcontextprotocol\/sdk.* npm install --save-dev .+\n$/)
})

testUnless(problem, 'the recorded systems come with the package, and are compared', async (t) => {
  const cli = join('node_modules', 'rebind', 'dist', 'harness', 'cli.js')
  const command = [process.execPath, cli, 'compare', '--json']
  const {status, stdout, stderr} = await startProgram(t, command, {cwd: installed}).ended
  t.is(status, 0, stderr)
  const recorded = readdirSync(join(projectFolder, 'logs', 'recorded')).filter(
    (name) => name !== 'README.md',
  )
  for (const name of recorded) t.true(stdout.includes(`/${name}/`), name)
})

testUnless(problem, 'the package draws the charts of a page', async (t) => {
  const folder = join(installed, 'measured')
  mkdirSync(folder)
  const {timing} = await realDocuments()
  writeFileSync(join(folder, 'timing.json'), JSON.stringify(timing))
  const cli = join('node_modules', 'rebind', 'dist', 'harness', 'cli.js')
  const command = [process.execPath, cli, 'report', folder]
  const {status, stderr} = await startProgram(t, command, {cwd: installed}).ended
  t.is(status, 0, stderr)
  const page = readFileSync(join(folder, 'report.html'), 'utf8')
  t.regex(page, /<svg[^>]*>.*seconds from the closing to the grant/s)
})
