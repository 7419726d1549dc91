import {once} from 'node:events'
import {createServer as createHttpServer, type RequestListener} from 'node:http'
import {type AddressInfo, createServer, type Server, type Socket} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import test, {type ExecutionContext} from 'ava'
import {openRunningClock} from '../../harness/starvation.ts'
import {openTraffic, type TrafficOptions} from '../../harness/traffic/clients.ts'
import {freePort, program} from '../check/servers.ts'
import {startProgram, testUnless} from '../commands/cli.ts'
import {cpuGroupProblem, makeCpuGroup, spending} from '../cpu-group.ts'

async function listening(t: ExecutionContext, server: Server): Promise<number> {
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('close', () => open.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

async function traffic(
  t: ExecutionContext,
  server: Server,
  {timeoutSeconds = 20, ...options}: Partial<TrafficOptions> & {timeoutSeconds?: number},
) {
  const port = await listening(t, server)
  const clients = openTraffic({
    target: {host: '127.0.0.1', port, timeoutSeconds},
    ...{ask: {kind: 'http', path: '/'}, rate: 50, idle: 0, inFlight: 0},
    ...{kept: () => delay(5), onFault: (error) => t.fail(error.message)},
    ...options,
  })
  t.teardown(() => clients.end())
  await clients.start()
  await until(() => clients.tally.lanes.new.opened >= visits)
  await clients.stop()
  return clients.tally
}

const visits = 5

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(5)
}

const http = (answer: RequestListener = (_, response) => response.end('hello')) =>
  createHttpServer({keepAliveTimeout: 10_000}, answer)

test('all are answered by a server that answers, and each lane is counted by itself', async (t) => {
  const tally = await traffic(t, http(), {idle: 3, inFlight: 2})
  t.deepEqual(tally.losses, [])
  t.true(tally.lanes.new.opened >= visits)
  t.is(tally.lanes.new.answered, tally.lanes.new.opened)
  t.is(tally.lanes.idle.opened, 3)
  t.is(tally.lanes.idle.answered, 6, 'at the beginning and at the end')
  t.is(tally.lanes['in-flight'].opened, 2, 'each on one connection')
  t.true(tally.lanes['in-flight'].answered >= 2)
  t.deepEqual(Object.keys(tally.statusClasses), ['2xx'])
  t.not(tally.longestGapSeconds(0), null)
})

test('a server that closes each connection after its answer loses nothing', async (t) => {
  const closing = http((_, response) => {
    response.setHeader('connection', 'close')
    response.end('hello')
  })
  const tally = await traffic(t, closing, {idle: 2, inFlight: 2})
  t.deepEqual(tally.losses, [])
  t.is(tally.idleClosed, 2)
  t.true(tally.lanes['in-flight'].opened > 2)
})

test('what is closed, reset, or never answered is told apart', async (t) => {
  const ends: [failure: string, end: (socket: Socket) => void, timeoutSeconds: number][] = [
    ['cut-off', (socket) => socket.end(), 20],
    ['reset', (socket) => socket.resetAndDestroy(), 20],
    ['unanswered', () => undefined, 0.5],
  ]
  for (const [expected, end, timeoutSeconds] of ends) {
    const server = createServer((socket) => socket.once('data', () => end(socket)))
    const ask = {kind: 'text', text: Buffer.from('hello')} as const
    const {losses} = await traffic(t, server, {ask, timeoutSeconds})
    t.true(losses.length > 0)
    t.deepEqual([...new Set(losses.map(({failure}) => failure))], [expected])
  }
})

test('where nobody listens all are refused, until somebody does', async (t) => {
  const server = http()
  const port = await listening(t, server)
  server.close()
  await once(server, 'close')
  const clients = openTraffic({
    target: {host: '127.0.0.1', port, timeoutSeconds: 20},
    ...{ask: {kind: 'http', path: '/'}, rate: 100, idle: 0, inFlight: 0},
    ...{kept: () => delay(5), onFault: (error) => t.fail(error.message)},
  })
  t.teardown(() => clients.end())
  await clients.start()
  await until(() => clients.tally.lanes.new.refused > 0)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  await until(() => clients.tally.lanes.new.answered > 0)
  await clients.stop()
  const {refused, answered} = clients.tally.lanes.new
  t.true(refused > 0 && answered > 0)
  t.is(clients.tally.lanes.new.opened, refused + answered)
})

test('with a low rate, too, clients come, and one that comes when it is due is not late', async (t) => {
  const port = await listening(t, http())
  const clients = openTraffic({
    target: {host: '127.0.0.1', port, timeoutSeconds: 5},
    ...{ask: {kind: 'http', path: '/'}, rate: 2, idle: 0, inFlight: 0},
    ...{kept: () => delay(5), onFault: (error) => t.fail(error.message)},
  })
  t.teardown(() => clients.end())
  let [tickedAt, heldUp] = [performance.now(), 0]
  const ticking = setInterval(() => {
    const now = performance.now()
    heldUp = Math.max(heldUp, now - tickedAt)
    tickedAt = now
  }, 5)
  t.teardown(() => clearInterval(ticking))
  await clients.start()
  await until(() => clients.tally.lanes.new.opened >= 2)
  await clients.stop()
  // No later than other timers of this process, which other programs may have held up.
  t.true(clients.latestSeconds() < heldUp / 1000 + 0.1)
})

// By itself: nothing else goes on in this process meanwhile.
test.serial('a client that this process keeps from coming is late', async (t) => {
  const port = await listening(t, http())
  const clients = openTraffic({
    target: {host: '127.0.0.1', port, timeoutSeconds: 5},
    ...{ask: {kind: 'http', path: '/'}, rate: 1, idle: 0, inFlight: 0},
    ...{kept: () => delay(5), onFault: (error) => t.fail(error.message)},
  })
  t.teardown(() => clients.end())
  await clients.start()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  await until(() => clients.latestSeconds() > 0.15)
  t.pass()
})

test('a server that speaks first is not asked', async (t) => {
  const server = createServer((socket) => socket.write('220 hello\r\n'))
  const tally = await traffic(t, server, {ask: {kind: 'greeting'}, inFlight: 1, idle: 1})
  t.deepEqual(tally.losses, [])
  t.is(tally.lanes.new.answered, tally.lanes.new.opened)
})

test('where no answer is expected none is counted, but a reset is', async (t) => {
  const silent = await traffic(t, createServer(), {ask: {kind: 'nothing'}})
  t.is(silent.lanes.new.answered, 0)
  t.deepEqual(silent.losses, [])
  const resetting = createServer((socket) => socket.resetAndDestroy())
  const {lanes} = await traffic(t, resetting, {ask: {kind: 'nothing'}})
  t.true(lanes.new.reset > 0)
})

const group = `rebind-clients-${process.pid}`

/** An answer takes it 50 ms of a processor, of which it has 20 ms in a second. */
const starved = (processes: string) => `
  import {writeFileSync} from 'node:fs'
  import {createServer} from 'node:net'
  const server = createServer((socket) => {
    socket.on('error', () => undefined).on('data', () => {
      ${spending(50)}
      socket.end('hello')
    })
  })
  server.listen(process.env.PORT, '127.0.0.1', () => {
    writeFileSync('${processes}', String(process.pid))
    console.log('up')
  })
`

testUnless(
  await cpuGroupProblem(group),
  'a server that answers late because it had no processor has lost nobody',
  async (t) => {
    const slow = makeCpuGroup(group, 2)
    t.teardown(() => slow.remove())
    const port = await freePort(t)
    const source = program(t, 'starved.mjs', starved(slow.processes))
    const env = {PORT: String(port)}
    const server = startProgram(t, [process.execPath, source], {env})
    await server.shows(/up/, 'stdout')
    const {seconds: clock} = openRunningClock(() => [process.pid, server.pid])
    const clients = openTraffic({
      target: {host: '127.0.0.1', port, timeoutSeconds: 1, clock},
      ...{ask: {kind: 'text', text: Buffer.from('anybody?')}, rate: 5, idle: 0, inFlight: 0},
      ...{kept: () => delay(5), onFault: (error) => t.fail(error.message)},
    })
    t.teardown(() => clients.end())
    await clients.start()
    await until(() => clients.tally.lanes.new.opened >= 2)
    await clients.stop()
    t.deepEqual(clients.tally.losses, [])
    t.true((clients.tally.lanes.new.slowestSeconds ?? 0) > 2)
  },
)
