/** `rebind wrap`: real commands, through real pipes and terminals. */
import {once} from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  lstatSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {delimiter, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {whyPortSchema} from '../../harness/documents/why-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {
  projectFolder,
  runCli,
  type StartOptions,
  startCli,
  startProgram,
  temporaryFolder,
} from '../commands/cli.ts'
import {asNobody, nobodyProblem} from '../faults/machine.ts'
import {missingProgram, needs, notLinux, pathsOf, testUnless} from '../needs.ts'
import {listenOn, takePort} from '../why/residue.ts'

const cli = join(projectFolder, 'dist', 'harness', 'cli.js')
const onLinux =
  detectPlatform().stack === 'linux' ? nativeOpenerProblem() : 'only Linux shows who has a socket'
const withTerminal = needs(nativeOpenerProblem() ?? missingProgram('script'))

/** Runs `rebind wrap -- node PROGRAM` in a folder of its own, and returns what it has left there, too. */
async function wrap(
  t: ExecutionContext,
  program: string,
  options: StartOptions & {args?: string[]} = {},
) {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'program.cjs'), program)
  const {args = [], env, ...others} = options
  const ended = await runCli(t, ['wrap', ...args, '--', process.execPath, 'program.cjs'], {
    cwd,
    // Beside other tests an answer may take longer than on a machine of one's own.
    env: {REBIND_EXPLAIN_SECONDS: '30', ...env},
    ...others,
  })
  return {...ended, cwd, files: readdirSync(cwd, {recursive: true, encoding: 'utf8'})}
}

const heading = /^Port \d+ cannot be bound now \(EADDRINUSE: address already in use\)\.$/gm

/** A program that says what another runtime would. */
function says(line: string): string {
  return `console.error(${JSON.stringify(line)})`
}

test('output of both streams, in binary and of any size, and the exit status pass unchanged', async (t) => {
  const program = `
    const bytes = (seed) => Buffer.from(Array.from({length: 300_000}, (_, index) => (index * seed) % 256))
    const {writeSync} = require('node:fs')
    const all = (fd, rest) => { while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest)) }
    all(1, bytes(7919)); all(2, bytes(104729)); all(1, Buffer.from('no line end'))
    process.exitCode = 42`
  const plain = await capture(t, [process.execPath, '-e', program])
  const wrapped = await capture(t, [
    process.execPath,
    cli,
    'wrap',
    '--',
    process.execPath,
    '-e',
    program,
  ])
  t.is(wrapped.status, 42)
  t.true(wrapped.stdout.equals(plain.stdout))
  t.true(wrapped.stderr.equals(plain.stderr))
})

/** As bytes, which a decoder would change. */
async function capture(t: ExecutionContext, command: string[]) {
  const {child} = startProgram(t, command)
  const pieces: Record<'stdout' | 'stderr', Buffer[]> = {stdout: [], stderr: []}
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('latin1').on('data', (text: string) => {
      pieces[stream].push(Buffer.from(text, 'latin1'))
    })
  }
  const [status] = await once(child, 'close')
  return {status, stdout: Buffer.concat(pieces.stdout), stderr: Buffer.concat(pieces.stderr)}
}

testUnless(
  nativeOpenerProblem(),
  'what is written to one file keeps its order, and pipes are pipes',
  async (t) => {
    const program = `
    const {writeSync, openSync, fstatSync} = require('node:fs')
    for (let line = 0; line < 100; line++) writeSync(1 + line % 2, line + ' ')
    writeSync(openSync('/dev/stderr', 'w'), fstatSync(2).isFIFO() ? 'pipe' : 'no pipe')`
    const cwd = temporaryFolder(t)
    writeFileSync(join(cwd, 'program.cjs'), program)
    const both = [process.execPath, cli, 'wrap', '--', process.execPath, 'program.cjs']
    const {stdout} = await startProgram(t, ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...both], {cwd})
      .ended
    t.is(stdout, `${Array.from({length: 100}, (_, line) => `${line} `).join('')}pipe`)
  },
)

test('stdin passes through', async (t) => {
  const {child, ended} = startCli(t, ['wrap', '--', 'cat'], {stdin: 'pipe'})
  child.stdin?.end('what is typed')
  const {status, stdout} = await ended
  t.deepEqual([status, stdout], [0, 'what is typed'])
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2', 'SIGQUIT'] as const) {
  test(`${signal} reaches the command, which ends as it wants to`, async (t) => {
    const program = `
      process.on('${signal}', () => { console.log('got it'); process.exit(5) })
      setInterval(() => undefined, 1000)
      console.error('ready')`
    const cwd = temporaryFolder(t)
    writeFileSync(join(cwd, 'program.cjs'), program)
    const {child, ended, shows} = startCli(t, ['wrap', '--', process.execPath, 'program.cjs'], {
      cwd,
    })
    await shows(/ready/)
    child.kill(signal)
    const {status, stdout} = await ended
    t.deepEqual([status, stdout], [5, 'got it\n'])
  })
}

testUnless(
  nobodyProblem,
  'a command that has become root, which may not be signalled, goes on, and its exit status is told',
  async (t) => {
    const folder = temporaryFolder(t)
    chmodSync(folder, 0o755)
    const become = join(folder, 'setpriv')
    const [found = ''] = pathsOf('setpriv', (process.env.PATH ?? '').split(delimiter))
    copyFileSync(found, become)
    // For nobody but nobody.
    chownSync(become, 0, 65_534)
    chmodSync(become, 0o4750)
    const signals = 'kill -TERM $PPID; kill -HUP $PPID'
    const script = `echo "runs as $(id -u)" >&2; read go; ${signals}; echo goes on >&2; read end; exit 7`
    const command = [become, '--reuid=0', '--', 'sh', '-c', script]
    const {child, ended, shows} = startCli(t, ['wrap', '--', ...command], {
      ...asNobody,
      stdin: 'pipe',
    })
    await shows(/runs as 0/)
    child.stdin?.write('\n')
    await shows(/goes on/)
    child.stdin?.end('\n')
    const {status, stderr} = await ended
    t.deepEqual([status, stderr], [7, 'runs as 0\ngoes on\n'])
  },
)

for (const signal of ['SIGTERM', 'SIGKILL', 'SIGHUP'] as const) {
  test(`when ${signal} ends the command, it ends by that, too`, async (t) => {
    const ended = await wrap(
      t,
      `process.kill(process.pid, '${signal}'); setInterval(() => undefined, 1000)`,
    )
    t.deepEqual([ended.status, ended.signal], [null, signal])
  })
}

testUnless(
  process.platform === 'linux' ? undefined : notLinux,
  'a command under nohup survives a hangup, as without us',
  async (t) => {
    const cwd = temporaryFolder(t)
    writeFileSync(join(cwd, 'program.sh'), 'kill -HUP $$; echo lives')
    const script = `trap '' HUP; ${process.execPath} ${cli} wrap -- sh program.sh; echo "status $?"`
    const ended = await startProgram(t, ['sh', '-c', script], {cwd}).ended
    t.is(ended.stdout, 'lives\nstatus 0\n')
  },
)

for (const [what, command, said] of [
  ['not there', 'no-such-command', /^rebind: no-such-command cannot be started \(ENOENT\);/],
  ['below a file', 'package.json/x', /^rebind: package\.json\/x cannot be started \(ENOTDIR\);/],
  ['an empty word', '', /^rebind: the command is an empty word;/],
] as const) {
  test(`a command that is ${what} is one line, exit status 2`, async (t) => {
    const {status, stderr} = await runCli(t, ['wrap', '--', command])
    t.is(status, 2)
    t.regex(stderr, said)
    t.regex(stderr, /^[^\n]*\n$/)
  })
}

withTerminal(
  'stderr is a terminal where ours is one, and its line feeds are those of the command',
  async (t) => {
    const program = `
    const {isatty} = require('node:tty')
    console.error([isatty(1), isatty(2), process.stderr.columns, process.stderr.rows].join(' '))`
    const cwd = temporaryFolder(t)
    writeFileSync(join(cwd, 'program.cjs'), program)
    const sized = `stty cols 91 rows 33; exec ${process.execPath} ${cli} wrap -- ${process.execPath} program.cjs`
    const {stdout, status} = await startProgram(t, ['script', '-qec', sized, '/dev/null'], {cwd})
      .ended
    t.is(status, 0)
    // The terminal itself makes of a line feed what it makes of those, once.
    t.is(stdout, 'true true 91 33\r\n')
  },
)

withTerminal('the size of the terminal is followed', async (t) => {
  const program = `
    process.stderr.on('resize', () => {
      const {columns, rows} = process.stderr
      // stty sets one after the other.
      if (columns === 77 && rows === 22) { console.error('now ' + columns + ' ' + rows); process.exit(0) }
    })
    setInterval(() => undefined, 1000)
    require('node:child_process').execFileSync('stty', ['cols', '77', 'rows', '22'], {stdio: 'inherit'})`
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'program.cjs'), program)
  const command = `exec ${process.execPath} ${cli} wrap -- ${process.execPath} program.cjs`
  const {child, ended} = startProgram(t, ['script', '-qec', command, '/dev/null'], {
    cwd,
    stdin: 'pipe',
  })
  t.teardown(() => child.stdin?.destroy())
  const {stdout, status} = await ended
  t.is(status, 0)
  t.regex(stdout, /now 77 22/)
})

withTerminal('Ctrl-C reaches the command once', async (t) => {
  const program = `
    let interrupts = 0
    process.on('SIGINT', () => console.error('interrupt ' + ++interrupts))
    process.stdin.on('data', () => { console.error('ends after ' + interrupts); process.exit(0) })
    console.error('ready')`
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'program.cjs'), program)
  const command = `exec ${process.execPath} ${cli} wrap -- ${process.execPath} program.cjs`
  const {child, ended, shows} = startProgram(t, ['script', '-qefc', command, '/dev/null'], {
    cwd,
    stdin: 'pipe',
  })
  await shows(/ready/, 'stdout')
  child.stdin?.write('\u0003')
  await shows(/interrupt 1/, 'stdout')
  child.stdin?.write('end\n')
  await ended
  const {stdout} = await ended
  t.regex(stdout, /ends after 1\r\n/)
})

withTerminal('so it does if its streams lead elsewhere', async (t) => {
  const program = `
    const {createReadStream, openSync, writeSync} = require('node:fs')
    const terminal = openSync('/dev/tty', 'r+')
    const say = (text) => writeSync(terminal, text + '\\n')
    let interrupts = 0
    process.on('SIGINT', () => say('interrupt ' + ++interrupts))
    createReadStream('/dev/tty').on('data', () => { say('ends after ' + interrupts); process.exit(0) })
    say('ready')`
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'program.cjs'), program)
  const command = `exec ${process.execPath} ${cli} wrap -- ${process.execPath} program.cjs </dev/null >/dev/null 2>&1`
  const {child, ended, shows} = startProgram(t, ['script', '-qefc', command, '/dev/null'], {
    cwd,
    stdin: 'pipe',
  })
  await shows(/ready/, 'stdout')
  child.stdin?.write('\u0003')
  await shows(/interrupt 1/, 'stdout')
  child.stdin?.write('end\n')
  const {stdout} = await ended
  t.regex(stdout, /ends after 1\r\n/)
})

for (const [name, redirected] of [
  ['stderr', ''],
  ['stdout', '1>&2'],
] as const) {
  testUnless(
    onLinux,
    `a port that the command is refused is explained behind the line that says so on ${name}, once, and kept`,
    async (t) => {
      const port = await takePort(t)
      await listenOn(t, port, 'reuseaddr')
      const line = `listen tcp 127.0.0.1:${port}: bind: address already in use`
      const stream = redirected === '' ? 'console.error' : 'console.log'
      const program = `for (const line of ['before', ${JSON.stringify(line)}, ${JSON.stringify(line)}, 'after']) ${stream}(line)`
      const {status, stdout, stderr, cwd, files} = await wrap(t, program, {args: ['--out', 'kept']})
      t.is(status, 0)
      t.is(stderr.match(heading)?.length, 1, stderr)
      t.regex(stderr, new RegExp(`^- A server is running: process ${process.pid} `, 'm'))
      if (name === 'stderr') {
        const lines = stderr.split('\n')
        t.deepEqual(lines.slice(0, 3), [
          'before',
          line,
          `Port ${port} cannot be bound now (EADDRINUSE: address already in use).`,
        ])
        t.deepEqual(lines.slice(-3), [line, 'after', ''])
      } else t.is(stdout, `before\n${line}\n${line}\nafter\n`)
      const file = join('kept', `why-${port}.json`)
      t.true(files.includes(file))
      const kept = whyPortSchema.parse(JSON.parse(readFileSync(join(cwd, file), 'utf8')))
      t.deepEqual(kept.bind, [])
      t.deepEqual(kept.refused, {code: 'EADDRINUSE', address: '127.0.0.1'})
      t.regex(stderr, new RegExp(`^rebind wrap: kept as .*/${file}$`, 'm'))
    },
  )
}

testUnless(
  onLinux,
  'where the message does not name the port, --port, PORT or the command does',
  async (t) => {
    const port = await takePort(t)
    await listenOn(t, port, 'reuseaddr')
    const program = says('java.net.BindException: Address already in use')
    const byOption = await wrap(t, program, {args: ['--port', String(port)]})
    t.is(byOption.stderr.match(heading)?.length, 1, byOption.stderr)
    const byVariable = await wrap(t, program, {env: {PORT: String(port)}})
    t.is(byVariable.stderr.match(heading)?.length, 1, byVariable.stderr)
    t.regex(
      byVariable.stderr,
      /The message names no port: this one is taken from the variable PORT\./,
    )
    const kept = readFileSync(join(byVariable.cwd, 'logs', `why-${port}.json`), 'utf8')
    t.is(whyPortSchema.parse(JSON.parse(kept)).refused?.portFrom, 'variable')
    // Nothing is on it.
    const wrong = await wrap(t, program, {env: {PORT: String(await takePort(t))}})
    t.is(wrong.stderr.match(heading), null)
    t.regex(wrong.stderr, /^rebind wrap: a port was refused, and no message names it; /m)
    const unnamed = await wrap(t, program, {env: {PORT: undefined}})
    t.regex(
      unnamed.stderr,
      /^rebind wrap: a port was refused, and no message names it; .* --port PORT$/m,
    )
    t.deepEqual(unnamed.files, ['program.cjs'])
  },
)

test('who looks is not waited for any longer than that, whatever holds it up', async (t) => {
  const ours = temporaryFolder(t)
  cpSync(join(projectFolder, 'dist', 'harness'), join(ours, 'dist', 'harness'), {recursive: true})
  cpSync(join(projectFolder, 'package.json'), join(ours, 'package.json'))
  symlinkSync(join(projectFolder, 'node_modules'), join(ours, 'node_modules'))
  writeFileSync(join(ours, 'dist', 'harness', 'explain', 'explainer.cjs'), 'for (;;);')
  const port = await takePort(t)
  const program = says(`listen tcp 127.0.0.1:${port}: bind: address already in use`)
  const {status, stderr} = await wrap(
    t,
    `${program}; console.error('after'); process.exitCode = 4`,
    {
      commandLine: [process.execPath, join(ours, 'dist', 'harness', 'cli.js')],
      env: {REBIND_EXPLAIN_SECONDS: '0.5'},
    },
  )
  t.is(status, 4)
  t.regex(stderr, new RegExp(`^rebind wrap: what is on port ${port} could not be looked up$`, 'm'))
  t.regex(stderr, /^after$/m)
})

test("what is kept is its user's only, and a link in its place is replaced", async (t) => {
  const port = await takePort(t)
  const out = temporaryFolder(t)
  const target = join(temporaryFolder(t), 'target')
  writeFileSync(target, 'mine')
  const file = join(out, `why-${port}.json`)
  symlinkSync(target, file)
  await wrap(t, says(`listen tcp 127.0.0.1:${port}: bind: address already in use`), {
    args: ['--out', out],
  })
  t.is(readFileSync(target, 'utf8'), 'mine')
  t.true(lstatSync(file).isFile())
  t.is(lstatSync(file).mode & 0o777, 0o600)
})

testUnless(onLinux, 'a later line may name the port, as the hint of PostgreSQL does', async (t) => {
  const port = await takePort(t)
  await listenOn(t, port, 'reuseaddr')
  const {stderr} = await wrap(
    t,
    `${says('LOG:  could not bind IPv4 address "127.0.0.1": Address already in use')}
    ${says(`HINT:  Is another postmaster already running on port ${port}? If not, wait a few seconds and retry.`)}`,
    {env: {PORT: undefined}},
  )
  t.is(stderr.match(heading)?.length, 1, stderr)
  t.notRegex(stderr, /no message names it/)
})

test('nothing is printed or written while no port is refused', async (t) => {
  const {stdout, stderr, files} = await wrap(
    t,
    "console.log('listens on port 3000'); console.error('GET / 200')",
  )
  t.deepEqual([stdout, stderr], ['listens on port 3000\n', 'GET / 200\n'])
  t.deepEqual(files, ['program.cjs'])
})

test('a folder that cannot be written is told, and changes no status', async (t) => {
  const port = await takePort(t)
  const {status, stderr} = await wrap(
    t,
    `${says(`listen tcp 127.0.0.1:${port}: bind: address already in use`)}; process.exitCode = 9`,
    {args: ['--out', 'program.cjs/folder']},
  )
  t.is(status, 9)
  t.regex(
    stderr,
    /^rebind wrap: .* cannot be written \(\w+\); choose another folder with --out DIR$/m,
  )
})

testUnless(
  onLinux,
  'in GitHub Actions it is an annotation, and a line of the summary',
  async (t) => {
    const port = await takePort(t)
    await listenOn(t, port, 'reuseaddr')
    const summary = join(temporaryFolder(t), 'summary.md')
    const env = {GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary}
    const {stderr} = await wrap(
      t,
      says(`Error: listen EADDRINUSE: address already in use 127.0.0.1:${port}`),
      {env},
    )
    t.regex(
      stderr,
      new RegExp(
        `^::error title=port ${port} was refused::A server is running: process ${process.pid} `,
        'm',
      ),
    )
    t.regex(
      readFileSync(summary, 'utf8'),
      new RegExp(`^- \\*\\*port ${port} was refused\\*\\*: A server is running: `),
    )
  },
)

test('who has seen enough of the output ends the command as without us', async (t) => {
  const endless = `
    const {writeSync} = require('node:fs')
    try {
      for (;;) writeSync(1, 'line\\n')
    } catch ({code}) {
      process.exit(code === 'EPIPE' ? 6 : 7)
    }`
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'program.cjs'), endless)
  const command = [process.execPath, cli, 'wrap', '--', process.execPath, 'program.cjs']
  const script = '("$@"; echo "status $?" >&2) | head -1'
  const {stdout, stderr} = await startProgram(t, ['sh', '-c', script, 'sh', ...command], {cwd})
    .ended
  t.is(stdout, 'line\n')
  t.is(stderr, 'status 6\n')
})
