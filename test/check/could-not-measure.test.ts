/** Where what a verdict rests on cannot be established there is none: exit status 3, and why. */
import {execFileSync, spawnSync} from 'node:child_process'
import {chmodSync, copyFileSync, existsSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {clearAway} from '../../harness/check/clear-away.ts'
import {CouldNotMeasure} from '../../harness/check/could-not-measure.ts'
import {fillOptions} from '../../harness/check/options.ts'
import {collectLines} from '../../harness/check/output-lines.ts'
import {startProblem} from '../../harness/check/problems.ts'
import type {ServerHost, ServerStart} from '../../harness/check/server.ts'
import {sayingWhoIsLeft} from '../../harness/check/stage.ts'
import {
  type CheckDocument,
  type CheckProblem,
  checkSchema,
} from '../../harness/documents/check-schema.ts'
import {readProcesses} from '../../harness/processes/process-table.ts'
import type {SeenSocket} from '../../harness/restart/observer.ts'
import {
  missingProgram,
  projectFolder,
  runCli,
  stackTrace,
  temporaryFolder,
  testUnless,
  until,
} from '../commands/cli.ts'
import {freePort, httpServer, program} from './servers.ts'

const isRoot = process.getuid?.() === 0
const onLinux = process.platform === 'linux' ? undefined : 'only Linux has these'

/** What `rebind check --json` says of why it could not measure. */
async function problemOf(
  t: ExecutionContext,
  launcher: string[],
  command: string[],
  args: string[] = [],
): Promise<CheckProblem> {
  const out = temporaryFolder(t)
  chmodSync(out, 0o777)
  const port = String(await freePort(t))
  const all = ['check', '--json', '--port', port, '--out', out, ...args, '--', ...command]
  const {status, stdout, stderr} = await runCli(t, all, {launcher})
  t.is(status, 3, stderr)
  t.notRegex(stderr, stackTrace)
  const document = checkSchema.parse(JSON.parse(stdout))
  t.false(document.safe)
  t.true(document.advice.length > 0)
  if (document.problem === undefined) throw new Error('there is no problem')
  return document.problem
}

/** Its own mount namespace, in which nothing is to be seen in /proc. */
const withoutProc = ['-m', 'sh', '-c', 'mount -t tmpfs none /proc && exec "$@"', 'sh']
const hidesProc = isRoot ? ['unshare', ...withoutProc] : ['unshare', '-Ur', ...withoutProc]

function hidingProblem(): string | undefined {
  if (onLinux !== undefined) return onLinux
  const missing = missingProgram('unshare')
  if (missing !== undefined) return missing
  const [command = '', ...args] = [...hidesProc, 'true']
  const {status, stderr} = spawnSync(command, args, {encoding: 'utf8'})
  return status === 0 ? undefined : `no mount namespace: ${stderr.trim()}`
}

testUnless(
  hidingProblem(),
  'without /proc nobody is called safe, and no server is started',
  async (t) => {
    const folder = temporaryFolder(t)
    const server = program(
      t,
      'server.mjs',
      `import {writeFileSync} from 'node:fs'
    writeFileSync(${JSON.stringify(join(folder, 'started'))}, '')
    ${httpServer}`,
    )
    const {kind, message, remedy} = await problemOf(t, hidesProc, [process.execPath, server])
    t.is(kind, 'no-process-table')
    t.regex(message, /the list of processes cannot be read/)
    t.regex(remedy, /\/proc is mounted/)
    t.false(existsSync(join(folder, 'started')))
  },
)

const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']

/** Why nobody can run a setuid program of ours that becomes root, and this checkout's command line. */
function rootServerProblem(): string | undefined {
  if (onLinux !== undefined) return onLinux
  if (!isRoot) return 'only root can make a program that becomes root'
  const missing = missingProgram('setpriv')
  if (missing !== undefined) return missing
  const cli = join(projectFolder, 'dist', 'harness', 'cli.js')
  const [command = '', ...args] = [
    ...nobody,
    process.execPath,
    '-e',
    `require('fs').accessSync('${cli}')`,
  ]
  return spawnSync(command, args).status === 0
    ? undefined
    : 'another user may not read this checkout'
}

testUnless(
  rootServerProblem(),
  'a server that becomes root under the check of an ordinary user is a document, with who is left',
  async (t) => {
    const folder = temporaryFolder(t)
    chmodSync(folder, 0o755)
    const becomesRoot = join(folder, 'becomes-root')
    copyFileSync(execFileSync('which', ['setpriv'], {encoding: 'utf8'}).trim(), becomesRoot)
    chmodSync(becomesRoot, 0o4755)
    const server = program(t, 'server.mjs', httpServer)
    chmodSync(join(server, '..'), 0o755)
    const isServer = (pid: number) => commandOf(pid).includes(server)
    const left = () => readProcesses().filter(({pid, zombie}) => !zombie && isServer(pid))
    t.teardown(() => {
      for (const {pid} of left()) process.kill(pid, 'SIGKILL')
    })
    const command = [
      becomesRoot,
      '--reuid=0',
      '--regid=0',
      '--clear-groups',
      process.execPath,
      server,
    ]
    const {kind, message, remedy} = await problemOf(t, nobody, command)
    t.is(kind, 'not-permitted')
    const [alive] = left()
    t.true(message.includes(`pid ${alive?.pid} (`), message)
    t.true(remedy.includes(`sudo kill ${alive?.pid}`), remedy)
  },
)

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

testUnless(
  onLinux ?? missingProgram('prlimit'),
  'too few file descriptors for the connections is what is said, not that the server is at fault',
  async (t) => {
    const launcher = ['prlimit', '--nofile=300:300']
    const server = program(t, 'server.mjs', httpServer)
    const {kind, message, remedy} = await problemOf(
      t,
      launcher,
      ['node', server],
      ['--connections', '1000'],
    )
    t.is(kind, 'too-many-open-files')
    t.regex(message, /too many open files/)
    t.regex(remedy, /ulimit -n.*--connections/)
  },
)

/** A start that does not end, whatever it is sent, like one that hangs in a system call. */
function hangingStart(): {host: ServerHost; start: ServerStart; kills: number[]} {
  const kills: number[] = []
  const start = {number: 0, pid: 4242, ending: () => undefined, silent: new Promise(() => {})}
  const host = {
    processes: () => [{pid: 4242, started: '', start: 0}],
    kill: (pids: number[]) => {
      kills.push(...pids)
      return []
    },
    commandOf: () => 'hanging',
  }
  return {start: start as unknown as ServerStart, host: host as unknown as ServerHost, kills}
}

test('an attempt that SIGKILL does not end is given up after some seconds', async (t) => {
  const {host, start, kills} = hangingStart()
  const {signal} = new AbortController()
  const error = await t.throwsAsync(clearAway({host, signal}, start), {instanceOf: CouldNotMeasure})
  t.is(error?.problem.kind, 'not-ended')
  t.regex(error?.message ?? '', /SIGKILL did not end pid 4242 \(hanging\)/)
  t.true(kills.length > 0)
})

test('waiting for it can be interrupted', async (t) => {
  const {host, start, kills} = hangingStart()
  const interruption = new AbortController()
  const clearing = clearAway({host, signal: interruption.signal}, start)
  await until(() => kills.length > 0, 2, 'the first SIGKILL')
  interruption.abort('SIGINT')
  await t.throwsAsync(clearing, {name: 'AbortError'})
})

test('a port with hundreds of thousands of sockets left on it is still told how long to wait', (t) => {
  const lines = collectLines()
  lines.add('Error: listen EADDRINUSE\n')
  const socket: SeenSocket = {
    endpoint: 'server',
    socket: 'connection',
    entry: {
      state: 'TIME_WAIT',
      local: {address: '127.0.0.1', port: 3000},
      remote: {address: '127.0.0.1', port: 40000},
      expiresInSeconds: 41.2,
    },
  }
  const {remedy} = startProblem(
    {kind: 'exited', ending: {code: 1, signal: null, seconds: 0}},
    {lines} as ServerStart,
    fillOptions({command: ['true'], port: 3000}),
    Array.from({length: 300_000}, () => socket),
  )
  t.regex(remedy, /wait 44 s/)
})

test('a process that ends late, when all has been measured, is named, and the verdict stays', (t) => {
  const host = {commandOf: () => 'node server.js'}
  const document = {safe: true, advice: ['Nothing to do.']} as unknown as CheckDocument
  t.is(sayingWhoIsLeft(document, {host, late: []}), document)
  const {safe, problem, advice} = sayingWhoIsLeft(document, {host, late: [7]})
  t.true(safe)
  t.is(problem, undefined)
  t.is(advice[0], 'Nothing to do.')
  t.regex(advice[1] ?? '', /^SIGKILL did not end pid 7 \(node server\.js\): .*\.$/)
})
