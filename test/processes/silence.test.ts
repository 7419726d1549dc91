import {countSilence} from '../../harness/processes/silence.ts'
import {test} from '../declare.ts'

/** How many seconds somebody is waited for, and what is then said of it. */
function waitedFor(isStarved: (second: number) => boolean, owes = true) {
  let second = 0
  const silence = countSilence(() => isStarved(second))
  for (second = 1; second <= 1000; second++) {
    const told = silence.tick(owes)
    if (told !== undefined) return told
  }
  return undefined
}

test('a process that says nothing for half a minute is given up', (t) => {
  t.deepEqual(
    waitedFor(() => false),
    {seconds: 30, starved: false},
  )
})

test('nobody is waited for who owes nothing', (t) => {
  t.is(
    waitedFor(() => false, false),
    undefined,
  )
})

test('seconds in which a process of ours is kept from running do not count, up to a limit', (t) => {
  t.deepEqual(
    waitedFor((second) => second > 10 && second <= 60),
    {seconds: 80, starved: true},
  )
  t.deepEqual(
    waitedFor(() => true),
    {seconds: 304, starved: true},
  )
})

test('a sign of life begins a new count', (t) => {
  const silence = countSilence(() => false)
  const ticks = (count: number) => Array.from({length: count}, () => silence.tick(true))
  t.true(ticks(29).every((told) => told === undefined))
  silence.heard()
  t.true(ticks(29).every((told) => told === undefined))
  t.deepEqual(ticks(1), [{seconds: 30, starved: false}])
})
