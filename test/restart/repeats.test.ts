import type {Result} from '../../harness/documents/report-schema.ts'
import {mergeRepetitions} from '../../harness/restart/repeats.ts'
import {test} from '../declare.ts'

function result(waitSeconds: number | null, change: Partial<Result> = {}): Result {
  const server = {opener: 'native', bind: 'none', address: '127.0.0.1'} as const
  return {
    scenario: 'server-closes-first',
    title: '',
    claim: '',
    status: 'as-expected',
    predecessor: server,
    successor: server,
    residue: [],
    bind: {
      verdict: waitSeconds === null ? 'blocked' : 'delayed',
      waited: true,
      attempts: 2,
      errors: {EADDRINUSE: 1},
      firstError: null,
      waitSeconds,
      residueSeconds: waitSeconds,
      uncertaintySeconds: 0.001,
    },
    outageSeconds: waitSeconds,
    expected: null,
    timeline: [],
    ...change,
  }
}

test('a scenario that was played once is its own result', (t) => {
  const once = result(61)
  t.is(mergeRepetitions([once]), once)
})

test('the spread is minimum, median and maximum of what was measured', (t) => {
  const odd = mergeRepetitions([result(62), result(60), result(61.5)])
  t.deepEqual(odd.spread?.waitSeconds, [60, 61.5, 62])
  const even = mergeRepetitions([result(62), result(60), result(61.5), result(61)])
  t.deepEqual(even.spread?.waitSeconds, [60, 61.25, 62])
  const some = mergeRepetitions([result(null), result(60)])
  t.deepEqual(some.spread?.outageSeconds, [60, 60, 60])
  t.is(mergeRepetitions([result(null), result(null)]).spread?.waitSeconds, null)
})

test('every repetition is kept, in order, and the first is the result', (t) => {
  const {bind, repeats} = mergeRepetitions([result(62), result(60)])
  t.is(bind?.waitSeconds, 62)
  t.deepEqual(
    repeats?.map((repetition) => repetition.bind?.waitSeconds),
    [62, 60],
  )
})

test('the worst status of all repetitions is the result, with the repetition that had it', (t) => {
  const unexpected = result(60, {status: 'unexpected', reason: 'granted at once'})
  const failed = result(60, {status: 'failed', reason: 'the client was ended'})
  const merged = mergeRepetitions([result(62), failed, unexpected])
  t.is(merged.status, 'unexpected')
  t.is(merged.reason, 'repetition 3 of 3: granted at once')
})
