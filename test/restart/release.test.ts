import {once} from 'node:events'
import {createServer} from 'node:net'
import type {ExecutionContext} from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {timedResidues} from '../../harness/platforms/tcp-states.ts'
import {nearRelease} from '../../harness/processes/pacing.ts'
import {type PortRelease, watchReleases} from '../../harness/restart/release.ts'
import {leaveResidue} from '../../harness/restart/residue.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {
  closeNative,
  isPlainBindGranted,
  makeSocket,
  preparedBind,
} from '../../harness/sockets/native.ts'
import {openPortPool} from '../../harness/sockets/ports.ts'
import {testUnless, until} from '../commands/cli.ts'

const address = '127.0.0.1'
const problem = nativeOpenerProblem()

async function takePort(t: ExecutionContext): Promise<number> {
  const platform = detectPlatform()
  const ephemeralPorts = platform.ephemeralPorts(await platform.readSettings())
  const pool = openPortPool({ephemeralPorts, native: true})
  t.teardown(() => pool.close())
  return pool.take()
}

/** A port that somebody listens on, and a bind of it that is refused until they leave. */
async function occupied(t: ExecutionContext) {
  const port = await takePort(t)
  const occupant = createServer().listen(port, address)
  await once(occupant, 'listening')
  t.teardown(() => occupant.close())
  const fd = makeSocket({address, bind: 'none'})
  t.teardown(() => closeNative(fd))
  return {port, occupant, bind: preparedBind(fd, address, port)}
}

testUnless(problem, 'a port is granted right after it is free', async (t) => {
  const {port, occupant, bind} = await occupied(t)
  const told: PortRelease[] = []
  const onRelease = (release: PortRelease) => void told.push(release)
  const watch = watchReleases({limitSeconds: 20, onRelease})
  const now = monotonicSeconds()
  const pacing = {kind: 'dense-from', at: now, ...nearRelease} as const
  const release = watch.add({port, appeared: {from: now, to: now}, pacing, bind})
  const finished = watch.finish()
  await until(() => release.attempts > 10, 10, 'attempts while the port is taken')
  const closingFrom = monotonicSeconds()
  occupant.close()
  const closedBy = monotonicSeconds()
  await finished
  t.deepEqual(told, [release])
  const {firstAttemptAt, lastRefusedAt, grantedAt} = release
  t.true((firstAttemptAt ?? 0) >= now && (firstAttemptAt ?? 0) < (lastRefusedAt ?? 0))
  t.true((lastRefusedAt ?? 0) <= closedBy, 'the last refusal was while the port was taken')
  t.true((grantedAt ?? 0) >= closingFrom, 'the grant was when it was not')
})

testUnless(problem, 'a port that never comes free is given up at the limit', async (t) => {
  const {port, bind} = await occupied(t)
  const watch = watchReleases({limitSeconds: 0.2, onRelease: () => t.fail('it was granted')})
  const now = monotonicSeconds()
  const appeared = {from: now, to: now}
  const pacing = {kind: 'dense-from', at: now + 3600, ...nearRelease} as const
  const release = watch.add({port, appeared, pacing, bind})
  await watch.finish()
  t.is(release.grantedAt, null)
  t.true((release.lastRefusedAt ?? 0) >= now + 0.2, 'the last attempt is the one at the limit')
  t.true(release.attempts <= 3, 'far from the release attempts are seldom')
})

testUnless(problem, 'an error that is no refusal ends the watching with it', async (t) => {
  const port = await takePort(t)
  const watch = watchReleases({limitSeconds: 5, onRelease: () => t.fail('it was granted')})
  const now = monotonicSeconds()
  const appeared = {from: now, to: now}
  watch.add({port, appeared, pacing: {kind: 'proportional'}, bind: preparedBind(-1, address, port)})
  await t.throwsAsync(watch.finish(), {code: 'EBADF'})
})

for (const residue of timedResidues) {
  testUnless(problem, `${residue} is left on a port, and a plain bind is refused`, async (t) => {
    const {readSockets, hiddenStates} = detectPlatform()
    const port = await takePort(t)
    const {appeared, dispose} = await leaveResidue(port, residue)
    t.true(appeared.to >= appeared.from)
    t.false(isPlainBindGranted(address, port))
    if (readSockets !== null && !hiddenStates.includes(residue)) {
      const states = async () =>
        (await readSockets({ports: [port]})).flatMap(({local, state}) =>
          local.port === port ? state : [],
        )
      let seen = await states()
      // The acknowledgement of a FIN can be delayed by 40 ms.
      while (seen.includes('FIN_WAIT1')) seen = await states()
      t.deepEqual(seen, [residue])
    }
    dispose()
  })
}
