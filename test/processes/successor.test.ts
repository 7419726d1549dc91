import {once} from 'node:events'
import {type AddressInfo, createServer} from 'node:net'
import test from 'ava'
import {compileActor} from '../../harness/processes/compile.ts'
import {launch} from '../../harness/processes/launch.ts'
import type {BindAttempt} from '../../harness/processes/protocol.ts'

test('the port is tried once more at the limit, also if that had passed when the first attempt was answered', async (t) => {
  const {path, dispose} = await compileActor()
  t.teardown(dispose)
  const occupant = createServer().listen(0, '127.0.0.1')
  await once(occupant, 'listening')
  t.teardown(() => occupant.close())
  const {port} = occupant.address() as AddressInfo
  const attempts: BindAttempt[] = []
  const successor = await launch(path, 'successor', {onAttempts: (made) => attempts.push(...made)})
  t.teardown(() => successor.kill())
  const answer = await successor.request('restart', {
    server: {
      ...{opener: 'node', bind: 'none', address: '127.0.0.1', reads: true, port},
      greeting: 'successor',
    },
    limitSeconds: 1e-9,
    wait: true,
    pacing: {kind: 'proportional'},
  })
  t.deepEqual(answer, {granted: false})
  t.is(attempts.length, 2)
  t.true(attempts.every(({outcome}) => outcome === 'refused'))
})
