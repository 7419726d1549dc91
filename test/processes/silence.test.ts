import {countSilence} from '../../harness/processes/silence.ts'
import {test} from '../declare.ts'

const awake = () => false

test('only the silence of a process that owes an answer counts', (t) => {
  const silence = countSilence(awake)
  for (let second = 0; second < 60; second++) t.is(silence.tick(false), undefined)
  t.is(silence.tick(true), undefined, 'it was asked just now')
})

test('a process that owes an answer for half a minute is silent', (t) => {
  const silence = countSilence(awake)
  for (let second = 1; second < 30; second++) t.is(silence.tick(true), undefined)
  t.deepEqual(silence.tick(true), {seconds: 30, starved: false})
})

test('whatever it says begins the count again', (t) => {
  const silence = countSilence(awake)
  for (let second = 1; second < 30; second++) silence.tick(true)
  silence.heard()
  t.is(silence.tick(true), undefined)
})
