import {monotonicSeconds} from '../harness/clock.ts'
import {
  countRunning,
  isStarved,
  nothingRan,
  openRunningClock,
  openRunningTime,
  watchStarvation,
} from '../harness/starvation.ts'
import {test} from './declare.ts'

const waits = (...seconds: number[]) => new Map(seconds.map((each, index) => [index + 1, each]))

test('a process that waited for a processor most of the time is starved, and one that ran is not', (t) => {
  t.true(isStarved(waits(5, 5), waits(5.1, 5.7), 1))
  t.false(isStarved(waits(5, 5), waits(5.1, 5.4), 1))
})

test('what a process waited before it was looked at does not count', (t) => {
  t.false(isStarved(new Map(), waits(60), 1))
})

test('who has not been looked at twice starves nobody, nor does a process that is not there', (t) => {
  const starves = watchStarvation(() => [process.pid, 2 ** 30])
  t.false(starves())
})

test('time in which nobody was starved passes as usual', (t) => {
  t.false(openRunningTime(60, () => [process.pid])())
  t.true(openRunningTime(0, () => [process.pid])())
})

test('of nobody who is kept from running all seconds count, and none is too many', (t) => {
  const clock = openRunningClock(() => [2 ** 30])
  const first = clock.seconds()
  const began = monotonicSeconds()
  while (monotonicSeconds() < began + 0.02);
  t.true(clock.seconds() - first >= 0.02, 'each moment counts, not only whole steps')
  t.false(clock.isOverdrawn())
})

test('what somebody waits does not count, also where it is told when that is over', (t) => {
  const steps = [
    {passed: 1, waited: 0, ran: 1, starved: 0},
    {passed: 1, waited: 0.5, ran: 1.5, starved: 0.5},
    {passed: 1, waited: 0, ran: 2.5, starved: 0.5},
    {passed: 1, waited: 2, ran: 2.5, starved: 1.5},
    {passed: 2, waited: 0, ran: 3.5, starved: 2.5},
  ]
  let count = nothingRan
  for (const {passed, waited, ...expected} of steps) {
    count = countRunning(count, passed, waited)
    t.like(count, expected)
  }
})
