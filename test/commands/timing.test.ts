import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {policiesSchema} from '../../harness/documents/policies-schema.ts'
import {type Timing, timingSchema} from '../../harness/documents/timing-schema.ts'
import {watchHoldUps} from '../../harness/restart/hold-ups.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {
  complaintsOf,
  readEvents,
  runCli,
  runFolder,
  startCli,
  temporaryFolder,
  testUnless,
} from './cli.ts'

const problem = nativeOpenerProblem()

function readTiming(out: string): Timing {
  return timingSchema.parse(JSON.parse(readFileSync(join(runFolder(out), 'timing.json'), 'utf8')))
}

/** What every run folder of timing holds, interrupted or not. */
function checkFolder(t: ExecutionContext, out: string): Timing {
  t.deepEqual(readdirSync(runFolder(out)).sort(), [
    'events.ndjson',
    'report.html',
    'timing.json',
    'timing.md',
  ])
  const events = readEvents(out)
  t.is(events[0]?.event, 'run-start')
  t.is(events.at(-1)?.event, 'run-end')
  const timing = readTiming(out)
  t.is(events.filter(({event}) => event === 'residue').length, timing.samples.length)
  return timing
}

// The one test that waits out a TIME_WAIT; what can be looked at afterwards is looked at here.
testUnless(
  problem,
  '32 ports are waited out, explained by their slots, and fed to the policies',
  async (t) => {
    const out = temporaryFolder(t)
    const holdUps = watchHoldUps()
    const {status, stdout, stderr} = await runCli(t, [
      'timing',
      '--ports',
      '32',
      '--json',
      '--out',
      out,
    ])
    t.is(status, 0, stderr)
    // For how long this process, which only waits, was kept from running: so was the measurement, or longer.
    const heldUp = holdUps.longestSince(0)
    holdUps.end()
    const timing = checkFolder(t, out)
    t.deepEqual(timingSchema.parse(JSON.parse(stdout)), timing)
    const {samples, summary, slots, host} = timing
    t.is(samples.length, 32)
    t.is(new Set(samples.map(({port}) => port)).size, 32)
    t.is(summary.released, 32)
    t.is(summary.unexpected, 0)
    for (const {waitSeconds, uncertaintySeconds, attempts, ...sample} of samples) {
      t.true((waitSeconds ?? 0) > 20)
      t.true((uncertaintySeconds ?? 0) > 0)
      t.true(attempts > 20, 'tried seldom during the wait, and densely at its end')
      const granted = sample.grantedAtSeconds ?? 0
      t.true(Math.abs(granted - sample.closedAtSeconds - (waitSeconds ?? 0)) < 1e-6)
      t.true(
        Math.abs(granted - (sample.lastRefusedAtSeconds ?? 0) - (uncertaintySeconds ?? 0)) < 1e-6,
      )
    }
    // Not all of them, as a release while the measurement had no processor is noticed late, and this process may have
    // had one then.
    const inTime = samples.filter(({uncertaintySeconds: of}) => (of ?? 1) < 0.5 + 2 * heldUp)
    t.true(inTime.length > samples.length / 2, `held up ${heldUp} s`)
    const closed = samples.map(({closedAtSeconds}) => closedAtSeconds)
    t.true(Math.max(...closed) - Math.min(...closed) > 5.5, 'the closings are spread')
    if (host.stack === 'linux') {
      t.true((summary.minSeconds ?? 0) >= 60)
      t.true(Math.abs((summary.kernelTimerSeconds ?? 0) - 60) < 0.5)
      if (typeof host.settings.CONFIG_HZ === 'number') {
        // An instant that half of the ports were seen too late at is none.
        if (heldUp < 0.1 || slots.inferredHz !== null) {
          t.is(slots.inferredHz, host.settings.CONFIG_HZ)
        }
      }
    }

    const events = readEvents(out)
    for (const {port, attempts, waitSeconds, closedAtSeconds} of samples) {
      const made = events.filter((event) => event.event === 'bind-attempt' && event.port === port)
      t.deepEqual(
        made.map(({attempt, outcome}) => [attempt, outcome]),
        [
          [1, 'refused'],
          [attempts - 1, 'refused'],
          [attempts, 'granted'],
        ],
      )
      t.true(Math.abs((made[2]?.seconds ?? 0) - closedAtSeconds - (waitSeconds ?? 0)) < 1e-6)
    }

    const folder = runFolder(out)
    const told = await runCli(t, ['policies', '--json', '--out', out])
    t.is(told.status, 0, told.stderr)
    const {release, policies} = policiesSchema.parse(JSON.parse(told.stdout))
    t.is(release.file, join(folder, 'timing.json'))
    t.deepEqual(
      readdirSync(out).map((name) => readdirSync(join(out, name)).includes('policies.json')),
      [false, true],
      'policies leaves a run folder of its own',
    )
    t.false(release.measuredNow)
    t.is(release.ports, 32)
    t.is(summary.maxSeconds, release.maxSeconds)
    for (const {policy, overshootSeconds, outageSeconds, givesUpAfterSeconds} of policies) {
      t.is(overshootSeconds === null, outageSeconds === null, policy)
      t.true(overshootSeconds !== null || givesUpAfterSeconds !== null, policy)
    }
  },
)

for (const residue of ['TIME_WAIT', 'FIN_WAIT2']) {
  testUnless(
    problem,
    `an interrupted timing of ${residue} keeps what it has, exit status 130`,
    async (t) => {
      const out = temporaryFolder(t)
      const args = ['timing', '--ports', '8', '--spread', '0.2', '--residue', residue, '--out', out]
      const cli = startCli(t, args)
      await cli.shows(/8 ports closed/)
      process.kill(cli.pid, 'SIGINT')
      const {status, stdout, stderr} = await cli.ended
      t.is(status, 130, stderr)
      t.regex(stdout, /0 of 8 ports released/)
      const {run, samples} = checkFolder(t, out)
      t.is(run.interrupted, 'SIGINT')
      t.is(samples.length, 8)
      t.true(samples.every(({waitSeconds, attempts}) => waitSeconds === null && attempts >= 1))
    },
  )
}

testUnless(
  problem,
  'a limit before any release is a measurement that failed, with what to do',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['timing', '--ports', '3', '--spread', '0.1', '--limit', '1', '--out', out]
    const {status, stderr} = await runCli(t, args)
    t.is(status, 3, stderr)
    t.regex(stderr, /rebind: no port became free within 1 s.*--limit/)
    const {samples, summary} = checkFolder(t, out)
    t.is(summary.released, 0)
    t.is(summary.unexpected, 0, 'the release may still come')
    t.true(samples.every(({asExpected}) => asExpected === null))
  },
)

const usageErrors: [what: string, args: string[], complaint: RegExp][] = [
  ['no port', ['--ports', '0'], /--ports.*'0'.*from 1 to 1000/],
  ['too many ports', ['--ports', '1001'], /--ports.*'1001'.*from 1 to 1000/],
  ['half a port', ['--ports', '1.5'], /--ports.*'1\.5'/],
  ['a negative spread', ['--spread', '-1'], /--spread.*greater than 0/],
  ['a residue that nobody times', ['--residue', 'LISTEN'], /--residue.*TIME_WAIT, FIN_WAIT2/],
  ['--quick, which would measure nothing', ['--quick'], /unknown option '--quick'/],
]

for (const [what, args, complaint] of usageErrors) {
  test(`timing with ${what} is one complaint, and exit status 2`, async (t) => {
    const cwd = temporaryFolder(t)
    const {status, stdout, stderr} = await runCli(t, ['timing', ...args], {cwd})
    t.is(status, 2)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(complaintsOf(stderr)[0] ?? '', complaint)
    t.deepEqual(readdirSync(cwd), [])
  })
}

const measure = /--measure/
const unusable: [what: string, content: string, complaint: RegExp, remedy: RegExp][] = [
  ['is not JSON', 'port 80', /is not JSON/, measure],
  ['is cut off', '{"format": "rebind-tim', /is cut off in the middle/, /or repeat the run$/],
  [
    'is JSON of somebody else',
    '{"format": "other"}',
    /neither a rebind report nor a rebind timing/,
    measure,
  ],
  [
    'is a list',
    '[1]',
    /neither a rebind report nor a rebind timing|not a rebind document/,
    measure,
  ],
  ['is of a later version', '{"format": "rebind-timing", "version": 2}', /version 2/, measure],
  ['lacks everything', '{"format": "rebind-timing", "version": 1}', /is not valid: run/, measure],
]

for (const [what, content, complaint, remedy] of unusable) {
  test(`policies of a file that ${what} is one complaint, and exit status 2`, async (t) => {
    const file = join(temporaryFolder(t), 'timing.json')
    writeFileSync(file, content)
    const {status, stdout, stderr} = await runCli(t, [
      'policies',
      file,
      '--out',
      temporaryFolder(t),
    ])
    t.is(status, 2)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(complaintsOf(stderr)[0] ?? '', complaint)
    t.regex(complaintsOf(stderr)[0] ?? '', remedy)
  })
}

test('policies of a path that is not there names it, and exit status 2', async (t) => {
  const folder = temporaryFolder(t)
  const {status, stderr} = await runCli(t, ['policies', join(folder, 'nothing')])
  t.is(status, 2)
  t.is(complaintsOf(stderr).length, 1, stderr)
  t.true(stderr.includes(join(folder, 'nothing')))
  t.regex(stderr, /ENOENT/)
})
