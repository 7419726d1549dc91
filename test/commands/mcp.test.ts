import {existsSync} from 'node:fs'
import {join} from 'node:path'
import {Client} from '@modelcontextprotocol/sdk/client/index.js'
import {StdioClientTransport} from '@modelcontextprotocol/sdk/client/stdio.js'
import test, {type ExecutionContext} from 'ava'
import {listenersSchema} from '../../harness/documents/listeners-schema.ts'
import {whyPortSchema} from '../../harness/documents/why-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {listenOn, takePort} from '../why/residue.ts'
import {complaintsOf, projectFolder, runCli, startCli, temporaryFolder, testUnless} from './cli.ts'

const cli = join(projectFolder, 'dist', 'harness', 'cli.js')

/** A client of the protocol, as an agent has one. */
async function connected(t: ExecutionContext, args: string[] = []): Promise<Client> {
  const client = new Client({name: 'test', version: '1'})
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [cli, 'mcp', ...args],
    stderr: 'inherit',
  })
  t.teardown(() => client.close())
  await client.connect(transport)
  return client
}

interface Answer {
  structuredContent?: unknown
  isError?: boolean
  content: {type: string; text: string}[]
}

async function call(client: Client, name: string, given: object = {}): Promise<Answer> {
  return (await client.callTool({name, arguments: {...given}})) as unknown as Answer
}

test('an agent finds three tools, which only look', async (t) => {
  const client = await connected(t)
  const {tools} = await client.listTools()
  t.deepEqual(
    tools.map(({name}) => name),
    ['why', 'listeners', 'watch_until_free'],
  )
  for (const {annotations, description} of tools) {
    t.like(annotations, {readOnlyHint: true, destructiveHint: false})
    t.true((description ?? '').length > 50)
  }
  const answer = await call(client, 'check', {port: 3000})
  t.true(answer.isError)
  t.regex(answer.content[0]?.text ?? '', /no tool check/)
})

test('it is told who listens, and why, from a port and from a message', async (t) => {
  const client = await connected(t)
  const port = await takePort(t)
  await listenOn(t, port)
  const byPort = await call(client, 'why', {port, host: '127.0.0.1'})
  const document = whyPortSchema.parse(byPort.structuredContent)
  t.like(document, {port, bindable: nativeOpenerProblem() === undefined ? false : null})
  t.regex(byPort.content[0]?.text ?? '', new RegExp(`Port ${port} cannot be bound now`))
  const message = `Error: listen EADDRINUSE: address already in use 127.0.0.1:${port}`
  const byMessage = await call(client, 'why', {message})
  t.is(whyPortSchema.parse(byMessage.structuredContent).port, port)
  if (detectPlatform().stack !== 'linux') return
  const {listeners} = listenersSchema.parse((await call(client, 'listeners')).structuredContent)
  t.is(listeners.find((each) => each.port === port)?.pid, process.pid)
})

testUnless(nativeOpenerProblem(), 'it can wait until a port is free, or give up', async (t) => {
  const client = await connected(t)
  const port = await takePort(t)
  const server = await listenOn(t, port)
  const given = {port, host: '127.0.0.1'}
  const early = await call(client, 'watch_until_free', {...given, timeout_seconds: 0.1})
  t.like(early.structuredContent, {port, free: false})
  const waits = call(client, 'watch_until_free', given)
  server.close()
  t.like((await waits).structuredContent, {port, free: true})
})

const invalid: [tool: string, given: object, says: RegExp][] = [
  ['why', {}, /give one of port, path and message/],
  ['why', {port: 0}, /0 is not a port/],
  ['why', {port: '80'}, /port must be a number/],
  ['why', {message: 'Address already in use'}, /the message names no port/],
  [
    'watch_until_free',
    {port: 80, timeout_seconds: 1e9},
    /timeout_seconds must be a number of seconds, at most 600/,
  ],
]

test('invalid arguments are answered with one line that says what to give', async (t) => {
  const client = await connected(t)
  for (const [tool, given, says] of invalid) {
    const {isError, content} = await call(client, tool, given)
    t.true(isError, tool)
    t.regex(content[0]?.text ?? '', says)
    t.false(content[0]?.text.includes('\n'))
  }
})

testUnless(
  nativeOpenerProblem(),
  'check runs the command that was fixed at the start, and no other',
  async (t) => {
    const port = await takePort(t)
    const server = `require('net').createServer((socket) => socket.on('error', () => {})).listen(${port}, '127.0.0.1')`
    const command = [process.execPath, '-e', server]
    const client = await connected(t, ['--check', '--port', String(port), '--', ...command])
    const {tools} = await client.listTools()
    const check = tools.find(({name}) => name === 'check')
    t.deepEqual(Object.keys(check?.inputSchema.properties ?? {}), ['limit_seconds'])
    t.like(check?.annotations, {readOnlyHint: false})
    const marker = join(temporaryFolder(t), 'made')
    const answer = await call(client, 'check', {command: ['touch', marker]})
    t.like(answer.structuredContent, {format: 'rebind-check', command, port, safe: true})
    t.false(existsSync(marker))
  },
)

test('a client that goes away ends it', async (t) => {
  const {child, ended} = startCli(t, ['mcp'], {stdin: 'pipe'})
  child.stdin?.end()
  const {status, stdout, stderr} = await ended
  t.is(status, 0, stderr)
  t.is(stdout, '')
})

for (const [what, args] of [
  ['a command without --check', ['--', 'node', 'server.js']],
  ['--check without a command', ['--check']],
] as const) {
  test(`${what} is one complaint and exit status 2`, async (t) => {
    const {status, stderr} = await runCli(t, ['mcp', ...args])
    t.is(status, 2)
    t.regex(complaintsOf(stderr).join(), /^rebind: .*rebind mcp --check -- node server\.js$/)
  })
}
