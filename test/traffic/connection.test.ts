import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {type AddressInfo, createConnection, createServer} from 'node:net'
import test from 'ava'
import {connect, whenConnected} from '../../harness/traffic/connection.ts'
import {freePort, program} from '../check/servers.ts'

test('a client that TCP connects to itself was refused, and does not keep the port', async (t) => {
  const port = await freePort(t)
  const host = '127.0.0.1'
  const socket = createConnection({host, port, localAddress: host, localPort: port})
  t.teardown(() => socket.destroy())
  await t.throwsAsync(whenConnected(socket, {timeoutSeconds: 20}), {
    ...{name: 'Failed', message: 'the connection was refused'},
  })
  const server = createServer().listen(port, host)
  await once(server, 'listening')
  server.close()
})

/** Answers each line at once, and connections, too: in a process of its own, which goes on when ours does not. */
const prompt = `
  import {createServer} from 'node:net'
  const server = createServer((socket) => socket.on('data', () => socket.write('hello')))
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
`

test.serial(
  'an answer that came in time is one, though this process was kept from reading it',
  async (t) => {
    const server = spawn(process.execPath, [program(t, 'prompt.mjs', prompt)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => server.kill('SIGKILL'))
    const [line] = await once(server.stdout, 'data')
    const port = Number(`${line}`)
    const connected = connect({host: '127.0.0.1', port, timeoutSeconds: 2})
    standStill(3)
    const connection = await connected
    t.teardown(() => connection.close())
    const answered = connection.ask({kind: 'text', text: Buffer.from('anybody?\n')})
    standStill(3)
    t.deepEqual(await answered, {})
  },
)

test('who does not answer is waited for by a clock of the caller', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(
    0,
    '127.0.0.1',
  )
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as AddressInfo
  // It stands still until it has been asked a few times.
  let asked = 0
  const clock = () => (++asked < 10 ? 0 : 1)
  const connection = await connect({host: '127.0.0.1', port, timeoutSeconds: 0.01, clock})
  t.teardown(() => connection.socket.destroy())
  await t.throwsAsync(connection.ask({kind: 'text', text: Buffer.from('anybody?')}), {
    message: 'no answer within 0.01 s',
  })
  t.is(asked, 10)
})

/** Timers are asked before sockets then. */
function standStill(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000)
}
