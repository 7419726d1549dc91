import test from 'ava'
import type {BindAttempt} from '../../harness/processes/messages.ts'
import {overshootOf, summariseAttempts, witnessed} from '../../harness/restart/attempts.ts'

function refused(attempt: number, seconds: number, code = 'EADDRINUSE'): BindAttempt {
  const error = {code, errno: 98, syscall: 'bind', message: `attempt ${attempt}`}
  return {attempt, seconds, outcome: 'refused', error}
}

function granted(attempt: number, seconds: number): BindAttempt {
  return {attempt, seconds, outcome: 'granted'}
}

const appeared = {from: 98, to: 98.5}

test('a first attempt that is granted is immediate: no wait, no uncertainty', (t) => {
  const {bind, grantedAt, residueTime} = summariseAttempts([granted(1, 100)], appeared, true)
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
  t.is(grantedAt, 100)
  t.is(residueTime, null)
})

test('a later grant is delayed: wait from the first attempt, uncertainty from the last refusal', (t) => {
  const attempts = [refused(1, 100), refused(2, 159), refused(3, 160), granted(4, 160.5)]
  const {bind, grantedAt, residueTime} = summariseAttempts(attempts, appeared, true)
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
  t.is(grantedAt, 160.5)
  // At least from its latest appearance to the last refusal; at most from its earliest to the grant.
  t.deepEqual(residueTime, [61.5, 62.5])
})

test('a port that is never granted is blocked, and its residue time has no upper bound', (t) => {
  const {bind, grantedAt, residueTime} = summariseAttempts(
    [refused(1, 100), refused(2, 109)],
    appeared,
    true,
  )
  t.is(bind.verdict, 'blocked')
  t.true(bind.waited)
  t.deepEqual([bind.waitSeconds, bind.residueSeconds, bind.uncertaintySeconds], [null, null, null])
  t.is(grantedAt, null)
  t.deepEqual(residueTime, [10.5, Number.POSITIVE_INFINITY])
})

test('a wait that was cut short is told apart, but a grant has always been waited for', (t) => {
  t.false(summariseAttempts([refused(1, 100)], appeared, false).bind.waited)
  t.true(summariseAttempts([granted(1, 100)], appeared, false).bind.waited)
})

test('without residue there is no residue time', (t) => {
  const {bind, residueTime} = summariseAttempts([refused(1, 1), granted(2, 2)], undefined, true)
  t.is(bind.residueSeconds, null)
  t.is(residueTime, null)
})

test('refusals are counted by their code', (t) => {
  const attempts = [refused(1, 1), refused(2, 2, 'EACCES'), refused(3, 3), granted(4, 4)]
  t.deepEqual(summariseAttempts(attempts, appeared, true).bind.errors, {EADDRINUSE: 2, EACCES: 1})
})

test('a residue that appeared after the last attempt has lasted no negative time', (t) => {
  const later = {from: 200, to: 201}
  t.deepEqual(summariseAttempts([refused(1, 100)], later, true).residueTime, [
    0,
    Number.POSITIVE_INFINITY,
  ])
})

/** A witness that was closed 5 ms after the port, and seen to be free within a millisecond. */
const witness = {
  port: 4000,
  appeared: {from: 99.005, to: 99.006},
  attempts: 1000,
  firstAttemptAt: 99.006,
  lastRefusedAt: 160.2,
  grantedAt: 160.201,
}

test("with a witness the release is what it has shown, and the policy's overshoot is apart", (t) => {
  const attempts = [refused(1, 100), refused(2, 131), granted(3, 163)]
  const {bind, residueTime} = witnessed(summariseAttempts(attempts, appeared, true), witness)
  t.is(bind.waitSeconds, 63)
  t.true(Math.abs((bind.uncertaintySeconds ?? 0) - 0.001) < 1e-9)
  t.true(Math.abs((residueTime?.[0] ?? 0) - (160.2 - 99.006)) < 1e-9)
  t.true(Math.abs((residueTime?.[1] ?? 0) - (160.201 - 99.005)) < 1e-9)
  const {releaseSeconds, overshootSeconds} = overshootOf(attempts, witness)
  t.true(Math.abs((releaseSeconds ?? 0) - 60.201) < 1e-9)
  t.true(Math.abs((overshootSeconds ?? 0) - 2.799) < 1e-9)
})

test('a policy that was not granted, or before its witness was, has no overshoot', (t) => {
  t.is(overshootOf([refused(1, 100)], witness).overshootSeconds, undefined)
  t.is(overshootOf([refused(1, 100), granted(2, 159)], witness).overshootSeconds, undefined)
  t.deepEqual(overshootOf([refused(1, 100)], undefined), {})
})

test('a witness that was not released says nothing', (t) => {
  const summary = summariseAttempts([refused(1, 100)], appeared, true)
  t.is(witnessed(summary, {...witness, grantedAt: null}), summary)
  t.is(witnessed(summary, undefined), summary)
})

test('a refusal tells of the moment at which it was asked for, however late its answer was read', (t) => {
  const late = {...refused(1, 170), askedAt: 150}
  t.deepEqual(summariseAttempts([late, granted(2, 171)], appeared, true).residueTime, [51.5, 73])
})
