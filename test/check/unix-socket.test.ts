import {existsSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {CouldNotMeasure} from '../../harness/check/could-not-measure.ts'
import type {ServerStart} from '../../harness/check/server.ts'
import {checkUnixSocket, type SocketCheckOptions} from '../../harness/check/unix-socket.ts'
import {assertRunning} from '../../harness/check/unix-socket-starts.ts'
import {type CheckDocument, checkSchema} from '../../harness/documents/check-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {checkView} from '../../harness/views/check.ts'
import {temporaryFolder, testUnless} from '../commands/cli.ts'
import {platform, program} from './servers.ts'

async function checked(
  t: ExecutionContext,
  text: string,
  options: Partial<SocketCheckOptions> = {},
): Promise<CheckDocument> {
  const file = program(t, 'server.mjs', text)
  const socket = join(dirname(file), 'app.sock')
  const command = [process.execPath, file, '{socket}']
  const document = await checkUnixSocket({command, socket, ...options})
  t.false(existsSync(socket), 'nothing is left at the path')
  return checkSchema.parse(document)
}

const verdicts = ({socket}: CheckDocument) =>
  socket?.starts.map(({situation, fileLeft, verdict}) => `${situation} ${fileLeft} ${verdict}`)

/** What most programs do. */
const plain = `
  import {createServer} from 'node:net'
  const server = createServer((socket) => socket.on('error', () => {}).end('hello')).listen(process.argv[2])
  process.on('SIGTERM', () => server.close())
`

test('a server that closes its socket leaves no file, and a killed one does', async (t) => {
  const document = await checked(t, plain)
  t.deepEqual(verdicts(document), [
    ...['stopped false granted', 'killed true refused', 'beside true refused'],
  ])
  t.false(document.safe)
  t.regex(document.socket?.starts[1]?.lines.join('\n') ?? '', /EADDRINUSE/)
  t.is(checkView(document).verdict?.text, 'NOT SAFE: the server was refused its path after SIGKILL')
  t.regex(document.advice.join('\n'), /ECONNREFUSED/)
  t.is(document.port, null)
  t.is(document.runtime, 'Node')
})

test('one that removes whatever is there takes the path of the running one', async (t) => {
  const document = await checked(
    t,
    `import {rmSync} from 'node:fs'\nrmSync(process.argv[2], {force: true})\n${plain}`,
  )
  t.deepEqual(verdicts(document)?.slice(1), ['killed true granted', 'beside true takes-over'])
  t.false(document.safe)
  t.regex(document.advice.join('\n'), /flock/)
})

const asking = `
  import {connect, createServer} from 'node:net'
  import {rmSync} from 'node:fs'
  const path = process.env.SOCKET
  const server = createServer((socket) => socket.on('error', () => {}).end('hello'))
  server.once('error', () => {
    connect(path)
      .on('connect', () => process.exit(3))
      .on('error', () => {
        rmSync(path)
        server.listen(path)
      })
  })
  server.listen(path)
  process.on('SIGTERM', () => server.close())
`

test('one that asks first whether somebody answers is safe', async (t) => {
  const document = await checked(t, asking)
  t.deepEqual(verdicts(document), [
    ...['stopped false granted', 'killed true granted', 'beside true refused'],
  ])
  t.true(document.safe, JSON.stringify(document))
  t.is(document.socket?.starts[2]?.status, 3)
})

testUnless(
  platform.readUnixSockets === null ? 'nobody tells who has a socket here' : undefined,
  'an old process that outlives the stop, and listens on, is there at the restart, and named',
  async (t) => {
    const server = program(t, 'asking.mjs', asking)
    const document = await checked(
      t,
      `import {spawn} from 'node:child_process'
      spawn(process.execPath, [${JSON.stringify(server)}], {stdio: 'inherit'}).on('exit', process.exit)`,
    )
    t.deepEqual(verdicts(document), [
      ...['stopped true refused', 'killed true granted', 'beside true refused'],
    ])
    t.false(document.safe)
    const [survivor, ...others] = document.socket?.starts[0]?.survivors ?? []
    t.deepEqual(others, [])
    t.true(survivor?.listening)
    t.true(survivor?.command.includes(server))
    t.regex(document.advice.join('\n'), /^An old process is still running and listening: pid \d+/)
    t.regex(document.advice.join('\n'), /process group/)
  },
)

testUnless(
  platform.readUnixSockets === null ? 'nobody tells who has a socket here' : undefined,
  'one that takes the path of an old process, which listens on, is not safe',
  async (t) => {
    const server = program(
      t,
      'taking.mjs',
      `import {createServer} from 'node:net'
      import {rmSync} from 'node:fs'
      rmSync(process.env.SOCKET, {force: true})
      createServer((socket) => socket.on('error', () => {}).end('hello')).listen(process.env.SOCKET)`,
    )
    const document = await checked(
      t,
      `import {spawn} from 'node:child_process'
      spawn(process.execPath, [${JSON.stringify(server)}], {stdio: 'inherit'}).on('exit', process.exit)`,
    )
    t.is(verdicts(document)?.[0], 'stopped true granted')
    t.false(document.safe)
    t.is(
      checkView(document).verdict?.text,
      'NOT SAFE: the server listened beside the old one after a stop, and took the path over beside the running one',
    )
  },
)

test('the server gets no PORT: one that looks for that first would listen there', async (t) => {
  const portFirst = asking.replace('process.env.SOCKET', 'process.env.PORT ?? process.env.SOCKET')
  const document = await checked(t, portFirst)
  t.is(document.problem, undefined)
  t.true(document.safe, JSON.stringify(document))
})

test('one that does not obey the stop is killed, and that is said', async (t) => {
  const document = await checked(t, asking.replace('server.close()', '{}'), {
    stopTimeoutSeconds: 0.5,
  })
  t.deepEqual(verdicts(document), [
    ...['stopped true granted', 'killed true granted', 'beside true refused'],
  ])
  t.true(document.socket?.starts[0]?.stopTimedOut)
  t.regex(document.advice.join('\n'), /did not exit on SIGTERM/)
})

/** From its second start on it ends as soon as it has had a client. */
const ending = `
  import {writeFileSync} from 'node:fs'
  import {createServer} from 'node:net'
  let isFirst = true
  try {
    writeFileSync(new URL('marker', import.meta.url), '', {flag: 'wx'})
  } catch {
    isFirst = false
  }
  const server = createServer((socket) => {
    socket.on('error', () => {}).end('hello')
    if (!isFirst) process.exit(9)
  }).listen(process.env.SOCKET)
  process.on('SIGTERM', () => server.close())
`

test('one that listens after a stop, and then ends, did not get its path back', async (t) => {
  const {socket, safe, problem} = await checked(t, ending)
  t.false(safe)
  const [start] = socket?.starts ?? []
  t.is(start?.verdict, 'refused')
  t.is(start?.what, 'listened, then exited with status 9')
  // No other first start stays, so that the rest is unknown; what was seen is kept.
  t.is(problem?.kind, 'exited')
  t.is(socket?.starts.length, 1)
})

testUnless(
  platform.stack === 'linux' ? undefined : 'only Linux shows who is accepted',
  'one that listens after a stop, and accepts nobody, hangs',
  async (t) => {
    const deaf = ending.replace('if (!isFirst) process.exit(9)', '').replace(
      'SOCKET)',
      `SOCKET, () => {
        if (!isFirst) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
      })`,
    )
    const {socket, problem} = await checked(t, deaf, {startTimeoutSeconds: 6})
    t.deepEqual([socket?.starts[0]?.situation, socket?.starts[0]?.verdict], ['stopped', 'hangs'])
    t.is(problem?.kind, 'never-listened')
  },
)

test('one that ended by itself, before it was stopped, could not be measured', async (t) => {
  const start = {
    ending: () => ({code: 5, signal: null, seconds: 1}),
    silent: Promise.resolve(),
    lines: {errorLines: () => []},
  } as unknown as ServerStart
  await t.throwsAsync(assertRunning({stop: 'SIGTERM'}, start), {
    ...{instanceOf: CouldNotMeasure, message: /exited with status 5 by itself/},
  })
  await t.notThrowsAsync(assertRunning({stop: 'none'}, start))
})

test('what was seen before an interruption is kept', async (t) => {
  const interruption = new AbortController()
  const file = program(t, 'server.mjs', `console.log('started')\n${asking}`)
  const socket = join(dirname(file), 'app.sock')
  let started = 0
  const onOutput = ({text}: {text: string}) => {
    started += text.split('started').length - 1
    if (started === 3) interruption.abort('SIGINT')
  }
  const given = {command: [process.execPath, file], socket}
  const document = await checkUnixSocket(given, {onOutput}, interruption.signal)
  t.is(document.problem?.kind, 'interrupted')
  t.is(verdicts(document)?.[0], 'stopped false granted')
})

test('a second one is given as long as the first one took', async (t) => {
  const slow = `
    import {appendFileSync, statSync} from 'node:fs'
    const starts = new URL('starts', import.meta.url)
    appendFileSync(starts, '.')
    const {size} = statSync(starts)
    // The first one, and the one beside the last.
    if (size === 1 || size === 4) await new Promise((resolve) => setTimeout(resolve, 6000))
  `
  const {socket, safe} = await checked(t, `${slow}\n${asking}`)
  t.is(socket?.starts.at(-1)?.status, 3)
  t.true(safe)
})

test('one that exits without closing is refused after a stop already', async (t) => {
  const document = await checked(t, plain.replace('server.close()', 'process.reallyExit(0)'))
  t.is(verdicts(document)?.[0], 'stopped true refused')
})

test('one that runs on without its path hangs', async (t) => {
  const hanging = `${plain}\nserver.on('error', () => setInterval(() => {}, 1000))`
  const file = program(t, 'server.mjs', hanging)
  const socket = join(dirname(file), 'app.sock')
  const command = [process.execPath, file, '{socket}']
  const document = await checkUnixSocket({command, socket, startTimeoutSeconds: 3})
  t.deepEqual(verdicts(document)?.slice(1), ['killed true hangs', 'beside true hangs'])
})

test('a server that ends is told with what it said', async (t) => {
  const {problem} = await checked(t, "throw new Error('no configuration')")
  t.is(problem?.kind, 'exited')
  t.regex(problem?.message ?? '', /no configuration/)
})

test('what is at the path already is left alone', async (t) => {
  const folder = temporaryFolder(t)
  const file = program(t, 'server.mjs', plain)
  const socket = join(dirname(file), 'taken')
  writeFileSync(socket, 'mine')
  const command = [process.execPath, file, '{socket}']
  await t.throwsAsync(checkUnixSocket({command, socket}), {
    ...{instanceOf: UsageError, message: /there is something at .*taken already/},
  })
  t.true(existsSync(socket))
  await t.throwsAsync(checkUnixSocket({command, socket: join(folder, 'no', 'app.sock')}), {
    ...{instanceOf: UsageError, message: /folder .* does not exist/},
  })
})
