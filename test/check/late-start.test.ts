import test from 'ava'
import {howLate} from '../../harness/check/late-start.ts'

const firstSeconds = 0.2

test('a start in its usual time is not late, whatever it wrote', (t) => {
  t.is(howLate({firstSeconds, seconds: 0.6, afterWordsSeconds: 0.5}), undefined)
  t.is(howLate({firstSeconds, seconds: 0.9, afterWordsSeconds: undefined}), undefined)
})

test('a server that listens a while after it named the error is late sooner than a silent one', (t) => {
  t.deepEqual(howLate({firstSeconds, seconds: 0.7, afterWordsSeconds: 0.5}), {
    saidSo: true,
    byFar: false,
  })
  t.is(howLate({firstSeconds, seconds: 0.7, afterWordsSeconds: undefined}), undefined)
  t.deepEqual(howLate({firstSeconds, seconds: 1, afterWordsSeconds: undefined}), {
    saidSo: false,
    byFar: false,
  })
})

test('words at the moment of listening, or after it, say nothing', (t) => {
  t.is(howLate({firstSeconds, seconds: 0.7, afterWordsSeconds: 0.01}), undefined)
  t.false(howLate({firstSeconds, seconds: 20, afterWordsSeconds: -1})?.saidSo ?? true)
})

test('only a start that is longer than any usual one is late by far', (t) => {
  t.true(howLate({firstSeconds, seconds: 5.7, afterWordsSeconds: undefined})?.byFar)
})
