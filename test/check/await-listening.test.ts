import {once} from 'node:events'
import {connect, createServer, type Socket} from 'node:net'
import test, {type ExecutionContext} from 'ava'
import {awaitListening, type ListeningQuestion} from '../../harness/check/await-listening.ts'
import {openListened} from '../../harness/check/listened.ts'
import {openListenerJudge} from '../../harness/check/listeners.ts'
import {viewPort} from '../../harness/check/port-view.ts'
import type {Prober} from '../../harness/check/prober.ts'
import {monotonicSeconds} from '../../harness/clock.ts'
import {platform} from './servers.ts'

/** A new server listens, and the client has a connection that is with it, or was with one that is gone. */
async function listensAfter(t: ExecutionContext, isWithNew: boolean) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as {port: number}
  const old = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  await once(old, 'listening')
  const target = isWithNew ? port : (old.address() as {port: number}).port
  const socket = connect(target, '127.0.0.1')
  const accepted = isWithNew ? once(server, 'connection') : undefined
  await once(socket, 'connect')
  const [theirs] = ((await accepted) ?? []) as Socket[]
  t.teardown(() => {
    socket.destroy()
    theirs?.destroy()
    old.close()
  })
  let had: {client: {socket: Socket}; at: number} | undefined = {client: {socket}, at: 1}
  const prober = {
    connection: () => had,
    reject() {
      had = undefined
    },
    next: () => new Promise(() => undefined),
    resume: () => undefined,
    pause: () => undefined,
  } as unknown as Prober
  const alive = [
    {pid: process.pid, start: 1},
    {pid: 1, start: 0},
  ]
  const host = {processes: () => alive, startOf: () => 1}
  const options = {port, address: '127.0.0.1'}
  const start = {
    number: 1,
    startedAt: 0,
    ending: () => undefined,
    ended: new Promise(() => undefined),
  }
  const look = async () => {
    const sockets = (await platform.readSockets?.({ports: [port], listeners: true})) ?? []
    return viewPort(sockets, '127.0.0.1', port)
  }
  const context = {platform, host, look, options, before: [], signal: new AbortController().signal}
  return awaitListening({
    context,
    server: start,
    judge: openListenerJudge(context as never, start, openListened([])),
    prober,
    deadline: monotonicSeconds() + 10,
    elsewhereSeconds: 10,
    lookEveryMilliseconds: 10,
  } as unknown as ListeningQuestion)
}

test('a connection with the new server tells when it began to listen', async (t) => {
  const outcome = await listensAfter(t, true)
  t.is(outcome.kind, 'listening')
  t.is(outcome.kind === 'listening' ? outcome.at : 0, 1)
})

test('one that was with an old server, which has gone, does not', async (t) => {
  const before = monotonicSeconds()
  const outcome = await listensAfter(t, false)
  t.true(outcome.kind === 'listening' && outcome.at >= before)
})
