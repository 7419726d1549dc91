import {once} from 'node:events'
import {createServer} from 'node:net'
import test from 'ava'
import type {CheckContext} from '../../harness/check/context.ts'
import {CouldNotMeasure} from '../../harness/check/could-not-measure.ts'
import {openListened} from '../../harness/check/listened.ts'
import {viewPort} from '../../harness/check/port-view.ts'
import type {Prober} from '../../harness/check/prober.ts'
import type {ServerStart} from '../../harness/check/server.ts'
import {stopServer} from '../../harness/check/stop.ts'
import {platform} from './servers.ts'

const never = new AbortController().signal

/** Stops a server that ends, with status 0, after the first look and before the process table is read. */
async function stopWhereItEnds({listensAfterwards = false, hasEnded = true, signal = never}) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const {port} = server.address() as {port: number}
  let looks = 0
  const ending = {code: 0, signal: null, seconds: 0}
  const start = {
    number: 0,
    pid: process.pid,
    ending: () => (hasEnded ? ending : undefined),
    ended: hasEnded ? Promise.resolve(ending) : new Promise(() => undefined),
    silent: Promise.resolve(),
    lines: {errorLines: () => []},
  } as unknown as ServerStart
  const context = {
    options: {port, stop: 'SIGTERM', stopTimeoutSeconds: 1},
    platform,
    async look() {
      if (looks++ > 0 && !listensAfterwards) server.close()
      const sockets = (await platform.readSockets?.({ports: [port], listeners: true})) ?? []
      return viewPort(sockets, '127.0.0.1', port)
    },
    host: {processes: () => [], startOf: () => 0},
    signal,
  } as unknown as CheckContext
  try {
    return await stopServer(context, start, {
      prober: {} as Prober,
      listened: openListened([]),
    })
  } finally {
    server.close()
  }
}

test('a server that ends while it is looked at is no daemon', async (t) => {
  const {problem} = (await t.throwsAsync(stopWhereItEnds({}), {
    instanceOf: CouldNotMeasure,
  })) as CouldNotMeasure
  t.is(problem.kind, 'exited')
})

test('one that has ended, and left a listener of its own, is', async (t) => {
  t.is((await stopWhereItEnds({listensAfterwards: true})).kind, 'daemonised')
})

test('one whose end nobody tells of can be interrupted', async (t) => {
  const interruption = new AbortController()
  const stopping = stopWhereItEnds({hasEnded: false, signal: interruption.signal})
  interruption.abort(new Error('SIGINT'))
  await t.throwsAsync(stopping, {message: 'SIGINT'})
})
