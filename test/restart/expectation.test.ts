import test from 'ava'
import {darwin} from '../../harness/platforms/darwin.ts'
import {unknown} from '../../harness/platforms/detect.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import type {Platform} from '../../harness/platforms/platform.ts'
import type {ClientReport, Expected, ResultBind} from '../../harness/reports/schema.ts'
import {
  contradiction,
  expectation,
  type Observed,
  type Question,
} from '../../harness/restart/expectation.ts'
import type {BindOption} from '../../harness/sockets/bind-options.ts'

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

const immediate: Expected = {
  verdict: 'immediate',
  residue: 'TIME_WAIT',
  because: 'so the rule says',
  source: 'a source',
}
const delayed: Expected = {
  ...immediate,
  verdict: 'delayed',
  code: 'EADDRINUSE',
  errno: 98,
  residueSeconds: [60, 62],
}
const firstError = {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'refused'}
const grantedAtOnce: ResultBind = {
  verdict: 'immediate',
  waited: true,
  attempts: 1,
  errors: {},
  firstError: null,
  waitSeconds: 0,
  residueSeconds: 0.1,
  uncertaintySeconds: 0,
}
const grantedLate: ResultBind = {
  ...grantedAtOnce,
  verdict: 'delayed',
  attempts: 3,
  errors: {EADDRINUSE: 2},
  firstError,
  waitSeconds: 61,
  residueSeconds: 61,
}
const neverGranted: ResultBind = {...grantedLate, verdict: 'blocked', waitSeconds: null}
const timeWait = [{endpoint: 'server', state: 'TIME_WAIT', count: 1}] as const
const base: Observed = {
  residue: [...timeWait],
  bind: grantedLate,
  residueTime: [60.9, 61],
  scriptDone: true,
}

const judgements: [what: string, Expected, Partial<Observed>, contradiction: string | undefined][] =
  [
    ['a delay within the range', delayed, {}, undefined],
    ['an expected immediate grant', immediate, {bind: grantedAtOnce, residueTime: null}, undefined],
    [
      'residue of another state',
      delayed,
      {residue: []},
      'residue none at the server, expected TIME_WAIT',
    ],
    [
      'two kinds of residue',
      delayed,
      {residue: [...timeWait, {endpoint: 'server', state: 'FIN_WAIT2', count: 1}]},
      'residue TIME_WAIT and FIN_WAIT2 at the server, expected TIME_WAIT',
    ],
    [
      "the client's own residue",
      delayed,
      {residue: [...timeWait, {endpoint: 'client', state: 'CLOSE_WAIT', count: 1}]},
      undefined,
    ],
    ['residue that cannot be seen', delayed, {residue: null}, undefined],
    ['no bind to judge', delayed, {bind: null}, undefined],
    [
      'a grant where a refusal is expected',
      delayed,
      {bind: grantedAtOnce, residueTime: null},
      'granted at once, expected EADDRINUSE',
    ],
    [
      'another error',
      delayed,
      {bind: {...grantedLate, firstError: {...firstError, code: 'EACCES', errno: 13}}},
      'EACCES (13), expected EADDRINUSE (98)',
    ],
    [
      "another system's number for the error",
      delayed,
      {bind: {...grantedLate, firstError: {...firstError, errno: 48}}},
      'EADDRINUSE (48), expected EADDRINUSE (98)',
    ],
    [
      'a refusal that was not waited out',
      delayed,
      {bind: {...neverGranted, waited: false}, residueTime: [0.1, Number.POSITIVE_INFINITY]},
      undefined,
    ],
    [
      'a refusal where a grant is expected',
      immediate,
      {residueTime: null},
      'delayed, expected immediate',
    ],
    [
      'a limit that came while the residue might still go in time',
      delayed,
      {bind: neverGranted, residueTime: [61, Number.POSITIVE_INFINITY]},
      undefined,
    ],
    [
      'a port that is blocked for longer than the range',
      delayed,
      {bind: neverGranted, residueTime: [63, Number.POSITIVE_INFINITY]},
      'blocked, expected delayed',
    ],
    [
      'a limit that came before the script was done',
      delayed,
      {bind: neverGranted, residueTime: [90, Number.POSITIVE_INFINITY], scriptDone: false},
      undefined,
    ],
    [
      'residue that is gone too early',
      delayed,
      {residueTime: [58, 59.9]},
      'residue gone after 58.000 to 59.900 s, expected 60 to 62.000 s',
    ],
    [
      'residue that is gone too late',
      delayed,
      {residueTime: [62.5, 63]},
      'residue gone after 62.500 to 63.000 s, expected 60 to 62.000 s',
    ],
    [
      'too few of what has to be counted',
      {...delayed, atLeast: {timerRestarts: 1}},
      {measurements: {timerRestarts: 0}},
      'timerRestarts 0, expected 1 at least',
    ],
    [
      'enough of what has to be counted',
      {...delayed, atLeast: {timerRestarts: 1}},
      {measurements: {timerRestarts: 3}},
      undefined,
    ],
    ['an uncertainty that reaches into the range', delayed, {residueTime: [59, 60.5]}, undefined],
  ]

for (const [what, expected, observed, reason] of judgements) {
  test(`${what} ${reason === undefined ? 'contradicts nothing' : `is told: ${reason}`}`, (t) => {
    t.is(contradiction(expected, {...base, ...observed}), reason)
  })
}

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

test('what the calls of a client answer, and what it counts, is judged', (t) => {
  const call = {from: 'the same port', call: 'connect'} as const
  const expected: Expected = {
    ...immediate,
    residue: 'LISTEN',
    calls: [{...call, outcome: 'ECONNREFUSED'}],
    counts: {refusedConnections: 0},
  }
  const judge = (outcome: string, refusedConnections: number) =>
    contradiction(expected, {
      residue: [{endpoint: 'server', state: 'LISTEN', count: 1}],
      bind: null,
      calls: [{...call, outcome, localPort: 4000, seconds: 0.01}],
      measurements: {connections: 10, refusedConnections},
      residueTime: null,
      scriptDone: true,
    })
  t.is(judge('ECONNREFUSED', 0), undefined)
  t.is(
    judge('connected', 0),
    'connect() from the same port: connected; expected connect() from the same port: ECONNREFUSED',
  )
  t.is(judge('ECONNREFUSED', 2), 'refusedConnections 2, expected 0')
})

test('amid traffic other sockets than the residue are no contradiction, but it has to be there', (t) => {
  const expected: Expected = {...immediate, residue: 'LISTEN'}
  const seen: Observed['residue'] = [{endpoint: 'server', state: 'ESTABLISHED', count: 3}]
  const judge = (residue: Observed['residue'], amidTraffic: boolean) =>
    contradiction(expected, {
      residue,
      ...(amidTraffic ? {amidTraffic} : {}),
      bind: null,
      residueTime: null,
      scriptDone: true,
    })
  const listening = [...seen, {endpoint: 'server', state: 'LISTEN', count: 1}] as const
  t.is(judge([...listening], true), undefined)
  t.regex(judge([...listening], false) ?? '', /expected LISTEN/)
  t.regex(judge(seen, true) ?? '', /expected LISTEN/)
})
