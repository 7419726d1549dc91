import {checkFields, reportFields, timingFields} from '../../harness/history/documents.ts'
import {
  measuresOfCheck,
  measuresOfReport,
  measuresOfTiming,
} from '../../harness/history/measures.ts'
import {resultOf} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {realDocuments, recordedReport} from '../documents/documents.ts'

const report = recordedReport()

/** What is followed of the first scenario, if its result had these changes. */
function measureOf(changes: object) {
  const [first] = report.results
  const changed = {...report, results: [{...first, ...changes}]}
  return measuresOfReport(reportFields.parse(changed))
}

const bind = resultOf(report, 'server-closes-first').bind

test('of a wait that the kernel decides, it is how long the residue was kept; of others, what the restart felt', (t) => {
  const [kernel] = measureOf({})
  t.is(kernel?.value, bind?.residueSeconds)
  t.is(kernel?.low, (bind?.residueSeconds ?? 0) - (bind?.uncertaintySeconds ?? 0))
  t.deepEqual(kernel?.expected, [60, 62.052])
  t.deepEqual(kernel?.answers, ['delayed'])
  t.like(kernel, {error: 'EADDRINUSE 98', residue: 'server TIME_WAIT'})
  t.like(measureOf({residue: null})[0], {error: 'EADDRINUSE 98', residue: null})
  t.is(measureOf({residue: []})[0]?.residue, '')
  t.is(measureOf({expected: null})[0]?.value, bind?.waitSeconds)
})

test('what was refused to the end, or not waited for, has an answer and no time', (t) => {
  const blocked = {...bind, verdict: 'blocked', waitSeconds: null, residueSeconds: null}
  t.like(measureOf({bind: blocked})[0], {answers: ['blocked'], value: null})
  t.like(measureOf({bind: {...blocked, waited: false}})[0], {answers: ['refused'], value: null})
  t.like(measureOf({bind: {...bind, verdict: 'immediate', waitSeconds: 0}})[0], {
    ...{answers: ['immediate'], value: 0, high: 0},
  })
})

test('without a bind it is how long clients were not served, and what the calls answered', (t) => {
  const calls = ['connected', 'EADDRINUSE'].map((outcome) => ({outcome}))
  t.like(measureOf({bind: null, outageSeconds: 0.3, calls})[0], {
    ...{value: 0.3, answers: ['connected, EADDRINUSE']},
  })
  const measurements = {longestGapSeconds: 0.2}
  t.like(measureOf({bind: null, outageSeconds: null, measurements})[0], {value: 0.2, answers: []})
})

test('of several times it is the median between all; of what failed or was skipped, nothing', (t) => {
  const repeats = [60, 61, 62].map((residueSeconds) => ({
    ...{status: 'as-expected', bind: {...bind, residueSeconds}, outageSeconds: null},
  }))
  const failed = {status: 'failed', bind: null, outageSeconds: null}
  t.like(measureOf({repeats: [...repeats, failed]})[0], {value: 61, high: 62})
  t.deepEqual(measureOf({status: 'failed'}), [])
  t.deepEqual(measureOf({status: 'skipped', bind: null}), [])
})

test('of several times, the answers are those of all of them', (t) => {
  const played = (verdict: string) => ({
    ...{status: 'as-expected', bind: {...bind, verdict}, outageSeconds: null},
  })
  const repeats = [...Array.from({length: 9}, () => played('delayed')), played('immediate')]
  t.deepEqual(measureOf({repeats})[0]?.answers, ['immediate', 'delayed'])
})

test('of a timing it is the median and the longest', async (t) => {
  const {timing} = await realDocuments()
  const measures = measuresOfTiming(timingFields.parse(timing))
  t.deepEqual(
    measures.map(({subject}) => subject),
    ['timing TIME_WAIT', 'timing TIME_WAIT, longest'],
  )
  t.true((measures[0]?.value ?? 0) < (measures[1]?.value ?? 0))
})

test('of a check it is the outage of its rounds; of a reload, how long nobody listened; of neither, nothing', async (t) => {
  const {check} = await realDocuments()
  const {problem, ...measured} = check as {problem?: unknown; rounds: object[]}
  const of = (changes: object) => measuresOfCheck(checkFields.parse({...measured, ...changes}))
  const rounds = [0.1, 0.3, 0.2].map((outageSeconds) => ({
    ...{...measured.rounds[0], verdict: 'immediate', outageSeconds},
  }))
  t.like(of({rounds, safe: true})[0], {
    ...{subject: 'check 3000: node server.js', value: 0.2, low: 0.1, high: 0.3, answers: ['safe']},
  })
  const trigger = {reloaded: true, withoutListenerSeconds: [0.09, 0.11]}
  t.like(of({rounds: [], trigger, lossless: false})[0], {
    ...{subject: 'reload 3000: node server.js', value: 0.11, low: 0.09, answers: ['lossy']},
  })
  t.like(of({rounds: [], twice: [{verdict: 'shares'}], safe: false})[0], {
    ...{subject: 'second instance 3000: node server.js', value: null, answers: ['not safe']},
  })
  const socket = {path: '/run/a.sock', starts: []}
  t.like(of({rounds: [], socket, port: null, address: '/run/a.sock', safe: true})[0], {
    ...{subject: 'socket /run/a.sock: node server.js', value: null, answers: ['safe']},
  })
  t.deepEqual(of({problem}), [])
  t.deepEqual(of({rounds: []}), [])
  const command = ['node', 'x'.repeat(200)]
  t.is(of({command})[0]?.subject.length, 'check 3000: '.length + 83)
})
