import {execFile} from 'node:child_process'
import {readFileSync, writeFileSync} from 'node:fs'
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {promisify} from 'node:util'
import test from 'ava'
import {type Report, type Result, reportSchema} from '../../harness/documents/report-schema.ts'
import {anotherUserProblem} from '../../harness/namespaces/another-user.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {isWithin, readKernelVersion} from '../../harness/platforms/kernel-version.ts'
import {reusePortProblem} from '../../harness/restart/blank.ts'
import {watchHoldUps} from '../../harness/restart/hold-ups.ts'
import {foldRunLog, partialReport} from '../../harness/run/partial-report.ts'
import {isPlainBindGranted} from '../../harness/sockets/native.ts'
import {scenarios} from '../../scenarios/index.ts'
import {runFolder, temporaryFolder} from '../commands/cli.ts'
import {namespaceProblem, packetFilterProblem} from '../namespaces/available.ts'
import {needs, noIpv6, notLinux} from '../needs.ts'

/**
 * One full run, waits included, which all tests of this file share. What is expected stands here as plain
 * words, not as the platform's rules give it: those are judged, too.
 */
interface ExpectedHere {
  /** The sockets of the residue; amid traffic, one that is among them. */
  residue: string[]
  amidTraffic?: true
  /** None where nothing is bound anew. */
  verdict?: 'immediate' | 'delayed'
  wait?: [min: number, max: number]
  /** What bind() and connect() answer a client that comes back. */
  calls?: string[]
  measurements?: Record<string, number>
  /** How long a way of retrying may leave the free port alone. */
  overshootSeconds?: number
  /** It may leave it alone for so long that the run does not wait for it: that depends on the tick rate. */
  mayBeTooLate?: true
  /** Skipped where this is not to be had. */
  needs?: keyof typeof missing
}

/** By its version: distributions take little back to earlier kernels, and where they did, nothing is tested. */
function kernelProblem(first: string): string | undefined {
  const version = readKernelVersion()
  const isOld = version === undefined || !isWithin(version, first, 'Infinity')
  return isOld ? `this kernel may be older than Linux ${first}` : undefined
}

const missing = {
  'a namespace': namespaceProblem,
  'a packet filter': packetFilterProblem,
  IPv6: isPlainBindGranted('::1', 0) ? undefined : noIpv6,
  reusePort: reusePortProblem(),
  'another user': await anotherUserProblem(),
  tcp_migrate_req: namespaceProblem ?? kernelProblem('5.14'),
  'a kernel that destroys TIME_WAIT': namespaceProblem ?? kernelProblem('6.0'),
}

const onLinux: Record<string, ExpectedHere> = {
  'server-closes-first': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'client-closes-first': {residue: ['client TIME_WAIT'], verdict: 'immediate'},
  'client-never-closes': {
    residue: ['server FIN_WAIT2', 'client CLOSE_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
  },
  'server-aborts': {residue: [], verdict: 'immediate'},
  'client-aborts': {residue: [], verdict: 'immediate'},
  'server-closes-unread': {residue: [], verdict: 'immediate'},
  'server-killed': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'cluster-primary-killed': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'graceful-close-frees-port/net': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'delayed',
    wait: [0, 30],
  },
  'graceful-close-frees-port/net-to-node': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'immediate',
  },
  'graceful-close-frees-port/http': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
  },
  'graceful-close-frees-port/http-to-node': {
    residue: ['server TIME_WAIT'],
    verdict: 'immediate',
  },
  'connection-outlives-server': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'delayed',
    wait: [60, 65.2],
  },
  'client-reconnects-same-port': {
    residue: [],
    verdict: 'immediate',
    calls: ['bind granted', 'connect ECONNREFUSED'],
  },
  'client-takes-another-port/plain': {
    residue: ['server LISTEN', 'client TIME_WAIT'],
    calls: ['bind EADDRINUSE', 'bind granted', 'connect connected'],
  },
  'client-takes-another-port/node': {
    residue: ['server LISTEN', 'client TIME_WAIT'],
    calls: ['connect connected', 'connect connected'],
  },
  'socket-destroy-ends-time-wait/time-wait': {
    residue: [],
    verdict: 'immediate',
    measurements: {destroyedSockets: 1},
    needs: 'a kernel that destroys TIME_WAIT',
  },
  'socket-destroy-ends-time-wait/fin-wait2': {
    residue: ['client CLOSE_WAIT'],
    verdict: 'immediate',
    measurements: {destroyedSockets: 1},
    needs: 'a kernel that destroys TIME_WAIT',
  },
  'socket-destroy-ends-time-wait/established': {
    residue: [],
    verdict: 'immediate',
    measurements: {destroyedSockets: 1},
    needs: 'a kernel that destroys TIME_WAIT',
  },
  'socket-destroy-ends-time-wait/close-wait': {
    residue: [],
    verdict: 'immediate',
    measurements: {destroyedSockets: 1},
    needs: 'a kernel that destroys TIME_WAIT',
  },
  'socket-destroy-ends-time-wait/listen': {
    residue: [],
    verdict: 'delayed',
    wait: [0, 30],
    measurements: {destroyedSockets: 1},
    needs: 'a kernel that destroys TIME_WAIT',
  },
  'server-closes-first-reuseaddr': {residue: ['server TIME_WAIT'], verdict: 'immediate'},
  'server-closes-first-node': {residue: ['server TIME_WAIT'], verdict: 'immediate'},
  'reuseaddr-added-late': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'reuseaddr-dropped': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'reuseport-only': {residue: ['server TIME_WAIT'], verdict: 'immediate'},
  'reuseport-added-late': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'client-never-closes-reuseaddr': {
    residue: ['server FIN_WAIT2', 'client CLOSE_WAIT'],
    verdict: 'immediate',
  },
  'connection-outlives-server-reuseaddr': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'immediate',
  },
  'old-server-still-listening': {residue: ['server LISTEN'], verdict: 'delayed', wait: [2, 10]},
  'other-user/listening': {
    residue: ['server LISTEN'],
    verdict: 'delayed',
    wait: [0, 30],
    needs: 'another user',
  },
  'other-user/time-wait': {
    residue: ['server TIME_WAIT'],
    verdict: 'immediate',
    needs: 'another user',
  },
  'outgoing-connection-holds-port/plain': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'delayed',
    wait: [0, 30],
  },
  'outgoing-connection-holds-port/node': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'immediate',
  },
  'wildcard-over-time-wait': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'specific-over-wildcard-time-wait/same-address': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
  },
  'specific-over-wildcard-time-wait/other-address': {
    residue: ['server TIME_WAIT'],
    verdict: 'immediate',
  },
  'ipv6-time-wait': {residue: ['server TIME_WAIT'], verdict: 'delayed', wait: [60, 65.2]},
  'dual-stack-over-ipv4/dual': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
  },
  'dual-stack-over-ipv4/ipv6-only': {residue: ['server TIME_WAIT'], verdict: 'immediate'},
  'beside-live-wildcard': {
    residue: ['server LISTEN'],
    verdict: 'delayed',
    wait: [0, 30],
    measurements: {answersFromPredecessor: 20, answersFromSuccessor: 0},
  },
  'localhost-two-servers': {
    residue: ['server LISTEN'],
    verdict: 'immediate',
    measurements: {connections: 20, refusedConnections: 0, resetConnections: 0},
    needs: 'IPv6',
  },
  'fin-timeout-spares-time-wait/60-seconds': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    needs: 'a namespace',
  },
  'fin-timeout-spares-time-wait/5-seconds': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    needs: 'a namespace',
  },
  'fin-timeout-ends-fin-wait2/60-seconds': {
    residue: ['server FIN_WAIT2', 'client CLOSE_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    needs: 'a namespace',
  },
  'fin-timeout-ends-fin-wait2/5-seconds': {
    residue: ['server FIN_WAIT2', 'client CLOSE_WAIT'],
    verdict: 'delayed',
    wait: [5, 6],
    needs: 'a namespace',
  },
  'no-tw-buckets/default-buckets': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    needs: 'a namespace',
  },
  'no-tw-buckets/0-buckets': {residue: [], verdict: 'immediate', needs: 'a namespace'},
  'tw-reuse-spares-the-server/0': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    needs: 'a namespace',
  },
  'tw-reuse-spares-the-server/1': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    needs: 'a namespace',
  },
  'tw-reuse-spares-the-server/2': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    needs: 'a namespace',
  },
  'rfc1337-protects-time-wait/off': {
    residue: [],
    verdict: 'immediate',
    calls: ['bind granted', 'connect ECONNREFUSED'],
    needs: 'a namespace',
  },
  'rfc1337-protects-time-wait/on': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    calls: ['bind granted', 'connect unanswered'],
    needs: 'a namespace',
  },
  'port-inside-ephemeral-range/taken': {
    residue: ['server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'delayed',
    wait: [0, 30],
    needs: 'a namespace',
  },
  'port-inside-ephemeral-range/reserved': {
    residue: [],
    verdict: 'immediate',
    needs: 'a namespace',
  },
  'self-connection/in-range': {
    residue: ['server ESTABLISHED'],
    verdict: 'delayed',
    wait: [0, 30],
    measurements: {selfConnections: 1},
    needs: 'a namespace',
  },
  'self-connection/outside-range': {
    residue: [],
    verdict: 'immediate',
    measurements: {selfConnections: 0, refusedConnections: 200},
    needs: 'a namespace',
  },
  'self-connection/reserved': {
    residue: [],
    verdict: 'immediate',
    measurements: {selfConnections: 0, refusedConnections: 200},
    needs: 'a namespace',
  },
  'lost-last-ack': {
    residue: ['server TIME_WAIT', 'client LAST_ACK'],
    verdict: 'delayed',
    wait: [60, 65.2],
    measurements: {resets: 0},
    needs: 'a packet filter',
  },
  'lost-last-ack-without-time-wait': {
    residue: ['client LAST_ACK'],
    verdict: 'immediate',
    measurements: {timerRestarts: 0},
    needs: 'a packet filter',
  },
  'simultaneous-close': {
    residue: ['server TIME_WAIT', 'client TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    measurements: {resets: 0},
    needs: 'a packet filter',
  },
  'reuseport-shared': {
    residue: ['server LISTEN'],
    verdict: 'immediate',
    measurements: {connections: 100, refusedConnections: 0, resetConnections: 0},
  },
  'node-reuse-port': {
    residue: ['server LISTEN'],
    verdict: 'immediate',
    measurements: {connections: 100, refusedConnections: 0, resetConnections: 0},
    needs: 'reusePort',
  },
  'overlapping-handover': {
    residue: ['server LISTEN'],
    amidTraffic: true,
    verdict: 'immediate',
    measurements: {refusedConnections: 0, unansweredConnections: 0},
  },
  'migrate-req-saves-queue/off': {
    residue: ['server LISTEN', 'server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'immediate',
    measurements: {resetConnections: 40, answersFromSuccessor: 0},
    needs: 'a namespace',
  },
  'migrate-req-saves-queue/on': {
    residue: ['server LISTEN', 'server ESTABLISHED', 'client ESTABLISHED'],
    verdict: 'immediate',
    measurements: {resetConnections: 0, answersFromSuccessor: 40},
    needs: 'tcp_migrate_req',
  },
  'inherited-listener': {
    residue: ['server LISTEN'],
    amidTraffic: true,
    measurements: {refusedConnections: 0, resetConnections: 0, unansweredConnections: 0},
  },
  'queued-connections/own-listener': {
    residue: [],
    verdict: 'immediate',
    measurements: {resetConnections: 40, answersFromSuccessor: 0},
  },
  'queued-connections/inherited': {
    residue: ['server LISTEN', 'server ESTABLISHED', 'client ESTABLISHED'],
    measurements: {resetConnections: 0, answersFromSuccessor: 40},
  },
  'cluster-rolling-restart': {
    residue: ['server LISTEN'],
    amidTraffic: true,
    measurements: {refusedConnections: 0, resetConnections: 0, unansweredConnections: 0},
  },
  'policy-p-retry-defaults': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    overshootSeconds: 6,
    mayBeTooLate: true,
  },
  'policy-fixed-1s': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    overshootSeconds: 1.5,
  },
  'policy-exponential-jitter': {
    residue: ['server TIME_WAIT'],
    verdict: 'delayed',
    wait: [60, 65.2],
    overshootSeconds: 5.5,
  },
}

const isLinux = detectPlatform().stack === 'linux'
let folder = ''
let report: Report
let wallSeconds = 0
/** For how long this process, which only waits, was kept from running at a time: so was the run, or longer. */
let heldUpSeconds = 0

test.before(async (t) => {
  t.timeout(150_000)
  if (!isLinux) return
  folder = await mkdtemp(join(tmpdir(), 'rebind-test-'))
  const began = performance.now()
  const holdUps = watchHoldUps()
  const {stdout} = await promisify(execFile)(
    process.execPath,
    ['--import=tsx', 'harness/cli.ts', 'run', '--json', '--out', folder],
    // The table is the test's, not the summary's of a job that runs the tests.
    {maxBuffer: 64 * 1024 * 1024, env: {...process.env, GITHUB_ACTIONS: undefined}},
  )
  wallSeconds = (performance.now() - began) / 1000
  heldUpSeconds = holdUps.longestSince(0)
  holdUps.end()
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

/** What of a scenario's needs this machine lacks. */
function problemOf(id: string): string | undefined {
  const need = onLinux[id]?.needs
  return need && missing[need]
}

const onLinuxOnly = needs(isLinux ? undefined : notLinux)

test('every scenario has an expectation in this file', (t) => {
  t.deepEqual(Object.keys(onLinux), Object.keys(scenarios))
})

for (const [id, expected] of Object.entries(onLinux)) {
  const words = [expected.residue.join(', ') || 'no residue', expected.verdict ?? 'nothing to bind']
  const whereItCan = needs(isLinux ? problemOf(id) : notLinux)
  whereItCan(`${id}: ${words.join(', ')}`, (t) => {
    const {status, reason, residue, bind, calls, measurements} = resultOf(id)
    t.is(status, 'as-expected', reason)
    const seen = residue?.map(({endpoint, state}) => `${endpoint} ${state}`) ?? []
    if (expected.amidTraffic === true) t.true(expected.residue.every((each) => seen.includes(each)))
    else t.deepEqual(seen, expected.residue)
    if (expected.overshootSeconds !== undefined) {
      // Counted from the first attempt, which on a busy machine comes late.
      const release = measurements?.releaseSeconds ?? 0
      const kept = bind?.residueSeconds ?? 0
      t.true(release > 0 && release <= kept && kept >= 60, `${release} s of ${kept} s`)
      if (expected.mayBeTooLate === true && bind?.verdict === 'blocked') return
      const overshoot = measurements?.overshootSeconds
      // The witness is left just after the residue, and may be of the next slot of the kernel's timers all the same.
      if (overshoot === undefined) {
        t.true((bind?.waitSeconds ?? 999) < release)
        return
      }
      t.true(overshoot >= 0 && overshoot <= expected.overshootSeconds, `${overshoot} s`)
      const released = (bind?.waitSeconds ?? 0) - overshoot
      // A server that asked between the witness's last refusal and its grant has lost no time at all.
      const unknown = overshoot === 0 ? (bind?.uncertaintySeconds ?? 0) : 0
      t.true(Math.abs(released - release) <= unknown + 1e-6)
    }
    t.is(bind?.verdict, expected.verdict)
    t.deepEqual(
      calls?.map(({call, outcome}) => `${call} ${outcome}`),
      expected.calls,
    )
    for (const [name, value] of Object.entries(expected.measurements ?? {})) {
      t.is(measurements?.[name], value, name)
    }
    if (expected.verdict === undefined) return
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
    const uncertainty = bind?.uncertaintySeconds ?? 0
    const allowed = 1 + 2 * heldUpSeconds
    t.true(uncertainty > 0 && uncertainty < allowed, `${uncertainty} s, held up ${heldUpSeconds} s`)
  })
}

/** What was observed, of a result or of what a log that breaks off is folded to; the clock's last digits aside. */
function observed({residue, port, settings, bind, calls, measurements, ...result}: Result) {
  const {waited: _, ...known} = bind ?? {}
  const {outageSeconds, timeline} = result
  const kept = {residue, port, settings, bind: known, calls, measurements, outageSeconds, timeline}
  return JSON.parse(
    JSON.stringify(kept, (_, value) =>
      typeof value === 'number' ? Number(value.toFixed(6)) : value,
    ),
  )
}

onLinuxOnly(
  'a log whose run was killed before its results is folded to what was observed',
  async (t) => {
    const events = readFileSync(join(runFolder(folder), 'events.ndjson'), 'utf8')
    const cut = join(temporaryFolder(t), 'events.ndjson')
    const lines = events.split('\n').filter((line) => !/"event":"(result|run-end)"/.test(line))
    writeFileSync(cut, lines.join('\n'))
    const {log, seen} = await foldRunLog(cut)
    t.is(log.unreadable, 0)
    if (log.start === null) return t.fail()
    for (const folded of partialReport(log, seen, log.start, scenarios).results) {
      const result = resultOf(folded.scenario)
      if (result.status === 'skipped') continue
      t.deepEqual(observed(folded), observed(result), folded.scenario)
    }
  },
)

onLinuxOnly('scenarios that need what is not here are skipped, and no others are', (t) => {
  const unavailable = [
    ...[namespaceProblem, packetFilterProblem],
    ...[missing.IPv6, missing.reusePort, missing['another user']],
  ]
  const without = Object.keys(onLinux).filter((id) => {
    const problem = problemOf(id)
    return problem !== undefined && unavailable.includes(problem)
  })
  const skipped = report.results.filter(({status}) => status === 'skipped')
  t.deepEqual(skipped.map(({scenario}) => scenario).sort(), without.sort())
  for (const {scenario, reason} of skipped) t.truthy(reason, scenario)
})

onLinuxOnly(
  'every client that connects amid a handover is answered, by one server or the other',
  (t) => {
    for (const id of ['overlapping-handover', 'inherited-listener', 'cluster-rolling-restart']) {
      const {measurements = {}} = resultOf(id)
      const {connections = 0, answersFromPredecessor = 0, answersFromSuccessor = 0} = measurements
      t.true(answersFromPredecessor > 0 && answersFromSuccessor > 0, id)
      // What the old listener still had in its queue is reset; an inherited one loses nothing.
      const lost = measurements.resetConnections ?? 0
      t.is(answersFromPredecessor + answersFromSuccessor + lost, connections, id)
    }
  },
)

/** The new server listens before the old one stops. */
const handovers = [
  ...['reuseport-shared', 'overlapping-handover', 'node-reuse-port', 'localhost-two-servers'],
  ...['migrate-req-saves-queue/off', 'migrate-req-saves-queue/on'],
]
/** No server stops listening, or none starts. */
const withoutOutage = [
  'cluster-rolling-restart',
  ...['client-takes-another-port/plain', 'client-takes-another-port/node'],
]

onLinuxOnly('a restart takes time, and a handover none', (t) => {
  for (const {scenario, outageSeconds, predecessor} of report.results) {
    if (problemOf(scenario) !== undefined) continue
    if (withoutOutage.includes(scenario)) t.is(outageSeconds, null, scenario)
    else if (handovers.includes(scenario)) t.is(outageSeconds, 0, scenario)
    else t.true((outageSeconds ?? 0) > 0, `${scenario} ${predecessor.bind}`)
  }
})

onLinuxOnly('TIME_WAIT goes at the moment at which the old client comes back', (t) => {
  const states = resultOf('client-reconnects-same-port')
    .timeline.filter(({endpoint, socket}) => endpoint === 'server' && socket === 'connection')
    .map(({state}) => state)
  t.deepEqual(states.slice(-2), ['TIME_WAIT', 'CLOSED'])
})

const inNamespacesOnly = needs(isLinux ? packetFilterProblem : notLinux)

inNamespacesOnly(
  'a FIN that is sent again restarts the timer of TIME_WAIT, and meets RST where there is none',
  (t) => {
    const {timeline, measurements} = resultOf('lost-last-ack')
    const server = timeline.filter(
      ({endpoint, socket}) => `${endpoint} ${socket}` === 'server connection',
    )
    const timers = server.flatMap(({state, expiresInSeconds = 0}) =>
      state === 'TIME_WAIT' ? expiresInSeconds : [],
    )
    t.is(timers.length, 1 + (measurements?.timerRestarts ?? 0))
    t.true(timers.every((left) => left > 59 - heldUpSeconds && left <= 60.01))
    t.true((measurements?.timerRestarts ?? 0) >= 1)
    t.true((resultOf('lost-last-ack-without-time-wait').measurements?.resets ?? 0) >= 1)
    t.true((measurements?.retransmittedSegments ?? 0) >= (measurements?.timerRestarts ?? 0))
  },
)

inNamespacesOnly('when both sides close at once, both pass through CLOSING', (t) => {
  const {timeline} = resultOf('simultaneous-close')
  for (const end of ['server', 'client']) {
    const states = timeline
      .filter(({endpoint, socket}) => endpoint === end && socket === 'connection')
      .map(({state}) => state)
    const closing = states.indexOf('CLOSING')
    t.true(closing > 0 && states[closing + 1] === 'TIME_WAIT', `${end}: ${states}`)
  }
})

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
    // Which of the states in between are seen depends on when the table is read.
    const inPassing = ['FIN_WAIT1', 'FIN_WAIT2']
    t.deepEqual(
      states.filter((state) => !inPassing.includes(state)),
      ['ESTABLISHED', 'TIME_WAIT', 'CLOSED'],
    )
  },
)

onLinuxOnly('the timeline shows the kernel timer of TIME_WAIT', (t) => {
  const timeWait = resultOf('server-closes-first').timeline.find(({state}) => state === 'TIME_WAIT')
  const left = timeWait?.expiresInSeconds ?? 0
  t.true(left > 59 - heldUpSeconds && left <= 60.01, `${left} s left`)
})

onLinuxOnly('all scenarios wait at the same time: the run lasts about one kernel wait', (t) => {
  const longest = Math.max(...report.results.map(({bind}) => bind?.waitSeconds ?? 0))
  // Two waits, one after the other, would take longer. What is above one is the setting-up, which depends on what
  // else the machine does.
  t.true(wallSeconds < 2 * longest, `${wallSeconds} s for a longest wait of ${longest} s`)
})

onLinuxOnly(
  'wait, attempts and uncertainty can be computed again from the event log',
  async (t) => {
    const [run = ''] = await readdir(folder)
    const lines = (await readFile(join(folder, run, 'events.ndjson'), 'utf8')).trimEnd().split('\n')
    const events = lines.map((line) => JSON.parse(line))
    for (const {scenario, bind} of report.results) {
      if (bind === null) continue
      const attempts = events.filter(
        (event) => event.event === 'bind-attempt' && event.scenario === scenario,
      )
      t.is(attempts.length, bind.attempts)
      const witness = events.find(
        (event) => event.event === 'release' && event.scenario === scenario,
      )
      if (witness !== undefined) {
        t.is(bind.uncertaintySeconds, witness.uncertaintySeconds)
        continue
      }
      const granted = attempts.at(-1).seconds
      t.true(Math.abs(granted - attempts[0].seconds - (bind.waitSeconds ?? 0)) < 1e-6)
      if (attempts.length > 1) {
        t.true(Math.abs(granted - attempts.at(-2).seconds - (bind.uncertaintySeconds ?? 0)) < 1e-6)
      }
    }
  },
)
