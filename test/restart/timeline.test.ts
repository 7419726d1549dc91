import type {TimelineEntry} from '../../harness/documents/report-schema.ts'
import {Timeline} from '../../harness/restart/timeline.ts'
import {test} from '../declare.ts'

function change(connection: number, state: TimelineEntry['state']): TimelineEntry {
  return {seconds: 0, endpoint: 'server', socket: 'connection', connection, state}
}

test('a timeline that was added to stays as it was, and both can be added to', (t) => {
  const one = change(1, 'ESTABLISHED')
  const two = change(1, 'FIN_WAIT1')
  const three = change(1, 'TIME_WAIT')
  const four = change(1, 'CLOSED')
  const first = Timeline.empty.add(one).timeline
  const left = first.add(two)
  const right = first.add(three)
  t.is(left.before, one)
  t.is(right.before, one)
  t.deepEqual([...first], [one])
  t.deepEqual([...left.timeline], [one, two])
  t.deepEqual([...right.timeline], [one, three])
  t.is(left.timeline.add(four).before, two)
  t.is(right.timeline.add(four).before, three)
  t.deepEqual([...Timeline.empty], [])
})

test('the entry before is the last one of the same end of the same connection', (t) => {
  const {timeline} = Timeline.empty.add(change(1, 'ESTABLISHED'))
  t.is(timeline.add(change(2, 'ESTABLISHED')).before, undefined)
  t.is(timeline.add({...change(1, 'CLOSE_WAIT'), endpoint: 'client'}).before, undefined)
})

test('a hundred thousand changes, each of another connection, cost no more than their number', (t) => {
  const began = performance.now()
  let {timeline} = Timeline.empty.add(change(0, 'TIME_WAIT'))
  for (let connection = 1; connection < 100_000; connection++) {
    timeline = timeline.add(change(connection, 'TIME_WAIT')).timeline
  }
  t.is(timeline.length, 100_000)
  // 0.1 s here; copied each time, it was a minute.
  t.true(performance.now() - began < 10_000)
})
