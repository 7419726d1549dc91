import {once} from 'node:events'
import {type AddressInfo, createServer, type Socket} from 'node:net'
import test, {type ExecutionContext} from 'ava'
import {freePort} from '../check/servers.ts'
import {complaintsOf, type Started, soon, startCli, until} from './cli.ts'

/** A server on 127.0.0.1 that leaves it to the test to close its side, and a client like nc to it. */
async function startNc(
  t: ExecutionContext,
  onConnection: (socket: Socket) => void,
  options: string[] = [],
): Promise<Started> {
  const sockets = new Set<Socket>()
  const server = createServer({allowHalfOpen: true}, (socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const {port} = server.address() as AddressInfo
  return startCli(t, ['nc', ...options, '127.0.0.1', String(port)], {stdin: 'pipe'})
}

test('nc sends stdin, passes its end on, and still prints what the server answers after that', async (t) => {
  const nc = await startNc(t, (socket) => {
    let received = ''
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text
    })
    socket.on('end', () => socket.end(`you said: ${received}`))
  })
  nc.child.stdin?.end('one\ntwo\n')
  const {status, stdout, stderr} = await nc.ended
  t.is(stdout, 'you said: one\ntwo\n')
  t.is(stderr, '')
  t.is(status, 0)
})

test('nc passes on more bytes than any buffer holds, both ways, in order', async (t) => {
  const lines = Array.from({length: 400_000}, (_, line) => `${line}\n`).join('')
  const nc = await startNc(t, (socket) => socket.pipe(socket))
  nc.child.stdin?.end(lines)
  const {status, stdout} = await nc.ended
  t.is(status, 0)
  t.true(stdout === lines, `${stdout.length} of ${lines.length} came back`)
})

test('nc ends when the server closes, though stdin stays open', async (t) => {
  const nc = await startNc(t, (socket) => socket.end('bye\n'))
  const {status, stdout, stderr} = await nc.ended
  t.is(stdout, 'bye\n')
  t.is(stderr, '')
  t.is(status, 0)
  t.false(nc.child.stdin?.writableEnded, 'it was not the test that closed stdin')
})

test('nc --hold keeps its side open when the server closes, until stdin ends', async (t) => {
  let received = ''
  let ended = false
  const nc = await startNc(
    t,
    (socket) => {
      socket.setEncoding('utf8').on('data', (text: string) => {
        received += text
      })
      socket.on('end', () => {
        ended = true
      })
      socket.end('bye\n')
    },
    ['--hold'],
  )
  await nc.shows(/bye/, 'stdout')
  nc.child.stdin?.write('still here\n')
  await until(() => received === 'still here\n', 10, 'what nc sent after the server closed')
  t.false(ended)
  nc.child.stdin?.end()
  const {status} = await nc.ended
  t.is(status, 0)
  await until(() => ended, 10, 'the end of stdin at the server')
})

test('nc to a port where nobody listens says so in one line and ends with exit status 1', async (t) => {
  const port = await freePort(t)
  const nc = startCli(t, ['nc', '127.0.0.1', String(port)], {stdin: 'pipe'})
  const {status, stdout, stderr} = await nc.ended
  t.is(status, 1)
  t.is(stdout, '')
  t.is(complaintsOf(stderr).length, 1, stderr)
  t.regex(stderr, new RegExp(`^rebind: .*ECONNREFUSED.*${port}`))
})

test('nc tells of a connection that the server resets in one line, with exit status 1', async (t) => {
  const nc = await startNc(t, (socket) => socket.resetAndDestroy())
  const {status, stdout, stderr} = await nc.ended
  t.is(status, 1)
  t.is(stdout, '')
  t.is(complaintsOf(stderr).length, 1, stderr)
  t.regex(stderr, /^rebind: .*ECONNRESET/)
})

test('nc ends when nobody reads its stdout any more', async (t) => {
  const nc = await startNc(t, (socket) => {
    const fill = () => {
      while (socket.write('y\n'.repeat(1000)));
    }
    socket.on('drain', fill)
    fill()
  })
  await nc.shows(/y/, 'stdout')
  nc.child.stdout?.destroy()
  let ended = false
  nc.ended.then(() => {
    ended = true
  })
  await until(() => ended, soon, 'the end of nc')
  t.pass()
})
