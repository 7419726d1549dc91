import {once} from 'node:events'
import {readdirSync} from 'node:fs'
import {createConnection, createServer, type Server} from 'node:net'
import test from 'ava'
import {socketAddress} from '../../harness/sockets/address.ts'
import {bindFlags, bindOptions} from '../../harness/sockets/bind-options.ts'
import {sockaddr, socketConstants} from '../../harness/sockets/constants.ts'
import {
  bindNative,
  closeNative,
  isPlainBindGranted,
  readBindFlags,
} from '../../harness/sockets/native.ts'
import {openPort} from '../../harness/sockets/opener.ts'
import {isSystemError, type SystemError} from '../../harness/sockets/system-error.ts'
import {freePort} from '../check/servers.ts'
import {needs} from '../needs.ts'

const isLinux = process.platform === 'linux'

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('not a TCP server')
  return address.port
}

function descriptorOf(server: Server): number {
  // The handle is Node's own; there is no public way to the descriptor of a server.
  return (server as unknown as {_handle: {fd: number}})._handle.fd
}

async function close(server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

for (const bind of bindOptions) {
  for (const address of ['127.0.0.1', '0.0.0.0', '::1', '::', 'dual']) {
    test(`a native socket on ${address} has exactly the bind options "${bind}"`, async (t) => {
      const server = createServer()
      await openPort(server, 'native', {address, port: 0, bind})
      t.deepEqual(readBindFlags(descriptorOf(server)), bindFlags(bind))
      await close(server)
    })
  }
}

test('server.listen sets SO_REUSEADDR and nothing else', async (t) => {
  const server = createServer()
  await openPort(server, 'node', {address: '127.0.0.1', port: 0, bind: 'none'})
  t.deepEqual(readBindFlags(descriptorOf(server)), {reuseaddr: true, reuseport: false})
  await close(server)
})

test('a dual-stack server takes IPv4 clients', async (t) => {
  const server = createServer((socket) => socket.end())
  await openPort(server, 'native', {address: 'dual', port: 0, bind: 'none'})
  const client = createConnection({host: '127.0.0.1', port: portOf(server)})
  await once(client.resume(), 'close')
  await close(server)
  t.pass()
})

test('a server on :: refuses IPv4 clients', async (t) => {
  const server = createServer()
  // Port 0 may give one on which another process takes IPv4 clients.
  const port = await freePort(t)
  await openPort(server, 'native', {address: '::', port, bind: 'none'})
  const client = createConnection({host: '127.0.0.1', port})
  const [error] = (await once(client, 'error').catch((reason) => [reason])) as [SystemError]
  t.is(error.code, 'ECONNREFUSED')
  await close(server)
})

test('a refused native bind fails with the fields that Node gives its own error', async (t) => {
  const server = createServer()
  await openPort(server, 'node', {address: '127.0.0.1', port: 0, bind: 'none'})
  const port = portOf(server)
  const errors = await Promise.all(
    (['node', 'native'] as const).map((opener) =>
      openPort(createServer(), opener, {address: '127.0.0.1', port, bind: 'none'}).catch(
        (error: unknown) => error,
      ),
    ),
  )
  const [ofNode, ofNative] = errors.map((error) => {
    if (!isSystemError(error)) throw error
    const {code, errno, address, port, message} = error
    return {code, errno, address, port, message: message.replace(/^(listen|bind) /, '')}
  })
  t.deepEqual(ofNative, ofNode)
  t.deepEqual(
    errors.map((error) => (error as SystemError).syscall),
    ['listen', 'bind'],
  )
  await close(server)
})

const onLinux = needs(isLinux ? undefined : 'only Linux has /proc/self/fd', test.serial)

onLinux('a thousand refused binds leave no descriptor behind', async (t) => {
  const holder = bindNative({address: '127.0.0.1', port: 0, bind: 'none'})
  const server = createServer()
  server.listen({fd: holder})
  await once(server, 'listening')
  const port = portOf(server)
  const before = readdirSync('/proc/self/fd').length
  for (let attempt = 0; attempt < 1000; attempt++) {
    t.false(isPlainBindGranted('127.0.0.1', port))
  }
  // The loader of the tests may have closed one of its own meanwhile.
  t.true(readdirSync('/proc/self/fd').length <= before)
  await close(server)
})

onLinux('a native socket is close-on-exec', async (t) => {
  const fd = bindNative({address: '127.0.0.1', port: 0, bind: 'none'})
  const {readFile} = await import('node:fs/promises')
  const flags = /^flags:\s+(\d+)$/m.exec(await readFile(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
  const closeOnExec = 0o2000000
  t.is(Number.parseInt(flags ?? '0', 8) & closeOnExec, closeOnExec)
  closeNative(fd)
})

const layouts: [os: NodeJS.Platform, address: string, port: number, bytes: string][] = [
  ['linux', '127.0.0.1', 8080, '0200 1f90 7f000001 0000000000000000'],
  ['darwin', '127.0.0.1', 8080, '1002 1f90 7f000001 0000000000000000'],
  ['linux', '::1', 1, `0a00 0001 00000000 ${'00'.repeat(15)}01 00000000`],
  ['darwin', '::1', 1, `1c1e 0001 00000000 ${'00'.repeat(15)}01 00000000`],
  ['linux', 'fe80::1:2', 258, `0a00 0102 00000000 fe80${'00'.repeat(10)}00010002 00000000`],
  ['linux', '::ffff:1.2.3.4', 1, `0a00 0001 00000000 ${'00'.repeat(10)}ffff01020304 00000000`],
]
for (const [os, address, port, bytes] of layouts) {
  test(`the sockaddr of ${address} on ${os} has the C layout`, (t) => {
    const constants = socketConstants(os, 'x64')
    if (constants === undefined) return t.fail()
    t.is(
      sockaddr(constants, socketAddress(address), port).toString('hex'),
      bytes.replaceAll(' ', ''),
    )
  })
}

test('what is no IP address is refused', (t) => {
  t.throws(() => socketAddress('localhost'), {message: 'not an IP address: localhost'})
})
