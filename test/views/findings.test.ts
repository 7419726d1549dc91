import type {Result, ResultBind} from '../../harness/documents/report-schema.ts'
import type {CommonAdvice} from '../../harness/scenario.ts'
import {findingSentences} from '../../harness/views/findings.ts'
import {scenarios} from '../../scenarios/index.ts'
import {test} from '../declare.ts'

const firstError = {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'refused'}
const delayed: ResultBind = {
  verdict: 'delayed',
  waited: true,
  attempts: 8,
  errors: {EADDRINUSE: 7},
  firstError,
  waitSeconds: 60.52,
  residueSeconds: 61,
  uncertaintySeconds: 0.001,
}
const immediate: ResultBind = {...delayed, verdict: 'immediate', attempts: 1, firstError: null}
const refused: ResultBind = {
  ...delayed,
  verdict: 'blocked',
  waited: false,
  attempts: 1,
  waitSeconds: null,
}
const finWait2: Result['residue'] = [
  {endpoint: 'server', state: 'FIN_WAIT2', count: 1},
  {endpoint: 'client', state: 'TIME_WAIT', count: 1},
]
const timeWait: Result['residue'] = [{endpoint: 'server', state: 'TIME_WAIT', count: 2}]

const atOnce: CommonAdvice['predicts'] = {verdict: 'immediate'}
const late: CommonAdvice['predicts'] = {verdict: 'delayed'}
const inTimeWait: CommonAdvice['predicts'] = {residue: 'TIME_WAIT'}

interface Row {
  what: string
  predicts: CommonAdvice['predicts']
  seen: Partial<Pick<Result, 'bind' | 'residue' | 'expected' | 'status'>>
  says?: string
}

const why = ' Why: so the rule says.'
const rows: Row[] = [
  {
    what: 'a delay contradicts a promise of an immediate grant',
    predicts: atOnce,
    seen: {bind: delayed},
    says: `refused with EADDRINUSE 7 times, and granted after 60.5 s (an-id).${why}`,
  },
  {
    what: 'a single refusal that was not waited out contradicts it, too',
    predicts: atOnce,
    seen: {bind: refused},
    says: `refused with EADDRINUSE (an-id).${why}`,
  },
  {what: 'an immediate grant bears it out', predicts: atOnce, seen: {bind: immediate}},
  {
    what: 'an immediate grant contradicts a predicted delay',
    predicts: late,
    seen: {bind: immediate},
    says: `the port was granted at once (an-id).${why}`,
  },
  {what: 'a refusal bears a predicted delay out', predicts: late, seen: {bind: refused}},
  {
    what: 'another residue at the server contradicts a predicted one, whatever the client has',
    predicts: inTimeWait,
    seen: {residue: finWait2},
    says: 'the residue was server FIN_WAIT2 (an-id).',
  },
  {
    what: 'no residue at all contradicts a predicted one',
    predicts: inTimeWait,
    seen: {residue: []},
    says: 'the residue was none (an-id).',
  },
  {what: 'the predicted residue bears it out', predicts: inTimeWait, seen: {residue: timeWait}},
  {what: 'residue that cannot be seen says nothing', predicts: inTimeWait, seen: {residue: null}},
  {
    what: 'a scenario without a bind says nothing of a verdict',
    predicts: atOnce,
    seen: {bind: null},
  },
  {
    what: 'without rules a sentence gives no reason',
    predicts: late,
    seen: {bind: immediate, expected: null},
    says: 'the port was granted at once (an-id).',
  },
  {
    what: 'a later grant contradicts a promised time',
    predicts: {withinSeconds: 20},
    seen: {bind: delayed},
    says: 'refused with EADDRINUSE 7 times, and granted after 60.5 s (an-id).',
  },
  {
    what: 'an earlier grant bears a promised time out',
    predicts: {withinSeconds: 70},
    seen: {bind: delayed},
  },
  {
    what: 'a wait that was cut short says nothing of a promised time',
    predicts: {withinSeconds: 20},
    seen: {bind: {...refused, residueSeconds: null}},
  },
  {
    what: 'a scenario that failed says nothing',
    predicts: atOnce,
    seen: {bind: delayed, status: 'failed'},
  },
]

for (const {what, predicts, seen, says} of rows) {
  test(what, (t) => {
    const [anyScenario] = Object.values(scenarios)
    if (anyScenario === undefined) return t.fail()
    const result = {
      scenario: 'an-id',
      status: 'as-expected',
      residue: null,
      bind: null,
      expected: {verdict: 'delayed', residue: 'TIME_WAIT', because: 'so the rule says', source: ''},
      ...seen,
    } as Result
    const advised = {'an-id': {...anyScenario, advice: {says: 'They say so.', predicts}}}
    t.deepEqual(
      findingSentences([result], advised),
      says === undefined ? [] : [`"They say so." Not here: ${says}`],
    )
  })
}

test('a scenario without advice, or that is not known, says nothing', (t) => {
  const result = {scenario: 'not-there', status: 'as-expected', bind: delayed} as Result
  t.deepEqual(findingSentences([result], scenarios), [])
})
