import test from 'ava'
import {darwin} from '../../harness/platforms/darwin.ts'
import {detectPlatform, unknown} from '../../harness/platforms/detect.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {BindAttempt} from '../../harness/processes/messages.ts'
import type {Expected} from '../../harness/reports/schema.ts'
import {summariseAttempts} from '../../harness/restart/attempts.ts'
import {contradiction, type Observed} from '../../harness/restart/expectation.ts'
import {openPortPool} from '../../harness/restart/ports.ts'
import {blankResult} from '../../harness/restart/restart.ts'
import {bindNative, closeNative} from '../../harness/sockets/native.ts'
import {scenarios} from '../../scenarios/index.ts'

const error = {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'bind EADDRINUSE'}
const refusedAt = (attempt: number, seconds: number): BindAttempt => ({
  attempt,
  seconds,
  outcome: 'refused',
  error,
})
const grantedAt = (attempt: number, seconds: number): BindAttempt => ({
  attempt,
  seconds,
  outcome: 'granted',
})
const appeared = {from: 99, to: 99.5}

test('wait, residue time and uncertainty come from the first, the last refused and the granted attempt', (t) => {
  const attempts = [refusedAt(1, 100), refusedAt(2, 160), grantedAt(3, 160.5)]
  const {bind, residueTime} = summariseAttempts(attempts, appeared, true)
  t.like(bind, {
    verdict: 'delayed',
    attempts: 3,
    errors: {EADDRINUSE: 2},
    waitSeconds: 60.5,
    residueSeconds: 61.5,
    uncertaintySeconds: 0.5,
  })
  t.deepEqual(residueTime, [60.5, 61.5])
})

test('a first attempt that is granted waits for nothing', (t) => {
  const {bind} = summariseAttempts([grantedAt(1, 100)], undefined, true)
  t.like(bind, {verdict: 'immediate', attempts: 1, waitSeconds: 0, uncertaintySeconds: 0})
  t.is(bind.firstError, null)
})

test('without a grant the verdict is blocked, and no wait is claimed', (t) => {
  const {bind, residueTime} = summariseAttempts([refusedAt(1, 100)], appeared, false)
  t.like(bind, {verdict: 'blocked', waited: false, waitSeconds: null, residueSeconds: null})
  t.is(residueTime?.[1], Number.POSITIVE_INFINITY)
})

const expected: Expected = {
  verdict: 'delayed',
  code: 'EADDRINUSE',
  errno: 98,
  residue: 'TIME_WAIT',
  residueSeconds: [60, 62],
  because: '',
  source: '',
}
const observed: Observed = {
  residue: [{endpoint: 'server', state: 'TIME_WAIT', count: 1}],
  bind: summariseAttempts([refusedAt(1, 100), grantedAt(2, 161)], appeared, true).bind,
  residueTime: [61, 61.5],
  scriptDone: true,
}
const other = (attempts: BindAttempt[], waited = true) =>
  summariseAttempts(attempts, appeared, waited).bind

const judgements: [what: string, change: Partial<Observed>, verdict: RegExp | undefined][] = [
  ['what was expected', {}, undefined],
  ['a residue that cannot be seen', {residue: null}, undefined],
  ['another residue', {residue: []}, /residue none at the server, expected TIME_WAIT/],
  ['a grant at once', {bind: other([grantedAt(1, 100)])}, /granted at once, expected EADDRINUSE/],
  ['a release too early', {residueTime: [58, 59.9]}, /gone after 58.000 to 59.900 s/],
  ['a release too late', {residueTime: [62.1, 63]}, /expected 60 to 62.000 s/],
  ['a release that may have been in time', {residueTime: [61.9, 75]}, undefined],
  ['a refusal that was not waited out', {bind: other([refusedAt(1, 100)], false)}, undefined],
  [
    'no grant, long after the release was due',
    {bind: other([refusedAt(1, 100)]), residueTime: [90, Number.POSITIVE_INFINITY]},
    /blocked, expected delayed/,
  ],
  [
    'no grant, but too early to tell',
    {bind: other([refusedAt(1, 100)]), residueTime: [61, Number.POSITIVE_INFINITY]},
    undefined,
  ],
]
for (const [what, change, verdict] of judgements) {
  test(`judging ${what}`, (t) => {
    const problem = contradiction(expected, {...observed, ...change})
    if (verdict === undefined) t.is(problem, undefined)
    else t.regex(problem ?? '', verdict)
  })
}

test('an operating system without rules is expected to do nothing in particular', (t) => {
  for (const [id, scenario] of Object.entries(scenarios)) {
    const context = {platform: unknown, settings: {}, limitSeconds: 150}
    t.is(blankResult(id, scenario, context).expected, null)
  }
})

test('macOS is expected to grant a late SO_REUSEADDR, and Linux to refuse it', (t) => {
  const scenario = scenarios['reuseaddr-added-late']
  if (scenario === undefined) return t.fail()
  const on = (platform: typeof linux) =>
    blankResult('reuseaddr-added-late', scenario, {platform, settings: {}, limitSeconds: 150})
      .expected?.verdict
  t.is(on(darwin), 'immediate')
  t.is(on(linux), 'delayed')
})

test('two port pools never hand out the same port, nor one of the ephemeral range', async (t) => {
  const platform = detectPlatform()
  const ephemeralPorts = platform.ephemeralPorts(await platform.readSettings())
  const pools = [
    openPortPool({ephemeralPorts, native: true}),
    openPortPool({ephemeralPorts, native: true}),
  ]
  const ports = await Promise.all(
    pools.flatMap((pool) => Array.from({length: 100}, () => pool.take())),
  )
  t.is(new Set(ports).size, 200)
  t.true(ports.every((port) => port < ephemeralPorts[0] || port > ephemeralPorts[1]))
  for (const pool of pools) pool.close()
})

test('a port that something is left on is not handed out; without another one the error says why', async (t) => {
  // All ports but one block are ephemeral, and every port of that block is taken.
  const ephemeralPorts: [number, number] = [1056, 65_535]
  const taken: number[] = []
  for (let port = 1024; port < 1056; port++) {
    try {
      taken.push(bindNative({address: '127.0.0.1', port, bind: 'none'}))
    } catch {
      // Somebody else's is as good.
    }
  }
  const pool = openPortPool({ephemeralPorts, native: true})
  await t.throwsAsync(pool.take(), {
    name: 'NoFreePort',
    message: /no free port outside the ephemeral range 1056-65535/,
  })
  pool.close()
  for (const fd of taken) closeNative(fd)
})
