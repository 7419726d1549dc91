import {type ChildProcessByStdio, spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync} from 'node:fs'
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {createServer} from 'node:net'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import type {Readable, Writable} from 'node:stream'
import {setTimeout as delay} from 'node:timers/promises'
import test from 'ava'
import {type Report, reportSchema} from '../../harness/reports/schema.ts'
import {scenarios} from '../../scenarios/index.ts'

type Cli = ChildProcessByStdio<Writable, Readable, Readable>

let folder = ''
let folders = 0
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rebind-test-'))
})
test.after.always(() => rm(folder, {recursive: true, force: true}))

/** A fresh --out folder, which the program has to make itself. */
function freshFolder(): string {
  return join(folder, String(++folders))
}

function start(args: string[], prefix: string[] = []): Cli {
  const [command = '', ...rest] = [
    ...prefix,
    process.execPath,
    '--import=tsx',
    'harness/cli.ts',
    ...args,
  ]
  return spawn(command, rest, {stdio: ['pipe', 'pipe', 'pipe']})
}

interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

async function ended(cli: Cli): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  cli.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text
  })
  cli.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text
  })
  const [status] = await once(cli, 'close')
  return {status, stdout, stderr}
}

function rebind(...args: string[]): Promise<Ended> {
  const cli = start(args)
  cli.stdin.end()
  return ended(cli)
}

async function said(cli: Cli, text: string): Promise<void> {
  let heard = ''
  for await (const chunk of cli.stderr.iterator({destroyOnReturn: false})) {
    heard += chunk
    if (heard.includes(text)) return
  }
  throw new Error(`never said "${text}", only: ${heard}`)
}

async function runFolder(out: string): Promise<string> {
  const [run = ''] = await readdir(out)
  return join(out, run)
}

async function eventsOf(out: string) {
  const text = await readFile(join(await runFolder(out), 'events.ndjson'), 'utf8')
  // A killed program may have been cut off within its last line.
  const whole = text.slice(0, text.lastIndexOf('\n'))
  return whole.split('\n').map((line) => JSON.parse(line))
}

async function reportOf(out: string): Promise<Report> {
  return reportSchema.parse(
    JSON.parse(await readFile(join(await runFolder(out), 'report.json'), 'utf8')),
  )
}

async function pidsOf(out: string, role?: string): Promise<number[]> {
  return (await eventsOf(out))
    .filter(({event, change}) => event === 'process' && change === 'started')
    .filter((event) => role === undefined || event.role === role)
    .map(({pid}) => pid)
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const wrong: [args: string[], message: RegExp][] = [
  [['run', 'server-close-first'], /unknown scenario "server-close-first".*server-closes-first/],
  [['run', '--limit', 'abc'], /'abc' is invalid.*number of seconds/],
  [['run', '--limit', '-1'], /'-1' is invalid/],
  [['run', '--limit', '0'], /'0' is invalid/],
  [['run', '--quik'], /unknown option '--quik'[\s\S]*--quick/],
  [['lst'], /unknown command 'lst'[\s\S]*list/],
  [['nc', '127.0.0.1', '70000'], /port from 1 to 65535/],
  [['run', '--out', 'package.json'], /cannot write to package.json.*--out/],
  [['run', '--out', '/proc/nowhere/logs'], /cannot write to \/proc\/nowhere\/logs.*--out/],
]
for (const [args, message] of wrong) {
  test(`rebind ${args.join(' ')}: a clear line on stderr and exit status 2`, async (t) => {
    const {status, stdout, stderr} = await rebind(...args)
    t.is(status, 2)
    t.is(stdout, '')
    t.regex(stderr, message)
    t.notRegex(stderr, /\n\s+at /)
  })
}

test('list shows every scenario with its claim', async (t) => {
  const {status, stdout} = await rebind('list')
  t.is(status, 0)
  for (const [id, {claim}] of Object.entries(scenarios)) {
    t.true(stdout.includes(id))
    t.true(stdout.includes(claim))
  }
})

test('run --json prints the report that it writes, and nothing else', async (t) => {
  const out = freshFolder()
  const {status, stdout} = await rebind(
    'run',
    '--json',
    '--out',
    out,
    'server-aborts',
    'client-aborts',
  )
  t.is(status, 0)
  const report = reportSchema.parse(JSON.parse(stdout))
  t.deepEqual(report, await reportOf(out))
  t.deepEqual(
    report.results.map(({scenario, bind}) => [scenario, bind?.verdict]),
    [
      ['server-aborts', 'immediate'],
      ['client-aborts', 'immediate'],
    ],
  )
  for (const event of await eventsOf(out)) {
    t.is(event.run, report.run.id)
    t.is(typeof event.seconds, 'number')
    t.true('scenario' in event && 'event' in event)
  }
})

test('run --quick does not wait out a refused bind', async (t) => {
  const {status, stdout} = await rebind(
    ...['run', '--quick', '--json', '--out', freshFolder(), 'server-closes-first'],
  )
  t.is(status, 0)
  const [result] = (JSON.parse(stdout) as Report).results
  t.is(result?.bind?.verdict, 'blocked')
  t.is(result?.bind?.waited, false)
  t.is(result?.bind?.waitSeconds, null)
})

test('run --limit 1 is blocked within a second of trying, as is to be expected', async (t) => {
  const {status, stdout} = await rebind(
    ...['run', '--limit', '1', '--json', '--out', freshFolder(), 'server-closes-first'],
  )
  t.is(status, 0)
  const [result] = (JSON.parse(stdout) as Report).results
  t.is(result?.bind?.verdict, 'blocked')
  t.is(result?.bind?.waited, true)
  t.is(result?.expected?.verdict, 'blocked')
})

const signals: [NodeJS.Signals, status: number][] = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]
for (const [signal, status] of signals) {
  test(`${signal} to the program alone, even twice: a partial report, no process left`, async (t) => {
    const out = freshFolder()
    const cli = start(['run', '--out', out, 'server-closes-first'])
    await said(cli, 'EADDRINUSE')
    cli.kill(signal)
    cli.kill(signal)
    const {status: seen, stdout} = await ended(cli)
    t.is(seen, status)
    t.regex(stdout, /skipped server-closes-first: interrupted/)
    const report = await reportOf(out)
    t.is(report.run.interrupted, signal)
    t.is(report.results[0]?.status, 'skipped')
    t.is(report.results[0]?.bind?.firstError?.code, 'EADDRINUSE')
    const pids = await pidsOf(out)
    t.is(pids.length, 3)
    t.deepEqual(pids.filter(isRunning), [])
  })
}

test('SIGKILL of the program: its processes end within 2 s, its log can be read', async (t) => {
  const out = freshFolder()
  const cli = start(['run', '--out', out, 'server-closes-first'])
  await said(cli, 'EADDRINUSE')
  // The log is written out twice a second; the successor's first attempt is what must be in it.
  while (!(await eventsOf(out).catch(() => [])).some(({event}) => event === 'bind-attempt')) {
    await delay(20)
  }
  const pids = await pidsOf(out)
  cli.kill('SIGKILL')
  await once(cli, 'close')
  const deadline = performance.now() + 2000
  while (pids.some(isRunning) && performance.now() < deadline) await delay(10)
  t.deepEqual(pids.filter(isRunning), [])
})

test('SIGKILL of one successor fails that scenario and leaves the other alone', async (t) => {
  const out = freshFolder()
  const cli = start([
    'run',
    '--limit',
    '4',
    '--out',
    out,
    '--json',
    'server-closes-first',
    'reuseaddr-dropped',
  ])
  const end = ended(cli)
  let victim: {pid: number; scenario: string} | undefined
  while (victim === undefined) {
    const events = existsSync(out) ? await eventsOf(out).catch(() => []) : []
    const trying = events.filter(({event}) => event === 'bind-attempt')
    victim = events.find(
      ({role, change, scenario}) =>
        role === 'successor' && change === 'started' && scenario === trying[0]?.scenario,
    )
    await delay(20)
  }
  process.kill(victim.pid, 'SIGKILL')
  const {status, stdout} = await end
  t.is(status, 3)
  for (const result of (JSON.parse(stdout) as Report).results) {
    if (result.scenario === victim.scenario) {
      t.is(result.status, 'failed')
      t.regex(result.reason ?? '', /the successor \(pid \d+\) was ended by SIGKILL/)
    } else t.is(result.status, 'as-expected')
  }
})

test('two runs at the same time, and a third at once afterwards, do not trip over each other', async (t) => {
  const quick = async () => (await rebind('run', '--quick', '--out', freshFolder())).status
  t.deepEqual(await Promise.all([quick(), quick()]), [0, 0])
  t.is(await quick(), 0)
})

test('a reader that closes early is no error', async (t) => {
  const cli = start(['run', '--quick', '--out', freshFolder(), 'server-aborts'])
  cli.stdout.destroy()
  let stderr = ''
  cli.stderr.on('data', (text) => {
    stderr += text
  })
  const [status] = await once(cli, 'close')
  t.is(status, 0)
  t.notRegex(stderr, /\n\s+at /)
})

test('too few open files: exit status 3 and the remedy', async (t) => {
  if (!existsSync('/usr/bin/prlimit')) {
    t.log('skipped: prlimit is not installed')
    t.pass()
    return
  }
  const cli = start(['run', '--quick', '--out', freshFolder()], ['prlimit', '--nofile=64'])
  const {status, stdout, stderr} = await ended(cli)
  t.is(status, 3)
  t.regex(stdout + stderr, /too many open files.*ulimit -n/)
  t.notRegex(stderr, /\n\s+at /)
})

test('nc copies both ways and keeps the half-close', async (t) => {
  const server = createServer({allowHalfOpen: true}, (socket) => {
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    // Answered only once the client's end has been seen.
    socket.on('end', () => socket.end(`got ${received}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as {port: number}
  const cli = start(['nc', '127.0.0.1', String(port)])
  cli.stdin.end('hello')
  const {status, stdout} = await ended(cli)
  t.is(status, 0)
  t.is(stdout, 'got hello')
  server.close()
})

test('nc ends when the server closes, though its stdin stays open', async (t) => {
  const server = createServer((socket) => socket.end('bye'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as {port: number}
  const {status, stdout} = await ended(start(['nc', '127.0.0.1', String(port)]))
  t.is(status, 0)
  t.is(stdout, 'bye')
  server.close()
})

test('nc says in one line that the connection was refused', async (t) => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as {port: number}
  server.close()
  await once(server, 'close')
  const {status, stderr} = await rebind('nc', '127.0.0.1', String(port))
  t.is(status, 1)
  t.is(stderr, `rebind: connect ECONNREFUSED 127.0.0.1:${port}\n`)
})

test('a run folder that cannot be made stops the run before anything starts', async (t) => {
  const file = join(folder, 'a-file')
  await writeFile(file, '')
  const {status, stderr} = await rebind('run', '--out', join(file, 'logs'))
  t.is(status, 2)
  t.regex(stderr, /ENOTDIR/)
})
