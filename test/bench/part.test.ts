import test from 'ava'
import {rowOf} from '../../harness/bench/part.ts'

test('a ratio says how many times the baseline takes, of times and of rates alike', (t) => {
  const baseline = (value: number) => ({what: 'C', value})
  t.is(rowOf({what: 'a', unit: 'seconds', ours: 3, baseline: baseline(2)}).ratio, 1.5)
  t.is(rowOf({what: 'a', unit: 'per-second', ours: 200, baseline: baseline(300)}).ratio, 1.5)
  t.is(rowOf({what: 'a', unit: 'bytes', ours: 300, baseline: baseline(200)}).ratio, 1.5)
})

test('a target is met up to its bound, and judged of what it is about', (t) => {
  const row = {what: 'a', unit: 'seconds', ours: 3, baseline: {what: 'C', value: 2}} as const
  t.is(rowOf({...row, target: {of: 'ratio', atMost: 1.5}}).met, true)
  t.is(rowOf({...row, target: {of: 'ratio', atMost: 1.4}}).met, false)
  t.is(rowOf({...row, target: {of: 'ours', atMost: 3}}).met, true)
  t.is(rowOf({...row, target: {of: 'ours', atMost: 2}}).met, false)
})

test('what was not measured meets no target and misses none', (t) => {
  const target = {of: 'ratio', atMost: 1.5} as const
  const missing = {what: 'C', value: null}
  for (const row of [
    rowOf({what: 'a', unit: 'seconds', ours: 3, baseline: missing, target, reason: 'no cc'}),
    rowOf({what: 'a', unit: 'seconds', ours: null, baseline: {what: 'C', value: 2}, target}),
    rowOf({what: 'a', unit: 'seconds', ours: 3, target}),
  ]) {
    t.is(row.ratio, null)
    t.is(row.met, null)
  }
})
