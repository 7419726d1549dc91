import type {ClientReport, Expected} from '../../harness/documents/report-schema.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {unknown} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {Platform, Settings} from '../../harness/platforms/platform.ts'
import {possibilitiesOf} from '../../harness/restart/alternatives.ts'
import {blankResult} from '../../harness/restart/blank.ts'
import {expectation, lastsAtLeast, type Question} from '../../harness/restart/expectation.ts'
import type {BindOption} from '../../harness/sockets/bind-options.ts'
import reuseportShared from '../../scenarios/reuseport-shared.ts'
import {test} from '../declare.ts'

const none = {opener: 'native', bind: 'none', address: '127.0.0.1'} as const
const reuseaddr = {...none, bind: 'reuseaddr'} as const
const question: Question = {
  platform: linux,
  settings: {CONFIG_HZ: 250},
  residue: {server: 'TIME_WAIT'},
  predecessor: none,
  successor: none,
  limitSeconds: 120,
}

function roundedRange({residueSeconds}: Expected): string | undefined {
  return residueSeconds?.map((seconds) => seconds.toFixed(3)).join(' to ')
}

test('a refused bind over TIME_WAIT is expected to be delayed by the kernel, with its errno', (t) => {
  const expected = expectation(question) as Expected
  t.is(expected.verdict, 'delayed')
  t.is(expected.code, 'EADDRINUSE')
  t.is(expected.errno, 98)
  t.is(expected.residue, 'TIME_WAIT')
  t.is(roundedRange(expected), '60.000 to 62.052')
  t.regex(expected.source, /inet_bind_conflict.*TCP_TIMEWAIT_LEN/)
})

test('with a limit below the release the expectation is blocked', (t) => {
  t.is(expectation({...question, limitSeconds: 10})?.verdict, 'blocked')
})

test('a granted bind is expected at once, whatever the residue', (t) => {
  const expected = expectation({...question, predecessor: reuseaddr, successor: reuseaddr})
  t.is(expected?.verdict, 'immediate')
  t.is(expected?.residue, 'TIME_WAIT')
  t.is(expected?.code, undefined)
})

test('without buckets no TIME_WAIT is left, and the bind is expected at once', (t) => {
  const expected = expectation({...question, settings: {tcp_max_tw_buckets: 0}})
  t.is(expected?.verdict, 'immediate')
  t.is(expected?.residue, 'none')
  t.regex(expected?.because ?? '', /tcp_max_tw_buckets is 0/)
  t.regex(expected?.source ?? '', /inet_twsk_alloc/)
})

test('tcp_fin_timeout changes when FIN_WAIT2 is expected to go, and not when TIME_WAIT is', (t) => {
  const range = (server: 'TIME_WAIT' | 'FIN_WAIT2', tcp_fin_timeout: number) =>
    expectation({...question, residue: {server}, settings: {CONFIG_HZ: 250, tcp_fin_timeout}})
      ?.residueSeconds?.[0]
  t.deepEqual([range('TIME_WAIT', 60), range('TIME_WAIT', 5)], [60, 60])
  t.deepEqual([range('FIN_WAIT2', 60), range('FIN_WAIT2', 5)], [60, 5])
})

test('residue that a process holds is expected to delay, for a time that nobody knows', (t) => {
  const expected = expectation({...question, residue: {server: 'LISTEN'}, limitSeconds: 1})
  t.is(expected?.verdict, 'delayed')
  t.is(expected?.residueSeconds, undefined)
})

test('residue that turns into another is released as the later one', (t) => {
  const expected = expectation({
    ...question,
    residue: {server: 'ESTABLISHED', later: 'TIME_WAIT'},
  }) as Expected
  t.is(expected.residue, 'ESTABLISHED')
  t.is(roundedRange(expected), '60.000 to 62.052')
})

test('an operating system without rules has no expectation', (t) => {
  t.is(expectation({...question, platform: unknown}), null)
})

const reconnecting: Question = {
  ...question,
  residue: {server: 'TIME_WAIT', reconnected: true},
  client: {opener: 'native', bind: 'none'},
}

test('a client that comes back ends TIME_WAIT on Linux, unless tcp_rfc1337 is set, and on gVisor never', (t) => {
  const ended = expectation(reconnecting)
  t.is(ended?.verdict, 'immediate')
  t.is(ended?.residue, 'none')
  const kept = expectation({...reconnecting, settings: {CONFIG_HZ: 250, tcp_rfc1337: 1}})
  t.is(kept?.verdict, 'delayed')
  t.is(kept?.residue, 'TIME_WAIT')
  const answers = [ended, kept, expectation({...reconnecting, platform: gvisor})].map(
    (expected) => expected?.calls?.at(-1)?.outcome,
  )
  t.deepEqual(answers, ['ECONNREFUSED', 'unanswered', 'unanswered'])
})

const onMacos = (version: string | null): Question => ({
  ...reconnecting,
  platform: darwin,
  settings: {'kern.osproductversion': version},
})

test('macOS 15 and later let a client end TIME_WAIT that comes back; before, that is one of two answers', (t) => {
  const ends = (expected: Expected | null) =>
    expected && [expected, ...(expected.alternatives ?? [])].map(({premises}) => premises?.[0])
  for (const version of ['15.0', '15.5', '26.1']) {
    t.deepEqual(ends(expectation(onMacos(version))), ['darwin/later-sequence'])
  }
  // A version that is made up for old programs tells nothing.
  for (const version of ['11.6', '14.6.1', '10.16', null]) {
    const both = ['darwin/earlier-sequence', 'darwin/later-sequence']
    t.deepEqual(ends(expectation(onMacos(version))), both)
  }
  const [kept, ended] = possibilitiesOf(expectation(onMacos('14.6')) as Expected)
  t.like(kept, {verdict: 'delayed', residue: 'TIME_WAIT', residueSeconds: [30, 52]})
  t.like(ended, {verdict: 'immediate', residue: 'none'})
  t.deepEqual(
    [kept, ended].map((each) => each?.calls?.at(-1)?.outcome),
    ['unanswered', 'ECONNREFUSED'],
  )
})

const shared: Question = {
  ...question,
  residue: {server: 'LISTEN'},
  predecessor: {...none, bind: 'reuseport'},
  successor: {...none, bind: 'reuseport'},
  bothListen: {connections: 100},
}

test('of two listeners that share an address either answers, and on macOS the newest', (t) => {
  const spread = {atLeast: {answersFromPredecessor: 1, answersFromSuccessor: 1}}
  t.like(expectation(shared), {verdict: 'immediate', ...spread})
  t.like(expectation({...shared, platform: gvisor}), {verdict: 'immediate', ...spread})
  t.like(expectation({...shared, platform: darwin}), {
    ...{verdict: 'immediate', effects: ['darwin/newest-listener']},
    counts: {answersFromPredecessor: 0, answersFromSuccessor: 100},
  })
  const wildcard = {...shared.successor, address: '0.0.0.0'} as const
  const onWildcard = {...shared, predecessor: wildcard, successor: wildcard, platform: darwin}
  t.like(expectation(onWildcard), {
    ...{verdict: 'immediate', effects: ['darwin/oldest-listener']},
    counts: {answersFromPredecessor: 100, answersFromSuccessor: 0},
  })
  const {bothListen: _, ...alone} = shared
  t.is(expectation(alone)?.effects, undefined)
  t.is(expectation({...shared, successor: none})?.effects, undefined)
})

test('a FIN that is sent again restarts the time of TIME_WAIT, but not on macOS', (t) => {
  const again: Question = {...question, finSentAgain: true}
  t.deepEqual(expectation(again)?.atLeast, {timerRestarts: 1})
  t.deepEqual(expectation({...again, platform: gvisor})?.atLeast, {timerRestarts: 1})
  t.deepEqual(expectation({...again, platform: darwin})?.counts, {timerRestarts: 0})
  const withoutBuckets = {...again, settings: {tcp_max_tw_buckets: 0}}
  t.is(expectation(withoutBuckets)?.effects, undefined)
})

test('a scenario counts what it says itself and what the rules say', (t) => {
  const blank = (platform: Platform) =>
    blankResult('reuseport-shared', reuseportShared, {platform, settings: {}, limitSeconds: 9})
  t.deepEqual(blank(linux).expected?.counts, {refusedConnections: 0})
  t.deepEqual(blank(linux).expected?.atLeast, {
    ...{answersFromPredecessor: 1, answersFromSuccessor: 1},
  })
  t.false('atLeast' in (blank(darwin).expected ?? {}))
  t.deepEqual(blank(darwin).expected?.counts, {
    ...{refusedConnections: 0, answersFromPredecessor: 0, answersFromSuccessor: 100},
  })
})

const clientRestarts: Question = {
  ...question,
  residue: {server: 'LISTEN', client: 'TIME_WAIT'},
  clientRestarts: true,
}
const clientAnswers: [Platform, ClientReport, calls: string[]][] = [
  [
    linux,
    {opener: 'native', bind: 'none'},
    ['bind EADDRINUSE', 'bind granted', 'connect connected'],
  ],
  [linux, {opener: 'node', bind: 'reuseaddr'}, ['connect connected', 'connect connected']],
  [
    gvisor,
    {opener: 'native', bind: 'none'},
    ['bind EADDRINUSE', 'bind granted', 'connect connected'],
  ],
  [gvisor, {opener: 'node', bind: 'reuseaddr'}, ['connect EADDRINUSE', 'connect connected']],
  [darwin, {opener: 'node', bind: 'reuseaddr'}, ['connect EADDRINUSE', 'connect connected']],
]
for (const [platform, client, calls] of clientAnswers) {
  test(`${platform.title}: a client that restarts with ${client.opener} sockets is answered ${calls.join(', ')}`, (t) => {
    const expected = expectation({...clientRestarts, platform, client})
    t.deepEqual(
      expected?.calls?.map(({call, outcome}) => `${call} ${outcome}`),
      calls,
    )
  })
}

test('gVisor refuses a client its old port with one of two errors, as its version is not visible', (t) => {
  const client = {opener: 'node', bind: 'reuseaddr'} as const
  const expected = expectation({...clientRestarts, platform: gvisor, client}) as Expected
  t.deepEqual(
    possibilitiesOf(expected).map(({rule, calls}) => [rule, calls?.[0]?.outcome]),
    [
      ['gvisor/same-four-tuple', 'EADDRINUSE'],
      ['gvisor/four-tuple-unavailable', 'EADDRNOTAVAIL'],
    ],
  )
  // Where bind() refuses, connect() is not asked.
  const plain = {opener: 'native', bind: 'none'} as const
  t.is(expectation({...clientRestarts, platform: gvisor, client: plain})?.alternatives, undefined)
})

test('an outgoing connection on the port is judged by the options of the client that made it', (t) => {
  const over = (bind: BindOption) =>
    expectation({
      ...question,
      predecessor: reuseaddr,
      successor: reuseaddr,
      residue: {server: 'ESTABLISHED', outgoing: true},
      client: {opener: 'native', bind},
    })?.verdict
  t.deepEqual([over('none'), over('reuseaddr')], ['delayed', 'immediate'])
})

test('what the kernel keeps lasts for a time, and what a process has does not', (t) => {
  const settings = {CONFIG_HZ: 250, tcp_fin_timeout: 5}
  const states = ['TIME_WAIT', 'FIN_WAIT2', 'LISTEN', 'ESTABLISHED', 'none'] as const
  t.deepEqual(
    states.map((state) => lastsAtLeast(state, {platform: linux, settings})),
    [60, 5, undefined, undefined, undefined],
  )
  t.is(lastsAtLeast('TIME_WAIT', {platform: unknown, settings}), undefined)
})

const selfConnecting: Question = {
  ...question,
  predecessor: reuseaddr,
  successor: reuseaddr,
  residue: {server: 'ESTABLISHED', outgoing: true, selfConnected: true},
  port: 20_000,
}
const localPorts: [settings: Settings, verdict: Expected['verdict'], rule: string][] = [
  [{ip_local_port_range: '20000 20099'}, 'delayed', 'linux/self-connection'],
  [{ip_local_port_range: '19999 20099'}, 'immediate', 'linux/other-parity'],
  [{ip_local_port_range: '20100 20199'}, 'immediate', 'linux/outside-local-ports'],
  [
    {ip_local_port_range: '20000 20099', ip_local_reserved_ports: '8080,19990-20010'},
    'immediate',
    'linux/reserved-port',
  ],
]
for (const [settings, verdict, rule] of localPorts) {
  test(`a client that retries on port 20000 with ${JSON.stringify(settings)}: ${rule}`, (t) => {
    const expected = expectation({...selfConnecting, settings})
    t.is(expected?.verdict, verdict)
    t.deepEqual(expected?.premises, [rule])
    t.is(expected?.residue, verdict === 'delayed' ? 'ESTABLISHED' : 'none')
    t.is(expected?.counts?.selfConnections, verdict === 'delayed' ? 1 : 0)
  })
}

test('whether a client connects to itself is not expected where nobody knows, nor of a port that is not known', (t) => {
  const {port: _, ...anyPort} = selfConnecting
  const unknown = [gvisor, darwin].map((platform) => expectation({...selfConnecting, platform}))
  t.deepEqual([...unknown, expectation(anyPort)], [null, null, null])
})

const queueing: Question = {...question, residue: {server: 'LISTEN', queued: 40}}
const both = {...none, bind: 'reuseport'} as const
const overlapping: Question = {...queueing, predecessor: both, successor: both}
const queues: [what: string, asked: Question, rule: string, resets: number][] = [
  ['by default', overlapping, 'linux/queue-reset', 40],
  [
    'with tcp_migrate_req',
    {...overlapping, settings: {tcp_migrate_req: 1, KERNEL_VERSION: '5.14'}},
    'linux/queue-migrated',
    0,
  ],
  [
    'with tcp_migrate_req on an unknown kernel',
    {...overlapping, settings: {tcp_migrate_req: 1}},
    'linux/queue-migrated',
    0,
  ],
  [
    'with tcp_migrate_req before Linux 5.14',
    {...overlapping, settings: {tcp_migrate_req: 1, KERNEL_VERSION: '5.10.234'}},
    'linux/no-migration',
    40,
  ],
  [
    'with nobody beside',
    {...queueing, residue: {server: 'none', queued: 40}, settings: {tcp_migrate_req: 1}},
    'linux/queue-reset',
    40,
  ],
  ['on gVisor', {...overlapping, platform: gvisor}, 'gvisor/queue-reset', 40],
  ['on macOS', {...overlapping, platform: darwin}, 'darwin/queue-reset', 40],
]
for (const [what, asked, rule, resets] of queues) {
  test(`of 40 connections in the queue of a listener that closes ${resets} are reset ${what}`, (t) => {
    const expected = expectation(asked)
    t.is(expected?.verdict, 'immediate')
    t.deepEqual(expected?.premises, [rule])
    const counts = {resetConnections: resets, answersFromSuccessor: 40 - resets}
    t.deepEqual(expected?.counts, counts)
  })
}

test('a listener that is inherited keeps its queue', (t) => {
  const inherited = {...none, inherited: true} as const
  const expected = expectation({...queueing, predecessor: inherited, successor: inherited})
  t.deepEqual(expected?.counts, {resetConnections: 0, answersFromSuccessor: 40})
})

test('what is destroyed from outside is gone, but for a listening socket, whose port stays refused', (t) => {
  const over = (server: 'TIME_WAIT' | 'FIN_WAIT2' | 'ESTABLISHED' | 'LISTEN', settings = {}) => {
    const expected = expectation({...question, residue: {server, destroyed: true}, settings})
    return [expected?.verdict, expected?.residue, expected?.counts?.destroyedSockets]
  }
  for (const state of ['TIME_WAIT', 'FIN_WAIT2', 'ESTABLISHED'] as const) {
    t.deepEqual(over(state), ['immediate', 'none', 1], state)
  }
  t.deepEqual(over('LISTEN'), ['delayed', 'none', 1])
  // What it answered is what decides, as vendors take such changes back to earlier kernels.
  const old = {SOCK_DESTROY: 'EOPNOTSUPP'}
  t.deepEqual(over('TIME_WAIT', old), ['delayed', 'TIME_WAIT', 0])
  t.deepEqual(over('FIN_WAIT2', old), ['delayed', 'FIN_WAIT2', 0])
  t.deepEqual(over('ESTABLISHED', old), ['immediate', 'none', 1])
})

test('nobody can destroy a socket from outside on gVisor and macOS', (t) => {
  const destroyed: Question = {...question, residue: {server: 'TIME_WAIT', destroyed: true}}
  const expected = [gvisor, darwin].map((platform) => expectation({...destroyed, platform}))
  t.deepEqual(expected, [null, null])
})

test("another user's listener refuses SO_REUSEPORT on Linux, its TIME_WAIT does not", (t) => {
  const predecessor = {...both, otherUser: 'root'} as const
  const over = (server: 'LISTEN' | 'TIME_WAIT') => {
    const expected = expectation({...question, predecessor, successor: both, residue: {server}})
    return [expected?.verdict, expected?.rule]
  }
  t.deepEqual(over('LISTEN'), ['delayed', 'linux/other-user'])
  t.deepEqual(over('TIME_WAIT'), ['immediate', 'linux/both-reuseport'])
})
