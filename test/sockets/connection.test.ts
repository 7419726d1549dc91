import {setImmediate as nextTurn} from 'node:timers/promises'
import type {ExecutionContext} from 'ava'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {socketAddress} from '../../harness/sockets/address.ts'
import {
  abort,
  acceptNext,
  doNotBlock,
  heldState,
  isAtEnd,
  listenOn,
  localPort,
  sendFin,
  startConnecting,
} from '../../harness/sockets/connection.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {
  bindNative,
  closeNative,
  isPlainBindGranted,
  makeSocket,
} from '../../harness/sockets/native.ts'

import {openPortPool} from '../../harness/sockets/ports.ts'
import {needs, noIpv6} from '../needs.ts'

const native = needs(nativeOpenerProblem())

/** What is asked for is on its way: nothing here blocks, so it is asked for until it is there. */
async function arrival<T>(ask: () => T | undefined | false): Promise<T> {
  for (;;) {
    const answer = ask()
    if (answer !== undefined && answer !== false) return answer
    await nextTurn()
  }
}

function listener(t: ExecutionContext, address: string): {fd: number; port: number} {
  const fd = bindNative({address, port: 0, bind: 'none'})
  t.teardown(() => closeNative(fd))
  doNotBlock(fd)
  listenOn(fd, 1)
  return {fd, port: localPort(fd)}
}

for (const address of ['127.0.0.1', '::1']) {
  const isHere = nativeOpenerProblem() !== undefined || isPlainBindGranted(address, 0)
  const live = needs(nativeOpenerProblem() ?? (isHere ? undefined : noIpv6))
  live(`over ${address} both ends of a connection go through their states`, async (t) => {
    const {fd, port} = listener(t, address)
    t.is(heldState(fd), 'LISTEN')
    t.is(acceptNext(fd), undefined)

    const client = makeSocket({address, bind: 'none'})
    startConnecting(client, socketAddress(address), port)
    const {fd: server, remotePort} = await arrival(() => acceptNext(fd))
    t.is(remotePort, localPort(client))
    t.is(localPort(server), port)
    await arrival(() => heldState(client) === 'ESTABLISHED')
    t.is(heldState(server), 'ESTABLISHED')

    t.false(isAtEnd(client))
    sendFin(server)
    await arrival(() => isAtEnd(client))
    t.is(heldState(client), 'CLOSE_WAIT')
    await arrival(() => heldState(server) === 'FIN_WAIT2')

    abort(client)
    await arrival(() => heldState(server) === 'CLOSED')
    abort(server)
  })
}

native('an aborted connection leaves nothing on its port', async (t) => {
  const {fd, port} = listener(t, '127.0.0.1')
  const platform = detectPlatform()
  const ephemeralPorts = platform.ephemeralPorts(await platform.readSettings())
  const pool = openPortPool({ephemeralPorts, native: true})
  t.teardown(() => pool.close())
  // A port that connect() chose could be somebody else's a moment after.
  const own = await pool.take()
  const client = bindNative({address: '127.0.0.1', port: own, bind: 'none'})
  startConnecting(client, socketAddress('127.0.0.1'), port)
  const {fd: server} = await arrival(() => acceptNext(fd))
  t.false(isPlainBindGranted('127.0.0.1', own))
  abort(server)
  await arrival(() => heldState(client) === 'CLOSED')
  abort(client)
  t.true(isPlainBindGranted('127.0.0.1', own))
})

native('connecting to where nobody listens is refused, at once or when one reads', async (t) => {
  const fd = bindNative({address: '127.0.0.1', port: 0, bind: 'none'})
  t.teardown(() => closeNative(fd))
  const client = makeSocket({address: '127.0.0.1', bind: 'none'})
  t.teardown(() => closeNative(client))
  const error = await t.throwsAsync(async () => {
    startConnecting(client, socketAddress('127.0.0.1'), localPort(fd))
    await arrival(() => isAtEnd(client))
  })
  t.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED')
})
