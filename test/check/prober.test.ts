import {once} from 'node:events'
import {type AddressInfo, createServer, type Socket} from 'node:net'
import test from 'ava'
import {openProber} from '../../harness/check/prober.ts'
import {until} from '../commands/cli.ts'
import {freePort} from './servers.ts'

const host = '127.0.0.1'

test('a client is refused every few milliseconds, and gets in once the server listens', async (t) => {
  const port = await freePort(t)
  const prober = openProber({
    host,
    port,
    hold: false,
    ephemeralPorts: [40_000, 60_000],
    avoid: new Set(),
  })
  prober.resume()
  await until(() => prober.counts.refused > 3, 10, 'refused connections')
  const server = createServer((socket) => socket.on('error', () => undefined))
  t.teardown(() => server.close())
  server.listen(port, host)
  await prober.next()
  t.true((prober.connection()?.at ?? 0) > 0)
  t.is(prober.counts.failed, 0)
  prober.reject()
  prober.pause()
})

test('a client that is let in while this process has no turn for long was not left without an answer', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, host)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as AddressInfo
  const ephemeralPorts: [number, number] = [40_000, 60_000]
  const prober = openProber({host, port, hold: false, ephemeralPorts, avoid: new Set()})
  prober.resume()
  // Longer than an answer is waited for, as on a machine with more to do than it has cores.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
  await prober.next()
  t.is(prober.counts.failed, 0)
  prober.pause()
  prober.reject()
})

test('the client never comes from the local port of an old connection, whose TIME_WAIT that would destroy', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, host)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as AddressInfo
  const free = await freePort(t)
  const taken = free - 1
  for (let time = 0; time < 20; time++) {
    const prober = openProber({
      host,
      port,
      hold: false,
      ephemeralPorts: [taken, free],
      avoid: new Set([taken]),
    })
    const accepted = once(server, 'connection')
    prober.resume()
    const [socket] = (await accepted) as [Socket]
    t.is(socket.remotePort, free)
    await prober.next()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    prober.pause()
    prober.reject()
    await closed
  }
})
