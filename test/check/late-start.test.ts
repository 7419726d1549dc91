import {
  howLate,
  isKnown,
  isStarting,
  mayBeLate,
  surelyLate,
} from '../../harness/check/late-start.ts'
import {test} from '../declare.ts'

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

const afterWordsSeconds = undefined

test('where the first start was itself held up, a start that is long beside what it surely took may be late', (t) => {
  // What the first start waited for a processor would make a second one of 4.1 s look usual.
  const first = {atLeastSeconds: 0.4, startupSeconds: 2.1}
  const starts = {first, tookSeconds: 4.1, unknownSeconds: 0.1, afterWordsSeconds}
  t.truthy(mayBeLate(starts))
  t.is(surelyLate(starts), undefined)
  t.false(isKnown(starts))
})

test('a start in its usual time is not late, though a look came a moment late', (t) => {
  const first = {atLeastSeconds: 0.25, startupSeconds: 0.3}
  const starts = {first, tookSeconds: 0.4, unknownSeconds: 0.05, afterWordsSeconds}
  t.is(mayBeLate(starts), undefined)
  t.true(isKnown(starts))
})

test('a start that took long beside the longest first start is late', (t) => {
  const first = {atLeastSeconds: 0.25, startupSeconds: 0.3}
  t.truthy(surelyLate({first, tookSeconds: 1.5, unknownSeconds: 0.1, afterWordsSeconds}))
})

test('a start that the limit cut off had not failed yet, if it ran no longer than a start may', (t) => {
  const patienceSeconds = 1
  t.true(isStarting({ranSeconds: 0.9, starved: 0, patienceSeconds}))
  t.false(isStarting({ranSeconds: 1.7, starved: 0, patienceSeconds}))
  t.true(isStarting({ranSeconds: 1.7, starved: 0.8, patienceSeconds}))
})

test('words are held against the moment from which it may have listened unseen', (t) => {
  const first = {atLeastSeconds: firstSeconds, startupSeconds: firstSeconds}
  const starts = {first, tookSeconds: 2, afterWordsSeconds: 0.4}
  t.true(surelyLate({...starts, unknownSeconds: 0})?.saidSo)
  t.false(surelyLate({...starts, unknownSeconds: 0.3})?.saidSo)
})
