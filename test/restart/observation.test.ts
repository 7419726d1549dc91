import {overshootOf, summarise, witnessed} from '../../harness/restart/attempts.ts'
import {type RestartEvent, restartEventSchema, type Timed} from '../../harness/restart/events.ts'
import {
  fold,
  nothingYet,
  type Observation,
  residueAppeared,
  socketsLeft,
} from '../../harness/restart/observation.ts'
import {openRecording} from '../../harness/restart/recording.ts'
import {test} from '../declare.ts'

function folded(...events: Timed<RestartEvent>[]): Observation {
  return events.reduce(fold, nothingYet)
}

function refused(attempt: number, seconds: number, code = 'EADDRINUSE'): Timed<RestartEvent> {
  const error = {code, errno: 98, syscall: 'bind', message: `attempt ${attempt}`}
  return {event: 'bind-attempt', attempt, seconds, outcome: 'refused', ...error}
}

function granted(attempt: number, seconds: number): Timed<RestartEvent> {
  return {event: 'bind-attempt', attempt, seconds, outcome: 'granted'}
}

const appeared = {from: 98, to: 98.5}
const attemptsOf = (...events: Timed<RestartEvent>[]) => folded(...events).attempts
const near = (one: number | null | undefined, other: number) =>
  Math.abs((one ?? Number.NaN) - other) < 1e-9

test('a first attempt that is granted is immediate: no wait, no uncertainty', (t) => {
  const {bind, residueTime} = summarise(attemptsOf(granted(1, 100)), appeared, true)
  t.deepEqual(bind, {
    verdict: 'immediate',
    waited: true,
    attempts: 1,
    errors: {},
    firstError: null,
    waitSeconds: 0,
    residueSeconds: 2,
    uncertaintySeconds: 0,
  })
  t.is(residueTime, null)
})

test('a later grant is delayed: wait from the first attempt, uncertainty from the last refusal', (t) => {
  const attempts = attemptsOf(
    ...[refused(1, 100), refused(2, 159), refused(3, 160), granted(4, 160.5)],
  )
  const {bind, residueTime} = summarise(attempts, appeared, true)
  t.deepEqual(bind, {
    verdict: 'delayed',
    waited: true,
    attempts: 4,
    errors: {EADDRINUSE: 3},
    firstError: {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'attempt 1'},
    waitSeconds: 60.5,
    residueSeconds: 62.5,
    uncertaintySeconds: 0.5,
  })
  // At least from its latest appearance to the last refusal; at most from its earliest to the grant.
  t.deepEqual(residueTime, [61.5, 62.5])
})

test('a refusal bounds the residue by when it was asked for, not by when its answer was read', (t) => {
  const late = {...refused(1, 100), tookSeconds: 7} as Timed<RestartEvent>
  const {residueTime} = summarise(attemptsOf(late, granted(2, 160)), appeared, true)
  t.deepEqual(residueTime, [0, 62])
})

test('a port that is never granted is blocked, and its residue time has no upper bound', (t) => {
  const {bind, residueTime} = summarise(
    attemptsOf(refused(1, 100), refused(2, 109)),
    appeared,
    true,
  )
  t.is(bind.verdict, 'blocked')
  t.true(bind.waited)
  t.deepEqual([bind.waitSeconds, bind.residueSeconds, bind.uncertaintySeconds], [null, null, null])
  t.deepEqual(residueTime, [10.5, Number.POSITIVE_INFINITY])
})

test('a wait that was cut short is told apart, but a grant has always been waited for', (t) => {
  t.false(summarise(attemptsOf(refused(1, 100)), appeared, false).bind.waited)
  t.true(summarise(attemptsOf(granted(1, 100)), appeared, false).bind.waited)
})

test('without residue there is no residue time', (t) => {
  const {bind, residueTime} = summarise(attemptsOf(refused(1, 1), granted(2, 2)), undefined, true)
  t.is(bind.residueSeconds, null)
  t.is(residueTime, null)
})

test('refusals are counted by their code', (t) => {
  const events = [refused(1, 1), refused(2, 2, 'EACCES'), refused(3, 3), granted(4, 4)]
  t.deepEqual(attemptsOf(...events).errors, {EADDRINUSE: 2, EACCES: 1})
})

test('a residue that appeared after the last attempt has lasted no negative time', (t) => {
  const {residueTime} = summarise(attemptsOf(refused(1, 100)), {from: 200, to: 201}, true)
  t.deepEqual(residueTime, [0, Number.POSITIVE_INFINITY])
})

/** A witness that was closed 5 ms after the port, and seen to be free within a millisecond. */
const release: Timed<RestartEvent> = {
  event: 'release',
  attempts: 1000,
  residueSeconds: [160.2 - 99.006, 160.201 - 99.005],
  uncertaintySeconds: 0.001,
  seconds: 160.201,
}

test("with a witness the release is what it has shown, and the policy's overshoot is apart", (t) => {
  const events = [refused(1, 100), refused(2, 131), release, granted(3, 163)]
  const {attempts, released} = folded(...events)
  const {bind, residueTime} = witnessed(summarise(attempts, appeared, true), released)
  t.is(bind.waitSeconds, 63)
  t.true(near(bind.uncertaintySeconds, 0.001))
  t.true(near(residueTime?.[0], 160.2 - 99.006))
  t.true(near(residueTime?.[1], 160.201 - 99.005))
  const {releaseSeconds, overshootSeconds} = overshootOf(attempts, released)
  t.true(near(releaseSeconds, 60.201))
  t.true(near(overshootSeconds, 2.799))
})

test('a policy that was not granted, or before its witness was, has no overshoot', (t) => {
  const {released} = folded(release)
  t.is(overshootOf(attemptsOf(refused(1, 100)), released).overshootSeconds, undefined)
  const early = attemptsOf(refused(1, 100), granted(2, 159))
  t.is(overshootOf(early, released).overshootSeconds, undefined)
  t.deepEqual(overshootOf(attemptsOf(refused(1, 100)), undefined), {})
})

test('a witness that was not released says nothing', (t) => {
  const {released} = folded({...release, residueSeconds: [61, null]})
  const summary = summarise(attemptsOf(refused(1, 100)), appeared, true)
  t.is(witnessed(summary, released), summary)
  t.is(witnessed(summary, undefined), summary)
})

test('the residue appeared with the last step that changed the connection, else with the listener', (t) => {
  const listening = {event: 'listening', port: 1, tookSeconds: 0.5, seconds: 2} as const
  t.deepEqual(residueAppeared(folded(listening)), {from: 1.5, to: 2})
  const close = {event: 'step', step: 'server.close', tookSeconds: 1, seconds: 9} as const
  t.deepEqual(residueAppeared(folded(listening, {...close, wire: true}, {...close, seconds: 12})), {
    from: 8,
    to: 9,
  })
})

test('accepting stops at the first step that ends it', (t) => {
  const exit = {event: 'step', step: 'x', tookSeconds: 1, seconds: 3, stopsAccepting: true} as const
  t.deepEqual(folded(exit, {...exit, seconds: 8}).stoppedAccepting, {from: 2, to: 3})
})

test('what was left is what was looked at; a log that does not tell shows it by the states until then', (t) => {
  const timeWait = {endpoint: 'server', socket: 'connection', state: 'TIME_WAIT'} as const
  const seen = {event: 'state', seconds: 1, connection: 1, ...timeWait} as const
  const gone = {...seen, seconds: 70, state: 'CLOSED'} as const
  const residue = [{endpoint: 'server', state: 'TIME_WAIT', count: 1}]
  t.deepEqual(folded(seen, refused(1, 2), gone).residue, residue)
  t.is(folded({event: 'residue', seconds: 2, residue: null}, seen, refused(1, 3)).residue, null)
  t.deepEqual(socketsLeft(folded(seen).timeline), residue)
  t.deepEqual(socketsLeft(folded(seen, gone).timeline), [])
})

test("a timer that is told of again in the same state has been restarted; another end's has not", (t) => {
  const end = {event: 'state', socket: 'connection', connection: 1, seconds: 1} as const
  const timeWait = {...end, endpoint: 'server', state: 'TIME_WAIT', expiresInSeconds: 60} as const
  t.is(folded(timeWait).timerRestarts, 0)
  t.is(folded(timeWait, {...timeWait, endpoint: 'client'}).timerRestarts, 0)
  t.is(folded(timeWait, {...timeWait, endpoint: 'client'}, timeWait).timerRestarts, 1)
})

test('when the story begins again nothing of before counts', (t) => {
  const again = {event: 'warning', message: 'not reproduced', round: 1, seconds: 5} as const
  t.is(folded(refused(1, 1), again), nothingYet)
  t.is(folded(refused(1, 1), {event: 'warning', message: 'x', seconds: 2}).attempts.count, 1)
})

test('a recording forwards each event once, with its moment, and folds it before', async (t) => {
  const told: Timed<RestartEvent>[] = []
  const recording = openRecording(1000, (event) => {
    told.push(event)
    t.is(recording.observation().attempts.count, told.length)
  })
  const two = recording.until(({attempts}) => attempts.count === 2)
  recording.append({event: 'bind-attempt', attempt: 1, outcome: 'refused', code: 'X'}, 1001)
  recording.append({event: 'bind-attempt', attempt: 2, outcome: 'granted'}, 1002.5)
  await two
  t.deepEqual(
    told.map(({seconds}) => seconds),
    [1, 2.5],
  )
  t.is(recording.observation().attempts.grantedAt, 2.5)
})

test('an event that was written is read back as the same event', (t) => {
  for (const event of [refused(1, 2), granted(2, 3), release]) {
    t.deepEqual(restartEventSchema.parse(JSON.parse(JSON.stringify(event))), event)
  }
})
