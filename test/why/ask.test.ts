import test from 'ava'
import {UsageError, watchUntilFree, why} from '../../harness/index.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {testUnless} from '../needs.ts'
import {listenOn, takePort} from './residue.ts'

test('why gives the document of the command line for a port, and for a path', async (t) => {
  const port = await takePort(t)
  const free = await why(port, {host: '127.0.0.1'})
  t.like(free, {format: 'rebind-why', port, causes: []})
  const path = await why('/no/such/folder/a.sock')
  t.like(path, {format: 'rebind-why', path: '/no/such/folder/a.sock', bindable: false})
})

testUnless(
  nativeOpenerProblem(),
  'watchUntilFree resolves when a plain bind is granted',
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    t.false(await watchUntilFree(port, {host: '127.0.0.1', timeoutSeconds: 0.1}))
    const free = watchUntilFree(port, {host: '127.0.0.1'})
    server.close()
    t.true(await free)
  },
)

testUnless(
  nativeOpenerProblem(),
  'watchUntilFree rejects with the reason of its signal',
  async (t) => {
    const port = await takePort(t)
    await listenOn(t, port)
    const reason = new Error('enough')
    const given = {host: '127.0.0.1', signal: AbortSignal.abort(reason)}
    t.is(await t.throwsAsync(watchUntilFree(port, given)), reason)
  },
)

test('what is not a port is refused in one line', async (t) => {
  for (const port of [0, 65_536, 1.5, Number.NaN]) {
    await t.throwsAsync(why(port), {instanceOf: UsageError, message: /is not a port; use a number/})
    await t.throwsAsync(watchUntilFree(port), {instanceOf: UsageError})
  }
})
