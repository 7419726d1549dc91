/** Makes what a server leaves on a port, with real sockets of this process. */
import {once} from 'node:events'
import {connect, createServer, type Server, type Socket} from 'node:net'
import type {ExecutionContext} from 'ava'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import type {BindOption} from '../../harness/sockets/bind-options.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {bindNative} from '../../harness/sockets/native.ts'
import {openPortPool} from '../../harness/sockets/ports.ts'

/** A free port outside the ephemeral range, that no other test takes meanwhile. */
export async function takePort(t: ExecutionContext): Promise<number> {
  const platform = detectPlatform()
  const ephemeralPorts = platform.ephemeralPorts(await platform.readSettings())
  const pool = openPortPool({ephemeralPorts, native: nativeOpenerProblem() === undefined})
  t.teardown(pool.close)
  return pool.take()
}

/** A server of this process on 127.0.0.1 with exactly these options. */
export async function listenOn(
  t: ExecutionContext,
  port: number,
  bind: BindOption = 'none',
): Promise<Server> {
  const server = createServer({allowHalfOpen: true})
  server.listen({fd: bindNative({address: '127.0.0.1', port, bind})})
  await once(server, 'listening')
  t.teardown(() => server.close())
  return server
}

/** A connection to the server: its two ends. */
export async function connection(
  t: ExecutionContext,
  server: Server,
  port: number,
): Promise<{accepted: Socket; client: Socket}> {
  const arrives = once(server, 'connection')
  const client = connect({host: '127.0.0.1', port, allowHalfOpen: true})
  await once(client, 'connect')
  const [accepted] = (await arrives) as [Socket]
  t.teardown(() => {
    client.destroy()
    accepted.destroy()
  })
  return {accepted, client}
}

/** A server that closes its connection first, then ends: TIME_WAIT. */
export async function leaveTimeWait(
  t: ExecutionContext,
  port: number,
  bind: BindOption,
): Promise<void> {
  const server = await listenOn(t, port, bind)
  const {accepted, client} = await connection(t, server, port)
  const closed = Promise.all([once(accepted, 'close'), once(client, 'close')])
  accepted.resume().end()
  await once(client.resume(), 'end')
  client.end()
  await closed
  server.close()
  await once(server, 'close')
}
