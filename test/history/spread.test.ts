import fc from 'fast-check'
import {findMove, levelOf, spreadOf} from '../../harness/history/spread.ts'
import {test} from '../declare.ts'
import {around} from './records.ts'

const timed = (values: readonly number[]) =>
  values.map((value) => ({value, low: value - 0.001, high: value}))

test('a level that changes is found at the run with which it began', (t) => {
  t.is(findMove(timed([...around(61, 20), ...around(30, 20)])), 20)
  t.is(findMove(timed([...around(61, 200), ...around(30, 5)])), 200)
  t.is(findMove(timed([...around(61, 5), ...around(30, 200)])), 5)
})

test('what is older than the newest three thousand does not decide, and the place is still right', (t) => {
  t.is(findMove(timed([...around(5, 5000), ...around(61, 2990), ...around(30, 10)])), 7990)
})

test('neither single outliers nor what varies as always is a move', (t) => {
  t.is(findMove(timed(around(61, 100))), undefined)
  t.is(findMove(timed(around(61, 100).map((value, at) => (at % 17 === 3 ? 75 : value)))), undefined)
  t.is(findMove(timed([...around(61, 30), 30, 30, 30, 30])), undefined)
})

test('with fewer than ten runs there are too few to say', (t) => {
  t.is(findMove(timed([61, 61, 61, 61, 30, 30, 30, 30, 30])), undefined)
  t.is(findMove(timed([61, 61, 61, 61, 61, 30, 30, 30, 30, 30])), 5)
})

test('what a busy machine explains is not a move, whatever the measured spread', (t) => {
  const still = Array<number>(20).fill(0)
  t.is(findMove(timed([...still, ...still.map(() => 0.019)])), undefined)
  t.is(findMove(timed([...still, ...still.map(() => 0.03)])), 20)
})

test('a level that often occurred before is not new', (t) => {
  const mixed = Array.from({length: 60}, (_, index) => (index % 6 === 0 ? 62 : 60))
  t.is(findMove(timed([...mixed, 62, 62, 62, 62, 62])), undefined)
})

test('one run in three that was held up does not widen the spread beyond the others', (t) => {
  const values = around(61, 30).map((value, at) => (at % 3 === 0 ? value + 40 : value))
  t.true(spreadOf(timed(values)) < 6)
  t.is(levelOf([]), null)
})

test('no times, however they lie, make a move of what came in another order only', (t) => {
  fc.assert(
    fc.property(fc.array(fc.double({min: 0, max: 100, noNaN: true}), {maxLength: 60}), (values) => {
      const move = findMove(timed(values))
      t.true(move === undefined || (move >= 5 && values.length - move >= 5))
    }),
  )
})
