import type {ReportDocument} from '../../harness/compare/documents.ts'
import {compareReleases} from '../../harness/compare/releases.ts'
import {compareScenarios} from '../../harness/compare/scenarios.ts'
import {describeSides} from '../../harness/compare/sides.ts'
import type {Aspect} from '../../harness/documents/comparison-schema.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {unknown} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {test} from '../declare.ts'
import {delayed, granted, refused, reportBy} from './documents-by-rules.ts'

function compared(scenario: string, ...documents: ReportDocument[]) {
  const labels = describeSides(documents).map(({label}) => label)
  const found = compareScenarios(documents, labels).scenarios.find(
    (each) => each.scenario === scenario,
  )
  if (found === undefined) throw new Error(`${scenario} was not compared`)
  return found
}

/** The scenario by Linux's rules on both sides, the second changed. */
function changed(scenario: string, change: object): {differs: Aspect[]; why: string | null} {
  const {differs, why} = compared(
    scenario,
    reportBy(linux),
    reportBy(linux, {release: '6.19', results: {[scenario]: change}}),
  )
  return {differs, why}
}

test('an option that comes late is refused on Linux, granted on gVisor, and the rules say why', (t) => {
  const {differs, why} = compared('reuseport-added-late', reportBy(linux), reportBy(gvisor))
  t.deepEqual(differs, ['grant'])
  t.is(why, 'Linux asks both sockets for SO_REUSEPORT; gVisor only the new one.')
})

test('Linux and macOS: refused and granted over the same residue', (t) => {
  const {differs, why} = compared('reuseaddr-added-late', reportBy(linux), reportBy(darwin))
  t.deepEqual(differs, ['grant'])
  t.is(why, 'Linux asks both sockets for SO_REUSEADDR; macOS only the new one.')
})

test('waits are compared by the ranges in which they lie, and those are named with what makes them', (t) => {
  const {differs, why} = compared('server-closes-first', reportBy(linux), reportBy(gvisor))
  t.deepEqual(differs, ['wait'])
  t.is(
    why,
    'Release: 60.00 to 62.05 s on Linux by the timer wheel, which rounds a constant 60 s up; ' +
      "60.00 to 60.50 s on gVisor by a timer of Go's, which fires within milliseconds.",
  )
})

test('two waits of one range are alike, whatever their numbers', (t) => {
  t.deepEqual(changed('server-closes-first', {bind: delayed(62.03)}), {differs: [], why: null})
})

test('a wait that its run has judged as expected is not outside by the width of its beginning', (t) => {
  t.deepEqual(changed('server-closes-first', {bind: delayed(62.1)}).differs, [])
  const unexpected = {bind: delayed(62.3), status: 'unexpected' as const}
  t.deepEqual(changed('server-closes-first', unexpected).differs, ['wait'])
})

test('a wait that cannot come from the range of the other side differs, and its number is told', (t) => {
  const {differs, why} = changed('server-closes-first', {bind: delayed(30.5)})
  t.deepEqual(differs, ['wait'])
  t.regex(why ?? '', /on Linux 6\.19 .*but measured as 30\.499 to 30\.500 s\.$/)
})

test('the end of a wait that only a process ends is the script, and not compared', (t) => {
  t.deepEqual(changed('old-server-still-listening', {bind: delayed(9)}).differs, [])
})

test('errno is told apart from the error', (t) => {
  const {differs, why} = compared('old-server-still-listening', reportBy(linux), reportBy(darwin))
  t.deepEqual(differs, ['errno'])
  t.is(why, 'The same EADDRINUSE has the number 98 on Linux and 48 on macOS.')
})

test('a refusal that was not waited out is alike to one that was', (t) => {
  t.deepEqual(changed('server-closes-first', {bind: refused()}).differs, [])
})

test('refused on both, but granted later on one only, is another verdict', (t) => {
  const bind = {...refused(), waited: true}
  const {differs, why} = changed('server-closes-first', {bind})
  t.deepEqual(differs, ['verdict'])
  t.regex(why ?? '', /delayed on Linux \S+ and blocked on Linux 6\.19/)
})

test('residue that one side cannot show is no difference, another state is', (t) => {
  t.deepEqual(changed('server-closes-first', {residue: null}).differs, [])
  const residue = [{endpoint: 'server', state: 'FIN_WAIT2', count: 1}]
  const {differs, why} = changed('server-closes-first', {residue})
  t.deepEqual(differs, ['residue'])
  t.regex(
    why ?? '',
    /^The residue is server TIME_WAIT on Linux \S+, server FIN_WAIT2 on Linux 6\.19\.$/,
  )
})

test("a state that one system's socket table leaves out is no difference", (t) => {
  const connection = (states: readonly ('TIME_WAIT' | 'ESTABLISHED')[]) => ({
    'client-aborts': {
      residue: states.map((state) => ({endpoint: 'client' as const, state, count: 1})),
    },
  })
  const onGvisor = reportBy(gvisor, {results: connection([])})
  const differing = (states: Parameters<typeof connection>[0]) =>
    compared('client-aborts', reportBy(linux, {results: connection(states)}), onGvisor).differs
  t.deepEqual(differing(['TIME_WAIT']), [])
  t.deepEqual(differing(['ESTABLISHED']), ['residue'])
})

test('what contradicts the rules is not explained by them', (t) => {
  const {differs, why} = changed('server-closes-first', {bind: granted, status: 'unexpected'})
  t.deepEqual(differs, ['grant'])
  t.regex(
    why ?? '',
    /^On Linux 6\.19 the first attempt was granted, against the rules of Linux, by which/,
  )
})

test('of an OS without rules nothing is explained', (t) => {
  const {why} = compared(
    'reuseaddr-added-late',
    reportBy(linux),
    reportBy(unknown, {results: {'reuseaddr-added-late': {bind: granted}}}),
  )
  t.regex(why ?? '', /we have no rules to explain it by\.$/)
})

test('one system with two settings: the settings are the reason', (t) => {
  const noTimeWait = {
    bind: granted,
    residue: [] as [],
    expected: {
      verdict: 'immediate' as const,
      residue: 'none' as const,
      because: 'nothing is left on the port',
      source: '',
    },
  }
  const {why} = compared(
    'server-closes-first',
    reportBy(linux, {settings: {tcp_max_tw_buckets: 131072}}),
    reportBy(linux, {
      settings: {tcp_max_tw_buckets: 0},
      results: {'server-closes-first': noTimeWait},
    }),
  )
  t.is(why, 'The rules of Linux hold on both; tcp_max_tw_buckets is 131072 and 0.')
})

test('where the residues differ the own reasons are given, each with its residue', (t) => {
  const assassinated = {
    bind: granted,
    residue: [] as [],
    expected: {
      verdict: 'immediate' as const,
      residue: 'none' as const,
      because: 'RST ended it',
      source: '',
    },
  }
  const {why} = compared(
    'server-closes-first',
    reportBy(linux, {results: {'server-closes-first': assassinated}}),
    reportBy(gvisor),
  )
  t.is(
    why,
    'On Linux it is granted, as RST ended it; on gVisor over TIME_WAIT it is refused, as gVisor wants ' +
      'SO_REUSEADDR on both sockets, or SO_REUSEPORT on the new one.',
  )
})

test('other servers make another experiment, and that is the first thing to say', (t) => {
  const {why} = changed('client-aborts', {
    predecessor: {opener: 'native', bind: 'both', address: '127.0.0.1'},
  })
  t.regex(why ?? '', /^The servers were not the same: native none 127\.0\.0\.1 -> /)
})

test('a scenario that one side lacks is absent there', (t) => {
  const {answers, differs} = compared(
    'client-aborts',
    reportBy(linux),
    reportBy(gvisor, {ids: ['server-closes-first']}),
  )
  t.is(answers[1], null)
  t.deepEqual(differs, [])
})

test('a scenario that failed on one side is not held against the other', (t) => {
  const failed = {status: 'failed', reason: 'no port', bind: granted} as const
  t.deepEqual(changed('server-closes-first', failed), {differs: [], why: null})
})

test('three systems: one sentence for each pair that differs', (t) => {
  const {why} = compared(
    'reuseaddr-added-late',
    reportBy(linux),
    reportBy(gvisor),
    reportBy(darwin),
  )
  t.regex(
    why ?? '',
    /^Release: .+ Linux asks both sockets .+; macOS only the new one\. gVisor asks both/,
  )
})

test('repetitions make the range of a wait', (t) => {
  const repeats = [60.1, 61.9, 60.7].map((seconds) => ({
    status: 'as-expected' as const,
    bind: delayed(seconds),
    outageSeconds: seconds,
  }))
  const results = {'server-closes-first': {bind: delayed(60.1), repeats}}
  const {answers} = compared('server-closes-first', reportBy(linux, {results}), reportBy(gvisor))
  t.is(answers[0]?.times, 3)
  t.deepEqual(answers[0]?.measuredResidueSeconds, [60.1 - 0.001, 61.9])
  t.deepEqual(answers[0]?.waitSeconds, [59.6, 61.4])
})

test('scenarios may be arms, and may only have counted', (t) => {
  const arm = (refusedConnections: number) => ({
    scenario: 'overlapping-handover/reuseport',
    bind: null,
    measurements: {refusedConnections, connections: 200},
  })
  const ids = ['client-aborts']
  const documents = [0, 3].map((count) =>
    reportBy(linux, {ids, results: {'client-aborts': arm(count)}}),
  )
  const {differs, why} = compared('overlapping-handover/reuseport', ...documents)
  t.deepEqual(differs, ['measurements'])
  t.is(
    why,
    'On Linux #1 the client saw: 0 refused, 200 connections; on Linux #2: 3 refused, 200 connections.',
  )
})

test('amid traffic neither the open connections nor the counts of a moment are a difference', (t) => {
  const measurements = {resetConnections: 3}
  const residue = [{endpoint: 'server', state: 'SYN_RECV', count: 1}] as const
  const results = {
    'client-aborts': {measurements: {resetConnections: 0}, amidTraffic: true as const},
  }
  const {differs} = compared(
    'client-aborts',
    reportBy(linux, {results}),
    reportBy(linux, {results: {'client-aborts': {measurements, residue: [...residue]}}}),
  )
  t.deepEqual(differs, [])
})

test('what a client was answered differs by its code, and the reports say why', (t) => {
  const answered = (outcome: string, errno: number, because: string) => {
    const call = {from: 'the same port', call: 'connect', outcome} as const
    return {
      'client-aborts': {
        calls: [{...call, errno, localPort: 4000, seconds: 0.1}],
        expected: {
          verdict: 'immediate' as const,
          residue: 'none' as const,
          calls: [call],
          because,
          source: '',
        },
      },
    }
  }
  const refusing = reportBy(linux, {results: answered('ECONNREFUSED', 111, 'RST ends TIME_WAIT')})
  const numbered = reportBy(linux, {results: answered('ECONNREFUSED', 61, 'RST ends TIME_WAIT')})
  const silent = reportBy(gvisor, {results: answered('unanswered', 0, 'TIME_WAIT stays')})
  t.deepEqual(compared('client-aborts', refusing, numbered).differs, [])
  const {differs, why} = compared('client-aborts', refusing, silent)
  t.deepEqual(differs, ['calls'])
  t.is(why, 'On Linux RST ends TIME_WAIT; on gVisor TIME_WAIT stays.')
})

test('how long a state is kept is gathered over all scenarios, as a range on each side', (t) => {
  const results = {
    'server-closes-first': {bind: delayed(60.2)},
    'reuseaddr-added-late': {bind: delayed(61.8)},
    'reuseport-added-late': {bind: delayed(61)},
  }
  const [timeWait, finWait2] = compareReleases([reportBy(linux, {results}), reportBy(gvisor)])
  t.is(timeWait?.state, 'TIME_WAIT')
  const [ofLinux, ofGvisor] = timeWait?.releases ?? []
  t.deepEqual(ofLinux?.expectedSeconds, [60, 62.052])
  t.deepEqual(ofLinux?.measuredSeconds, [60.2 - 0.001, 61.8])
  t.is(ofLinux?.measurements, 3)
  t.regex(ofLinux?.source ?? '', /TCP_TIMEWAIT_LEN; kernel\/time\/timer\.c:calc_wheel_index$/)
  t.is(ofGvisor?.measurements, 2)
  t.is(finWait2?.state, 'FIN_WAIT2')
})

test('arms about a kernel setting are kept apart, on the sides that have them', (t) => {
  const arms = ['fin-timeout-ends-fin-wait2/60-seconds', 'fin-timeout-ends-fin-wait2/5-seconds']
  const results = {[arms[1] ?? '']: {bind: delayed(5.1)}}
  const sides = [
    reportBy(linux, {ids: ['client-never-closes', ...arms], results}),
    reportBy(gvisor, {ids: ['client-never-closes']}),
  ]
  const [usual, short, ...others] = compareReleases(sides)
  t.deepEqual(others, [])
  t.deepEqual(usual?.scenarios, ['client-never-closes', arms[0]])
  t.deepEqual(
    usual?.releases.map((release) => release?.expectedSeconds),
    [
      [60, 62.052],
      [60, 60.5],
    ],
  )
  t.deepEqual(short?.scenarios, [arms[1]])
  const [ofLinux, ofGvisor] = short?.releases ?? []
  t.deepEqual(ofLinux?.measuredSeconds, [5.1 - 0.001, 5.1])
  t.true((ofLinux?.expectedSeconds[1] ?? 0) < 6)
  t.is(ofGvisor, null)
})

test('amid traffic only what the rules say exactly is compared, and the rules say why it differs', (t) => {
  const id = 'migrate-req-saves-queue/on'
  const by = (version: string, lost: number) =>
    reportBy(linux, {
      ...{ids: [id], release: version, settings: {KERNEL_VERSION: version, tcp_migrate_req: 1}},
      results: {
        [id]: {
          measurements: {
            ...{resetConnections: lost, answersFromSuccessor: 40 - lost},
            answersFromPredecessor: lost,
          },
        },
      },
    })
  const {differs, why} = compared(id, by('5.10.223', 40), by('6.1.170', 0))
  t.deepEqual(differs, ['measurements'])
  t.regex(
    why ?? '',
    /as tcp_migrate_req does nothing before Linux 5\.14.*; on Linux 6\.1.*leaves its queue/,
  )
  // What is not expected exactly is a matter of the moment.
  const handover = 'overlapping-handover'
  const some = (answersFromPredecessor: number, release: string) =>
    reportBy(linux, {
      ...{ids: [handover], release},
      results: {[handover]: {measurements: {answersFromPredecessor}}},
    })
  t.deepEqual(compared(handover, some(0, '6.18'), some(3, '6.19')).differs, [])
})

test('sides are told apart by as little as it takes', (t) => {
  const labels = (...documents: ReportDocument[]) =>
    describeSides(documents).map(({label}) => label)
  t.deepEqual(labels(reportBy(linux), reportBy(gvisor)), ['Linux', 'gVisor'])
  t.deepEqual(labels(reportBy(linux), reportBy(linux, {release: '6.8'})), [
    'Linux 6.18',
    'Linux 6.8',
  ])
  t.deepEqual(labels(reportBy(linux), reportBy(linux, {release: '6.18.7'})), [
    'Linux 6.18.0',
    'Linux 6.18.7',
  ])
  t.deepEqual(labels(reportBy(linux), reportBy(linux)), ['Linux #1', 'Linux #2'])
  t.deepEqual(
    labels(reportBy(linux, {release: '6.8'}), reportBy(linux), reportBy(linux, {release: '6.8'})),
    ['Linux 6.8 #1', 'Linux 6.18', 'Linux 6.8 #2'],
  )
})

test('every repetition counts: what only one side did, even once, is a difference', (t) => {
  const played = (...binds: object[]) => {
    const repeats = binds.map((bind) => ({status: 'as-expected', bind, outageSeconds: 1}))
    return {bind: binds[0], repeats}
  }
  const of = (one: object, other: object) => {
    const side = (change: object) => reportBy(linux, {results: {'client-aborts': change}})
    return compared('client-aborts', side(one), side(other))
  }
  const alike = played(...Array.from({length: 10}, () => granted))
  const mixed = played(granted, ...Array.from({length: 9}, () => delayed(60.1)))
  const {differs, kinds, why} = of(alike, mixed)
  t.deepEqual([differs, kinds], [['repetitions'], [0, 1]])
  t.is(
    why,
    'Not every repetition answered alike: immediate 10 times on Linux #1; immediate 1 time, delayed 9 times on Linux #2.',
  )
  t.deepEqual(of(mixed, played(granted, delayed(61))).differs, [])
  t.deepEqual(of(alike, played(granted)).differs, [])
})
