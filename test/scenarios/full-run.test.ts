import {execFile} from 'node:child_process'
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import test from 'ava'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {type Report, type Result, reportSchema} from '../../harness/reports/schema.ts'
import {scenarios} from '../../scenarios/index.ts'

/**
 * One full run, waits included, which all tests of this file share. What is expected stands here as plain
 * words, not as the platform's rules give it: those are judged, too.
 */
const onLinux: Record<
  string,
  {residue: string[]; verdict: 'immediate' | 'delayed'; wait?: [min: number, max: number]}
> = {
  'server-closes-first': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'server-closes-first-reuseaddr': {residue: ['server TIME_WAIT'], verdict: 'immediate'},
  'server-closes-first-node': {residue: ['server TIME_WAIT'], verdict: 'immediate'},
  'reuseaddr-added-late': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'reuseaddr-dropped': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'reuseport-only': {residue: ['server TIME_WAIT'], verdict: 'immediate'},
  'reuseport-added-late': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'client-closes-first': {residue: ['client TIME_WAIT'], verdict: 'immediate'},
  'client-never-closes': {
    residue: ['server FIN_WAIT2', 'client CLOSE_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
  },
  'client-never-closes-reuseaddr': {
    residue: ['server FIN_WAIT2', 'client CLOSE_WAIT'],
    verdict: 'immediate',
  },
  'server-aborts': {residue: [], verdict: 'immediate'},
  'client-aborts': {residue: [], verdict: 'immediate'},
  'server-closes-unread': {residue: [], verdict: 'immediate'},
  'server-killed': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'old-server-still-listening': {residue: ['server LISTEN'], verdict: 'delayed', wait: [2, 10]},
  'connection-outlives-server': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'delayed',
    wait: [60, 65.2],
  },
  'connection-outlives-server-reuseaddr': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'immediate',
  },
}

const isLinux = detectPlatform().stack === 'linux'
let folder = ''
let report: Report
let wallSeconds = 0

test.before(async (t) => {
  t.timeout(150_000)
  if (!isLinux) return
  folder = await mkdtemp(join(tmpdir(), 'rebind-test-'))
  const began = performance.now()
  const {stdout} = await promisify(execFile)(
    process.execPath,
    ['--import=tsx', 'harness/cli.ts', 'run', '--json', '--out', folder],
    {maxBuffer: 64 * 1024 * 1024},
  )
  wallSeconds = (performance.now() - began) / 1000
  report = reportSchema.parse(JSON.parse(stdout))
})

test.after.always(async () => {
  if (folder !== '') await rm(folder, {recursive: true, force: true})
})

function resultOf(id: string): Result {
  const result = report.results.find(({scenario}) => scenario === id)
  if (result === undefined) throw new Error(`no result for ${id}`)
  return result
}

const onLinuxOnly = isLinux ? test : test.skip

test('every scenario has an expectation in this file', (t) => {
  t.deepEqual(Object.keys(onLinux), Object.keys(scenarios))
})

for (const [id, expected] of Object.entries(onLinux)) {
  onLinuxOnly(`${id}: ${expected.residue.join(', ') || 'no residue'}, ${expected.verdict}`, (t) => {
    const {status, reason, residue, bind, outageSeconds} = resultOf(id)
    t.is(status, 'as-expected', reason)
    t.deepEqual(
      residue?.map(({endpoint, state}) => `${endpoint} ${state}`),
      expected.residue,
    )
    t.is(bind?.verdict, expected.verdict)
    t.true((outageSeconds ?? 0) > 0)
    if (expected.wait === undefined) {
      t.is(bind?.attempts, 1)
      t.is(bind?.waitSeconds, 0)
      t.is(bind?.uncertaintySeconds, 0)
      t.is(bind?.firstError, null)
      return
    }
    const [min, max] = expected.wait
    t.is(bind?.firstError?.code, 'EADDRINUSE')
    t.is(bind?.firstError?.errno, 98)
    t.is(bind?.errors.EADDRINUSE, (bind?.attempts ?? 0) - 1)
    t.true((bind?.residueSeconds ?? 0) >= min && (bind?.residueSeconds ?? 0) <= max)
    t.true((bind?.uncertaintySeconds ?? 1) > 0 && (bind?.uncertaintySeconds ?? 1) < 1)
  })
}

onLinuxOnly('the native opener is refused by bind, the node opener by listen', (t) => {
  t.is(resultOf('server-closes-first').bind?.firstError?.syscall, 'bind')
  t.is(resultOf('old-server-still-listening').bind?.firstError?.syscall, 'listen')
})

onLinuxOnly(
  'the connection that outlives its server passes through TIME_WAIT before the grant',
  (t) => {
    const states = resultOf('connection-outlives-server')
      .timeline.filter(({endpoint, socket}) => endpoint === 'server' && socket === 'connection')
      .map(({state}) => state)
    t.deepEqual(states, ['ESTABLISHED', 'TIME_WAIT', 'CLOSED'])
  },
)

onLinuxOnly('the timeline shows the kernel timer of TIME_WAIT', (t) => {
  const timeWait = resultOf('server-closes-first').timeline.find(({state}) => state === 'TIME_WAIT')
  const left = timeWait?.expiresInSeconds ?? 0
  t.true(left > 59 && left <= 60.01, `${left} s left`)
})

onLinuxOnly('all scenarios wait at the same time: the run lasts about one kernel wait', (t) => {
  const longest = Math.max(...report.results.map(({bind}) => bind?.waitSeconds ?? 0))
  t.true(wallSeconds < longest + 20, `${wallSeconds} s for a longest wait of ${longest} s`)
})

onLinuxOnly(
  'wait, attempts and uncertainty can be computed again from the event log',
  async (t) => {
    const [run = ''] = await readdir(folder)
    const lines = (await readFile(join(folder, run, 'events.ndjson'), 'utf8')).trimEnd().split('\n')
    const events = lines.map((line) => JSON.parse(line))
    for (const {scenario, bind} of report.results) {
      if (bind === null) return t.fail(`${scenario} has no bind`)
      const attempts = events.filter(
        (event) => event.event === 'bind-attempt' && event.scenario === scenario,
      )
      const granted = attempts.at(-1).seconds
      t.is(attempts.length, bind.attempts)
      t.true(Math.abs(granted - attempts[0].seconds - (bind.waitSeconds ?? 0)) < 1e-6)
      if (attempts.length > 1) {
        t.true(Math.abs(granted - attempts.at(-2).seconds - (bind.uncertaintySeconds ?? 0)) < 1e-6)
      }
    }
  },
)
