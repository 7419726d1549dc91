import {once} from 'node:events'
import {createServer} from 'node:net'
import {setImmediate as nextTurn} from 'node:timers/promises'
import test, {type ExecutionContext} from 'ava'
import {openClient} from '../harness/processes/client.ts'
import {TooSlow, withinRunningSeconds} from '../harness/too-slow.ts'

const {handlers} = openClient(async () => undefined)

/** Keeps this process from hearing of anything, as a stop of it does. */
function block(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000)
}

async function portOf(t: ExecutionContext, {closed}: {closed: boolean}): Promise<number> {
  const server = createServer((socket) => socket.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  if (closed) server.close()
  else t.teardown(() => void server.close())
  return address.port
}

test.serial(
  'what does not come within its time is told as too slow, and its waiting is called off',
  async (t) => {
    let calledOff = false
    const error = await t.throwsAsync(
      withinRunningSeconds(1, 'nobody came', async (late) => {
        late.addEventListener('abort', () => {
          calledOff = true
        })
        await new Promise(() => undefined)
      }),
      {instanceOf: TooSlow},
    )
    t.is(error.message, 'too slow here: nobody came within 1 s')
    t.true(calledOff)
  },
)

test.serial('an error that comes before is told as it is', async (t) => {
  const error = new Error('of its own')
  t.is(await t.throwsAsync(withinRunningSeconds(9, '', () => Promise.reject(error))), error)
})

test.serial('a process that was stopped meanwhile does not count that time', async (t) => {
  const port = await portOf(t, {closed: false})
  // From here timers are the next to be asked.
  await nextTurn()
  const waited = withinRunningSeconds(2, 'no answer', async () => {
    const response = handlers['try-to-connect']({
      ...{host: '127.0.0.1', port, hold: false},
      withinSeconds: 60,
    })
    return (await response).calls.map(({outcome}) => outcome)
  })
  block(2.5)
  t.deepEqual(await waited, ['connected'])
})

test.serial('an answer that came while the client was stopped is no missing answer', async (t) => {
  const port = await portOf(t, {closed: true})
  await nextTurn()
  const answered = handlers['try-to-connect']({
    ...{host: '127.0.0.1', port, hold: false},
    withinSeconds: 0.05,
  })
  block(0.3)
  const {calls} = await answered
  t.deepEqual(
    calls.map(({outcome}) => outcome),
    ['ECONNREFUSED'],
  )
})
