import {existsSync, readdirSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {checkUnixSocket} from '../../harness/check/unix-socket.ts'
import {type CheckDocument, checkSchema} from '../../harness/documents/check-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {checkView} from '../../harness/views/check.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {program} from './servers.ts'

async function checked(t: ExecutionContext, text: string): Promise<CheckDocument> {
  const file = program(t, 'server.mjs', text)
  const socket = join(dirname(file), 'app.sock')
  const document = await checkUnixSocket({command: [process.execPath, file, '{socket}'], socket})
  t.deepEqual(readdirSync(dirname(file)), ['server.mjs'], 'nothing is left at the path')
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

test('one that asks first whether somebody answers is safe', async (t) => {
  const asking = `
    import {connect, createServer} from 'node:net'
    import {rmSync} from 'node:fs'
    const path = process.argv[2]
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
  const document = await checked(t, asking)
  t.deepEqual(verdicts(document), [
    ...['stopped false granted', 'killed true granted', 'beside true refused'],
  ])
  t.true(document.safe)
  t.is(document.socket?.starts[2]?.status, 3)
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
