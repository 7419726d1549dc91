import {once} from 'node:events'
import {type AddressInfo, createServer, type Socket} from 'node:net'
import {PassThrough} from 'node:stream'
import test, {type ExecutionContext} from 'ava'
import {readSocketState} from '../../harness/platforms/sock-diag.ts'
import {type NetcatOptions, netcat} from '../../harness/processes/netcat.ts'
import {freePort} from '../check/servers.ts'
import {needs} from '../needs.ts'
import {netlinkProblem} from '../netlink.ts'

/** A half-open server with one netcat connected to it. */
async function connected(t: ExecutionContext, options: Partial<NetcatOptions> = {}) {
  const server = createServer({allowHalfOpen: true}).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const output = new PassThrough()
  const accepted = once(server, 'connection')
  const {port} = server.address() as AddressInfo
  const client = netcat({host: '127.0.0.1', port, output, hold: false, ...options})
  await client.connected
  const [socket] = (await accepted) as [Socket]
  t.teardown(() => socket.destroy())
  t.teardown(() => client.socket.destroy())
  return {client, output, socket}
}

test('the end of the input is sent as FIN, and the answer to it is still received', async (t) => {
  const input = new PassThrough()
  const {client, output, socket} = await connected(t, {input})
  input.end('question')
  let received = ''
  socket.setEncoding('utf8').on('data', (text) => {
    received += text
  })
  await once(socket, 'end')
  t.is(received, 'question')
  socket.end('answer')
  await client.closed
  t.is(output.read().toString(), 'answer')
})

test('the client closes when the server does', async (t) => {
  const {client, output, socket} = await connected(t)
  socket.resume().end('bye')
  await once(socket, 'end')
  const {from, to} = await client.closed
  t.true(from <= to)
  t.is(output.read().toString(), 'bye')
})

needs(netlinkProblem)(
  'the client closes only when its ACK has arrived, or TIME_WAIT might not last',
  async (t) => {
    const {client, output, socket} = await connected(t)
    // Two ends that talk in turns keep their ACKs back, by 40 ms, in the hope of data to send with them.
    for (let turn = 0; turn < 3; turn++) {
      socket.write('ping')
      await once(output, 'data')
      client.socket.write('pong')
      await once(socket, 'data')
    }
    const {localPort = 0, remotePort = 0} = client.socket
    const [address, end] = ['127.0.0.1', client.socket.end]
    let state: string | undefined
    client.socket.end = (() => {
      state = readSocketState({address, port: remotePort}, {address, port: localPort})
      return end.call(client.socket, '')
    }) as Socket['end']
    socket.end()
    await client.closed
    t.is(state, 'FIN_WAIT2')
  },
)

test('with hold the connection stays half-open, can still send, and closes when told', async (t) => {
  const {client, socket} = await connected(t, {hold: true})
  socket.end()
  await once(client.socket, 'end')
  client.socket.write('still here')
  const [received] = await once(socket, 'data')
  t.is(received.toString(), 'still here')
  t.is(client.socket.readyState, 'writeOnly')
  client.close()
  await once(socket.resume(), 'end')
  await client.closed
  t.true(client.socket.destroyed)
})

test('a server that resets the connection is an error of the client', async (t) => {
  const {client, socket} = await connected(t)
  socket.resetAndDestroy()
  await t.throwsAsync(client.closed, {code: 'ECONNRESET'})
})

test('nobody listening is an error of both promises', async (t) => {
  const port = await freePort(t)
  const {connected, closed} = netcat({
    host: '127.0.0.1',
    port,
    output: new PassThrough(),
    hold: false,
  })
  await t.throwsAsync(connected, {code: 'ECONNREFUSED', message: /^connect ECONNREFUSED/})
  await t.throwsAsync(closed, {code: 'ECONNREFUSED'})
})

test('while the output is full nothing more is read, and nothing is lost', async (t) => {
  const output = new PassThrough({highWaterMark: 1024})
  const {client, socket} = await connected(t, {output})
  const sent = Array.from({length: 100_000}, (_, line) => `line ${line}\n`).join('')
  const firstChunk = once(client.socket, 'data').then(() => client.socket.isPaused())
  socket.resume().end(sent)
  t.true(await firstChunk)
  let received = ''
  output.setEncoding('utf8').on('data', (text) => {
    received += text
  })
  await client.closed
  output.end()
  await once(output, 'end')
  t.is(received, sent)
})
