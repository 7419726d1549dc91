import {once} from 'node:events'
import {connect, createServer, type Server} from 'node:net'
import type {ExecutionContext} from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {bindFlags} from '../../harness/sockets/bind-options.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {isPlainBindGranted, readBindFlags} from '../../harness/sockets/native.ts'
import {nodeBindOption, openPort} from '../../harness/sockets/opener.ts'
import type {SystemError} from '../../harness/sockets/system-error.ts'
import {freePort} from '../check/servers.ts'
import {needs, noIpv6} from '../needs.ts'

const native = needs(nativeOpenerProblem())
const ipv6 = needs(nativeOpenerProblem() ?? (isPlainBindGranted('::1', 0) ? undefined : noIpv6))

/** On a port that nobody else has, on any address: port 0 may give one that is in use on another. */
async function listening(t: ExecutionContext, opener: 'node' | 'native', address: string) {
  const server = createServer()
  const port = await freePort(t)
  await openPort(server, opener, {address, port, bind: 'none'})
  t.teardown(() => server.close())
  return {server, port}
}

function descriptor(server: Server): number {
  return (server as unknown as {_handle: {fd: number}})._handle.fd
}

native("node's opener sets SO_REUSEADDR, asked or not, and nothing else", async (t) => {
  const {server} = await listening(t, 'node', '127.0.0.1')
  t.deepEqual(readBindFlags(descriptor(server)), bindFlags(nodeBindOption))
  t.is(nodeBindOption, 'reuseaddr')
})

native('the grant is dated between the call and its completion', async (t) => {
  const before = monotonicSeconds()
  const server = createServer()
  t.teardown(() => server.close())
  const grantedAt = await openPort(server, 'native', {address: '127.0.0.1', port: 0, bind: 'none'})
  t.true(before < grantedAt && grantedAt < monotonicSeconds())
})

for (const address of ['127.0.0.1', '0.0.0.0', '::1', '::', 'dual', '192.0.2.1']) {
  const code = address === '192.0.2.1' ? 'EADDRNOTAVAIL' : 'EADDRINUSE'
  const onAddress = address.includes('.') ? native : ipv6
  onAddress(
    `${code} on ${address} has the shape of Node's own error, but names bind`,
    async (t) => {
      const local = code === 'EADDRINUSE' ? address : '127.0.0.1'
      const {port} = await listening(t, 'native', local)
      const taken = {address, port, bind: 'none'} as const
      const nodes = await t.throwsAsync<SystemError>(openPort(createServer(), 'node', taken))
      const ours = await t.throwsAsync<SystemError>(openPort(createServer(), 'native', taken))
      t.is(ours.code, code)
      t.is(nodes.syscall, 'listen')
      t.deepEqual({...ours}, {...nodes, syscall: 'bind'})
      t.is(ours.message, nodes.message.replace(/^listen/, 'bind'))
    },
  )
}

for (const opener of ['native', 'node'] as const) {
  ipv6(`dual, opened by ${opener}, takes an IPv4 client, and :: does not`, async (t) => {
    const dual = await listening(t, opener, 'dual')
    const client = connect({host: '127.0.0.1', port: dual.port})
    const [accepted] = await once(dual.server, 'connection')
    t.is(accepted.remoteFamily, 'IPv6')
    t.is(accepted.remoteAddress, '::ffff:127.0.0.1')
    client.resetAndDestroy()
    accepted.destroy()

    const only = await listening(t, opener, '::')
    const refused = connect({host: '127.0.0.1', port: only.port})
    await t.throwsAsync(once(refused, 'connect'), {code: 'ECONNREFUSED'})
  })
}
