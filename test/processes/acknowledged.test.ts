import {once} from 'node:events'
import {type AddressInfo, connect, createServer, type Socket} from 'node:net'
import type {ExecutionContext} from 'ava'
import {readSocketState} from '../../harness/platforms/sock-diag.ts'
import {finAcknowledged} from '../../harness/processes/acknowledged.ts'
import {needs} from '../needs.ts'
import {netlinkProblem} from '../netlink.ts'

const onLinux = needs(netlinkProblem)

/** A connection, and what is known of it by its two ends. */
async function connection(t: ExecutionContext, listen: string, host: string) {
  const server = createServer({allowHalfOpen: true}).listen(0, listen)
  await once(server, 'listening')
  const {port} = server.address() as AddressInfo
  const accepting = once(server, 'connection')
  const client = connect({host, port, allowHalfOpen: true})
  const [accepted] = (await accepting) as [Socket]
  if (client.connecting) await once(client, 'connect')
  t.teardown(() => {
    server.close()
    accepted.destroy()
    client.destroy()
  })
  const end = (address: string | undefined, port: number | undefined) => ({
    address: address ?? '',
    port: port ?? 0,
  })
  const atClient = end(client.localAddress, client.localPort)
  const atServer = end(client.remoteAddress, client.remotePort)
  return {accepted, client, atClient, atServer}
}

for (const [listen, host] of [
  ['127.0.0.1', '127.0.0.1'],
  ['::1', '::1'],
  ['::', '127.0.0.1'],
] as const) {
  onLinux(`one socket's state is read by its ends (${listen}, from ${host})`, async (t) => {
    const {client, accepted, atClient, atServer} = await connection(t, listen, host)
    t.is(readSocketState(atServer, atClient), 'ESTABLISHED')
    t.is(readSocketState(atClient, atServer), 'ESTABLISHED')
    const mapped = {address: accepted.localAddress ?? '', port: accepted.localPort ?? 0}
    const remote = {address: accepted.remoteAddress ?? '', port: accepted.remotePort ?? 0}
    t.is(readSocketState(mapped, remote), 'ESTABLISHED', mapped.address)
    client.destroy()
    await once(client, 'close')
    t.is(readSocketState({...atClient, port: 1}, atServer), undefined)
  })
}

onLinux('a FIN is acknowledged before it is answered', async (t) => {
  const {accepted, client, atClient, atServer} = await connection(t, '127.0.0.1', '127.0.0.1')
  // Two ends that talk in turns keep their ACKs back, by 40 ms, in the hope of data to send with them.
  for (let turn = 0; turn < 3; turn++) {
    accepted.write('ping')
    await once(client, 'data')
    client.write('pong')
    await once(accepted, 'data')
  }
  const ended = once(client.resume(), 'end')
  accepted.end()
  await ended
  await finAcknowledged(client)
  t.is(readSocketState(atServer, atClient), 'FIN_WAIT2')
})

onLinux('who closes first waits for nothing', async (t) => {
  const {client, atClient, atServer} = await connection(t, '127.0.0.1', '127.0.0.1')
  await finAcknowledged(client)
  t.is(readSocketState(atServer, atClient), 'ESTABLISHED')
  client.destroy()
  await once(client, 'close')
  await t.notThrowsAsync(finAcknowledged(client), 'nor one that is closed already')
})
