import type {Expected, ReportedCall, ResultBind} from '../../harness/documents/report-schema.ts'
import {
  type Judgement,
  judgement,
  judgementOfAny,
  type Observed,
} from '../../harness/restart/judgement.ts'
import {test} from '../declare.ts'

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
const listening = {
  residue: [{endpoint: 'server', state: 'LISTEN', count: 1}],
} satisfies Partial<Observed>
const samePort = {from: 'the same port', call: 'connect'} as const
const answered = (outcome: string): ReportedCall => ({
  ...samePort,
  outcome,
  localPort: 4000,
  seconds: 0.01,
})
/** The packets of a scenario that says something of them. */
function packets(holds: boolean | null, whole = true): Pick<Observed, 'packets'> {
  const claims = [{claim: 'server-fin-first', says: 'the server closes first', holds}]
  return {packets: {count: 8, whole, ladder: [], claims}}
}
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
    ['packets that show what they must', delayed, packets(true), undefined],
    [
      'packets that show something else',
      delayed,
      packets(false),
      'the packets do not show that the server closes first',
    ],
    [
      'packets that show something else, if some are missing',
      delayed,
      packets(false, false),
      undefined,
    ],
    [
      'packets that show nothing of it',
      delayed,
      packets(null),
      'the packets do not show that the server closes first',
    ],
    [
      'packets that show nothing of it before the script is over',
      delayed,
      {...packets(null), bind: {...neverGranted, waited: false}, scriptDone: false},
      undefined,
    ],
    ['residue that cannot be seen', delayed, {residue: null}, undefined],
    ['no bind where nothing is bound anew', immediate, {bind: null, residueTime: null}, undefined],
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
      'a refusal where a grant is expected, though the script has steps left when it is not waited for',
      immediate,
      {bind: {...neverGranted, waited: false}, residueTime: null, scriptDone: false},
      'blocked, expected immediate',
    ],
    [
      'a port that a process let go of, and that is refused after that',
      {...delayed, residue: 'LISTEN', residueSeconds: undefined},
      {...listening, bind: neverGranted, residueTime: null, refusedAfterwards: true},
      'blocked, expected delayed',
    ],
    [
      'a grant before the limit, where the residue outlives it',
      {...delayed, verdict: 'blocked'},
      {bind: grantedLate, residueTime: [30, 30.1]},
      'delayed, expected blocked',
    ],
    [
      'a release in time that the own way of retrying did not notice',
      delayed,
      {bind: {...neverGranted, waited: false}, residueTime: [60.9, 61], tooLate: true},
      undefined,
    ],
    [
      'a late release that the own way of retrying did not notice',
      delayed,
      {bind: {...neverGranted, waited: false}, residueTime: [62.9, 63], tooLate: true},
      'residue gone after 62.900 to 63.000 s, expected 60 to 62.000 s',
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

function contradiction(expected: Expected, observed: Observed): string | undefined {
  const judged = judgement(expected, observed)
  return judged.status === 'unexpected' ? judged.reason : undefined
}

for (const [what, expected, observed, reason] of judgements) {
  test(`${what} ${reason === undefined ? 'is as expected' : `is told: ${reason}`}`, (t) => {
    t.deepEqual(
      judgement(expected, {...base, ...observed}),
      reason === undefined ? {status: 'as-expected'} : {status: 'unexpected', reason},
    )
  })
}

const notTried = {...immediate, calls: [{...samePort, outcome: 'ECONNREFUSED'}]}
const unseen: [what: string, Expected, Partial<Observed>, reason: string][] = [
  ['a bind', delayed, {bind: null}, 'bind()'],
  [
    'calls',
    notTried,
    {bind: grantedAtOnce, residueTime: null},
    'connect() from the same port: ECONNREFUSED',
  ],
  [
    'the last of the calls',
    {
      ...notTried,
      calls: [...notTried.calls, {from: 'another port', call: 'bind', outcome: 'granted'}],
    },
    {bind: grantedAtOnce, residueTime: null, calls: [answered('ECONNREFUSED')]},
    'bind() from another port: granted',
  ],
  [
    'a count',
    {...delayed, counts: {refusedConnections: 0}},
    {measurements: {connections: 10}},
    'refusedConnections',
  ],
  ['a count of at least', {...delayed, atLeast: {resets: 0}}, {}, 'resets'],
  [
    'the release of a port that the own way of retrying left alone',
    delayed,
    {
      bind: {...neverGranted, waited: false},
      residueTime: [50, Number.POSITIVE_INFINITY],
      tooLate: true,
    },
    'when the port came free',
  ],
]

for (const [what, expected, observed, reason] of unseen) {
  test(`${what} that was never looked at is not as expected`, (t) => {
    t.deepEqual(judgement(expected, {...base, ...observed}), {
      status: 'failed',
      reason: `not observed: ${reason}`,
    })
  })
}

/** Residue that lasts for 5 s; when it was looked at and first met, in seconds of its age. */
const shortLived = (seen: number, tried: number) => ({met: {lastsSeconds: 5, seen, tried}})
const finWait2: Expected = {...delayed, residue: 'FIN_WAIT2', residueSeconds: [5, 5.3]}
const seenFinWait2 = [{endpoint: 'server', state: 'FIN_WAIT2', count: 1}] as const
const gone: Partial<Observed> = {bind: grantedAtOnce, residueTime: null}

const late: [what: string, Expected, Partial<Observed>, Judgement['status']][] = [
  [
    'none left, looked at too late',
    finWait2,
    {...gone, residue: [], ...shortLived(5.1, 5.2)},
    'failed',
  ],
  [
    'none left, looked at in time',
    finWait2,
    {...gone, residue: [], ...shortLived(4.9, 5.2)},
    'unexpected',
  ],
  [
    'residue of another kind, looked at too late',
    finWait2,
    {...gone, residue: [...timeWait], ...shortLived(5.1, 5.2)},
    'unexpected',
  ],
  [
    'a grant over residue that may have been gone',
    finWait2,
    {...gone, residue: [...seenFinWait2], ...shortLived(4, 5.1)},
    'failed',
  ],
  [
    'a grant over residue that was sure to be there',
    finWait2,
    {...gone, residue: [...seenFinWait2], ...shortLived(4, 4.9)},
    'unexpected',
  ],
  [
    'an expected grant over residue that may have been gone',
    {...immediate, residue: 'FIN_WAIT2'},
    {...gone, residue: [...seenFinWait2], ...shortLived(4, 5.1)},
    'failed',
  ],
  [
    'an expected grant over residue that was sure to be there',
    {...immediate, residue: 'FIN_WAIT2'},
    {...gone, residue: [...seenFinWait2], ...shortLived(4, 4.9)},
    'as-expected',
  ],
  [
    'a refusal by residue that may have been gone',
    finWait2,
    {residue: [...seenFinWait2], residueTime: [5.1, 9], ...shortLived(4, 5.1)},
    'as-expected',
  ],
  [
    'a refusal where a grant is expected, however late',
    {...immediate, residue: 'FIN_WAIT2'},
    {residue: [...seenFinWait2], residueTime: null, ...shortLived(4, 5.1)},
    'unexpected',
  ],
  [
    'a client that may have come back too late',
    {...immediate, calls: [{...samePort, outcome: 'ECONNREFUSED'}]},
    {...gone, calls: [answered('ECONNREFUSED')], called: {lastsSeconds: 60, tried: 61}},
    'failed',
  ],
  [
    'a client that may have come back too late, and was refused as expected',
    {...immediate, calls: [{...samePort, outcome: 'EADDRNOTAVAIL'}]},
    {...gone, calls: [answered('EADDRNOTAVAIL')], called: {lastsSeconds: 60, tried: 61}},
    'as-expected',
  ],
  [
    'a client that came back in time',
    {...immediate, calls: [{...samePort, outcome: 'ECONNREFUSED'}]},
    {...gone, calls: [answered('connected')], called: {lastsSeconds: 60, tried: 59}},
    'unexpected',
  ],
  [
    'a client without an answer in a run that was held up',
    {...immediate, counts: {unansweredConnections: 0}},
    {...gone, measurements: {unansweredConnections: 1}, heldUpSeconds: 1.5},
    'failed',
  ],
  [
    'a client without an answer in a run that kept up',
    {...immediate, counts: {unansweredConnections: 0}},
    {...gone, measurements: {unansweredConnections: 1}, heldUpSeconds: 0.5},
    'unexpected',
  ],
  [
    'a client that is refused, however long the run was held up',
    {...immediate, counts: {refusedConnections: 0, unansweredConnections: 0}},
    {...gone, measurements: {refusedConnections: 1, unansweredConnections: 1}, heldUpSeconds: 9},
    'unexpected',
  ],
  [
    'an attempt at the limit that came after the release, not after the limit',
    {...delayed, verdict: 'blocked'},
    {residueTime: [1, 70]},
    'failed',
  ],
  [
    'a limit that passed before the port was tried after its release',
    {...delayed, residue: 'LISTEN', residueSeconds: undefined},
    {...listening, bind: neverGranted, residueTime: null, refusedAfterwards: false},
    'failed',
  ],
]

for (const [what, expected, observed, status] of late) {
  const reads = {
    failed: 'cannot be judged',
    unexpected: 'is a contradiction',
    'as-expected': 'is judged',
  }
  test(`${what} ${reads[status]}`, (t) => {
    const judged = judgement(expected, {...base, ...observed})
    t.is(judged.status, status)
    if (judged.status === 'failed') t.regex(judged.reason, /^too slow here: /)
  })
}

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

const nothingLeft: Partial<Observed> = {residue: [], bind: grantedAtOnce, residueTime: null}
const called: Expected = {
  ...immediate,
  residue: 'LISTEN',
  calls: [{...samePort, outcome: 'EADDRINUSE'}],
}
const connected: Partial<Observed> = {
  ...listening,
  ...{bind: null, residueTime: null, calls: [answered('connected')]},
}

for (const [what, expected, seen] of [
  ['a server', delayed, nothingLeft],
  ['a client', called, connected],
] as const) {
  test(`TIME_WAIT of ${what} that is not there, after segments were sent again, cannot be judged`, (t) => {
    const judged = judgement(expected, {...base, ...seen, retransmitted: 2})
    t.like(judged, {status: 'failed'})
    t.regex('reason' in judged ? judged.reason : '', /^too slow here: .*sent again.*RFC 1337/)
  })

  test(`TIME_WAIT of ${what} that is not there, though nothing was sent again, is unexpected`, (t) => {
    t.like(judgement(expected, {...base, ...seen, retransmitted: 0}), {status: 'unexpected'})
    t.like(judgement(expected, {...base, ...seen}), {status: 'unexpected'})
  })
}

test('where packets are dropped, sending again is the story, and excuses nothing', (t) => {
  const measurements = {retransmittedSegments: 3}
  const judged = judgement(delayed, {...base, ...nothingLeft, measurements, retransmitted: 3})
  t.like(judged, {status: 'unexpected'})
})

/** Either the port is granted at once, or not before TIME_WAIT is over. */
const either: Expected = {
  ...{...delayed, rule: 'a/kept'},
  alternatives: [{...immediate, residue: 'none', rule: 'an/ended'}],
}
const eitherSeen: [what: string, Partial<Observed>, Judgement['status'], by: string][] = [
  ['the first', {}, 'as-expected', 'a/kept'],
  ['the other', nothingLeft, 'as-expected', 'an/ended'],
  ['neither', {bind: grantedLate, residueTime: [80, 81]}, 'unexpected', 'a/kept'],
  [
    'one that came too late to be told from the other',
    {...nothingLeft, residue: [...timeWait], met: {lastsSeconds: 60, tried: 61}},
    'failed',
    'a/kept',
  ],
]
for (const [what, seen, status, by] of eitherSeen) {
  test(`of two answers that are possible ${what} is ${status}, and the report says by which rule`, (t) => {
    const judged = judgementOfAny(either, () => ({...base, ...seen}))
    t.is(judged.status, status)
    const {rule, alternatives} = judged.expected
    t.is(rule, by)
    const all = [rule, ...(alternatives ?? []).map((each) => each.rule)]
    t.deepEqual(all.sort(), ['a/kept', 'an/ended'])
  })
}
