/** Whoever else is on loopback, and connects to the servers of a run or answers in their place. */
import {once} from 'node:events'
import {type AddressInfo, connect, createServer} from 'node:net'
import test, {type ExecutionContext} from 'ava'
import {compileActor} from '../../harness/processes/compile.ts'
import {launch, type Role} from '../../harness/processes/launch.ts'
import {verifyAccepting} from '../../harness/processes/verify.ts'

let program = ''
let dispose = async () => {}

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

async function launched(t: ExecutionContext, role: Role) {
  const actor = await launch(program, role)
  t.teardown(() => actor.kill())
  return actor
}

/** Free a moment ago, and of the system's choice, so that nobody else is likely to take it. */
async function portOfItsChoice(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const provocation = [
  'GET /etc/passwd HTTP/1.0\r\n\r\n',
  `${JSON.stringify({id: 1, actor: 0, role: '', request: 'exit', params: null})}\n`,
  `${JSON.stringify({id: 2, actor: 0, request: 'start-command', params: {command: 'id'}})}\n`,
].join('')

const plain = {opener: 'node', bind: 'none', address: '127.0.0.1', reads: true} as const

const servers = {
  predecessor: async (t: ExecutionContext, port: number) => {
    const actor = await launched(t, 'predecessor')
    await actor.request('listen', {...plain, port, greeting: 'predecessor'})
    return actor
  },
  successor: async (t: ExecutionContext, port: number) => {
    const actor = await launched(t, 'successor')
    const pacing = {kind: 'proportional'} as const
    const server = {...plain, port, greeting: 'successor'}
    const restart = {server, wait: false, limitSeconds: 1, pacing}
    t.deepEqual(await actor.request('restart', restart), {granted: true})
    return actor
  },
}

for (const [role, start] of Object.entries(servers)) {
  test(`a ${role} sends a stranger one line, whatever it receives, and goes on`, async (t) => {
    const port = await portOfItsChoice()
    const actor = await start(t, port)
    const greet = async () => {
      const socket = connect({host: '127.0.0.1', port, allowHalfOpen: true}).setEncoding('utf8')
      let received = ''
      socket.on('data', (text) => {
        received += text
      })
      socket.end(provocation)
      await once(socket, 'end')
      return received
    }
    const line = `${role} ${actor.pid}\n`
    t.is(await greet(), line)
    t.is(await greet(), line)
  })
}

const greeting = `successor story 1 a-word-of-its-own ${process.pid}`
for (const told of [
  'successor PID',
  'successor story 1 another-word PID',
  'predecessor 1',
  'HTTP/1.1 400 Bad Request',
]) {
  const answer = told.replace('PID', `${process.pid}`)
  test(`a restart is not proven by a stranger who answers "${told}"`, async (t) => {
    const server = createServer((socket) => socket.on('error', () => undefined).end(`${answer}\n`))
    t.teardown(() => server.close())
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const {port} = server.address() as AddressInfo
    await t.throwsAsync(verifyAccepting('127.0.0.1', port, greeting), {
      message: `the restarted port answered "${answer}", not "${greeting}"`,
    })
  })
}
