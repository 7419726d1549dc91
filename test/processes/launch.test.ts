import {fork, spawn} from 'node:child_process'
import {on, once} from 'node:events'
import {readFileSync} from 'node:fs'
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {type AddressInfo, createServer, type Socket} from 'node:net'
import {constants, tmpdir} from 'node:os'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {
  anotherUser,
  anotherUserProblem,
  throughRoot,
} from '../../harness/namespaces/another-user.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {ActorFailed, type Ending, launch, type Role} from '../../harness/processes/launch.ts'
import {needs, notLinux} from '../needs.ts'

let program = ''
let dispose = async () => {}

const secondUserProblem = process.platform === 'linux' ? await anotherUserProblem() : notLinux

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

async function launched(t: ExecutionContext, role: Role, path = program) {
  const actor = await launch(path, role)
  t.teardown(() => actor.kill())
  return actor
}

async function ownProgram(t: ExecutionContext, source: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rebind-launch-test-'))
  t.teardown(() => rm(folder, {recursive: true, force: true}))
  const ready = 'const ready = {actor: 0, tells: {notice: "ready", pid: process.pid}}\n'
  await writeFile(join(folder, 'program.mjs'), ready + source)
  return join(folder, 'program.mjs')
}

/** A server which never sends a greeting, so that an actor that connects to it goes on waiting. */
async function silentServer(t: ExecutionContext) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as AddressInfo
  const accepted = once(server, 'connection').then(([socket]) => (socket as Socket).resume())
  return {port, accepted}
}

const plainServer = {
  opener: 'node',
  bind: 'none',
  address: '127.0.0.1',
  reads: true,
  greeting: 'a server',
} as const

test('a process answers with the time that the deed took, within the asking', async (t) => {
  const predecessor = await launched(t, 'predecessor')
  const asked = monotonicSeconds()
  const {from, to} = await predecessor.request('listen', {...plainServer, port: 0})
  t.true(asked <= from && from < to && to <= monotonicSeconds())
})

test("the system's error arrives as the process saw it, with the positive number", async (t) => {
  const {port} = await silentServer(t)
  const predecessor = await launched(t, 'predecessor')
  await t.throwsAsync(predecessor.request('listen', {...plainServer, port}), {
    code: 'EADDRINUSE',
    message: `listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
  })
  const error = await predecessor
    .request('listen', {...plainServer, port})
    .catch((reason) => reason)
  t.is(error.errno, constants.errno.EADDRINUSE)
})

test("a request of another role's is rejected, and the process goes on", async (t) => {
  const holder = await launched(t, 'holder')
  for (const request of ['close', 'toString'] as const) {
    await t.throwsAsync(holder.request(request as 'close', null), {
      message: `unknown request: ${request}`,
    })
  }
  await t.throwsAsync(holder.request('close-connection', null), {message: 'no connection is held'})
})

test('a killed process fails its open request with the signal', async (t) => {
  const {port, accepted} = await silentServer(t)
  const client = await launched(t, 'client')
  const request = client.request('connect', {host: '127.0.0.1', port, hold: true})
  await accepted
  client.kill()
  await t.throwsAsync(request, {
    instanceOf: ActorFailed,
    message: `the client (pid ${client.pid}) was ended by SIGKILL`,
  })
  const {code, signal} = await client.ended
  t.deepEqual([code, signal], [null, 'SIGKILL'])
})

test('a process that ends before it answers fails with its status and what it wrote', async (t) => {
  const path = await ownProgram(
    t,
    `process.on('message', () => {
      process.stderr.write('out of luck\\n')
      process.exitCode = 3
      process.disconnect()
    })
    process.send(ready)`,
  )
  const holder = await launched(t, 'holder', path)
  await t.throwsAsync(holder.request('close-connection', null), {
    instanceOf: ActorFailed,
    message: `the holder (pid ${holder.pid}) exited with status 3; its stderr: out of luck`,
  })
})

test('a process that dies before it is ready fails the launch with what it wrote', async (t) => {
  const path = await ownProgram(t, 'throw new Error("cannot even begin")')
  await t.throwsAsync(launch(path, 'successor'), {
    instanceOf: ActorFailed,
    message:
      /^the successor \(pid \d+\) exited with status 1; its stderr: [\s\S]*cannot even begin/,
  })
})

test('output and ending are told to the listeners', async (t) => {
  const path = await ownProgram(
    t,
    `process.send(ready, () => { console.log('hello'); process.disconnect() })`,
  )
  const output: string[] = []
  const endings: Ending[] = []
  const actor = await launch(path, 'client', {
    onOutput: (stream, text) => output.push(`${stream}: ${text}`),
    onEnd: (ending) => endings.push(ending),
  })
  const ending = await actor.ended
  t.is(ending.code, 0)
  t.deepEqual(output, ['stdout: hello\n'])
  t.deepEqual(endings, [ending])
})

test("a terminal's interrupt does not end a process of the harness", async (t) => {
  const holder = await launched(t, 'holder')
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(holder.pid, signal)
  await t.throwsAsync(holder.request('close-connection', null), {message: 'no connection is held'})
})

test('a process ends by itself when its parent is killed', async (t) => {
  const {port, accepted} = await silentServer(t)
  const module = new URL('../../harness/processes/launch.ts', import.meta.url).href
  const parent = spawn(
    process.execPath,
    [
      '--import=tsx',
      '--input-type=module',
      '--eval',
      `const {launch} = await import(${JSON.stringify(module)})
      const client = await launch(${JSON.stringify(program)}, 'client')
      await client.request('connect', {host: '127.0.0.1', port: ${port}, hold: true})`,
    ],
    {stdio: 'inherit'},
  )
  t.teardown(() => parent.kill('SIGKILL'))
  const connection = await accepted
  const connectionEnded = once(connection, 'close')
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  // The actor never closes this connection itself, so only its own end can.
  await connectionEnded
  t.pass()
})

const told = (notice: string) => `{actor: 0, tells: ${notice}}`
const strangeMessages: [what: string, source: string][] = [
  ['a notice that nobody knows', told(`{notice: 'attempt', attempts: []}`)],
  [
    'attempts that are none',
    told(`{notice: 'attempts', attempts: [{attempt: 'first', seconds: 1}]}`),
  ],
  ['attempts at no time', told(`{notice: 'attempts', attempts: [{...granted, seconds: null}]}`)],
  [
    'attempts with more than attempts have',
    told(`{notice: 'attempts', attempts: [{...granted, ['__proto__']: {}}]}`),
  ],
  ['an answer to what nobody asked', `{answerTo: 99, result: null}`],
  ["another request's answer", `{answerTo: 1, result: {granted: true}}`],
  ['an error that is none', `{answerTo: 1, error: {code: 7}}`],
  ["another process's pid", told(`{notice: 'ready', pid: process.ppid}`)],
  ['a connection that did not come with it', told(`{notice: 'connection'}`)],
  ['a list', `[[[]]]`],
  ['no object', `'ready'`],
]
for (const [what, message] of strangeMessages) {
  test(`a process that sends ${what} is ended, and its request fails with what it sent`, async (t) => {
    const path = await ownProgram(
      t,
      `const granted = {attempt: 1, seconds: 1, outcome: 'granted'}
      process.on('message', () => process.send(${message}))
      process.send(ready)`,
    )
    const attempts: unknown[] = []
    const actor = await launch(path, 'holder', {onAttempts: (told) => attempts.push(told)})
    t.teardown(() => actor.kill())
    const error = await t.throwsAsync(actor.request('close-connection', null), {
      instanceOf: ActorFailed,
      message: /^the holder \(pid \d+\) sent an unexpected message: ["[{]/,
    })
    t.is(actor.failure(await actor.ended), error)
    t.deepEqual(attempts, [])
  })
}

test('a process passes over what is no request, refuses a malformed one, and goes on', async (t) => {
  const child = fork(program, ['predecessor'])
  t.teardown(() => child.kill('SIGKILL'))
  const messages = on(child, 'message')
  const next = async () => (await messages.next()).value?.[0]
  t.is((await next()).tells.notice, 'ready')
  const asked = {actor: 0, role: 'predecessor'}
  const strange = [null, 7, 'exit', [], {}, {request: 'exit'}, {actor: 0, pace: {kind: 'fast'}}]
  for (const message of strange) {
    child.send(message as object)
  }
  child.send({...asked, id: -1, request: 'exit', params: null})
  child.send({...asked, id: 1, request: 'constructor', params: null})
  t.deepEqual(await next(), {answerTo: 1, error: {message: 'unknown request: constructor'}})
  const port = 0
  for (const [id, params] of [{...plainServer, port: '0'}, {...plainServer}, null].entries()) {
    child.send({...asked, id, request: 'listen', params})
    t.deepEqual(await next(), {answerTo: id, error: {message: 'malformed request: listen'}})
  }
  child.send({...asked, id: 9, request: 'listen', params: {...plainServer, port}})
  t.is(typeof (await next()).result.from, 'number')
})

test('a setting is never written outside of the folder of settings', async (t) => {
  const keeper = await launched(t, 'keeper')
  for (const name of ['../../kernel/hostname', '..', '/etc/passwd', '__proto__/x']) {
    const settings = {[name]: 1}
    await t.throwsAsync(keeper.request('set-up-namespace', {host: process.pid, fd: 0, settings}), {
      message: 'malformed request: set-up-namespace',
    })
  }
})

needs(secondUserProblem, test)(
  'a server that becomes another user keeps no right of root, and no group, and cannot go back',
  async (t) => {
    const through = throughRoot()
    const actor = await launch(program, 'predecessor', {}, through === undefined ? {} : {through})
    t.teardown(() => actor.kill())
    await actor.request('become-user', {user: anotherUser})
    const status = readFileSync(`/proc/${actor.pid}/status`, 'utf8')
    const four = `(\\s${anotherUser}){4}$`
    t.regex(status, new RegExp(`^Uid:${four}`, 'm'))
    t.regex(status, new RegExp(`^Gid:${four}`, 'm'))
    t.regex(status, /^Groups:\s*$/m)
    for (const set of ['CapPrm', 'CapEff', 'CapAmb'])
      t.regex(status, new RegExp(`^${set}:\\s0+$`, 'm'))
    await t.throwsAsync(actor.request('become-user', {user: anotherUser - 1}), {code: 'EPERM'})
    await actor.request('exit', null)
    await actor.ended
  },
)
