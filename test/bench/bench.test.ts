import {bench} from '../../harness/bench/bench.ts'
import {CannotMeasure, type Part, rowOf} from '../../harness/bench/part.ts'
import {test} from '../declare.ts'

const base = {command: [], tell: () => undefined}
const {signal} = new AbortController()

function partOf(name: string, measure: Part['measure']): Part {
  return {number: 1, name, title: name, measure}
}

const missed = rowOf({
  what: 'slow',
  unit: 'seconds',
  ours: 2,
  target: {of: 'ours', atMost: 1},
})

test('no target is met, or missed, by a measurement of less', async (t) => {
  const parts = [partOf('slow', async () => ({how: 'One.', rows: [missed]}))]
  t.is((await bench({...base, signal, quick: false, parts})).parts[0]?.rows[0]?.met, false)
  t.is((await bench({...base, signal, quick: true, parts})).parts[0]?.rows[0]?.met, null)
})

test('a part that cannot be measured says why, and keeps no other from it', async (t) => {
  const parts = [
    partOf('impossible', async () => {
      throw new CannotMeasure('there is no such thing here')
    }),
    partOf('slow', async () => ({how: 'One.', rows: [missed]})),
  ]
  const document = await bench({...base, signal, quick: false, parts})
  t.deepEqual(
    document.parts.map(({name, reason, rows}) => [name, reason, rows.length]),
    [
      ['impossible', 'there is no such thing here', 0],
      ['slow', undefined, 1],
    ],
  )
})

test('an interruption ends the part that is measured, and begins no other', async (t) => {
  const controller = new AbortController()
  const parts = [
    partOf('interrupted', async ({signal}) => {
      controller.abort('SIGINT')
      signal.throwIfAborted()
      return {how: '', rows: []}
    }),
    partOf('never', async () => ({how: '', rows: []})),
  ]
  const document = await bench({...base, signal: controller.signal, quick: false, parts})
  t.is(document.run.interrupted, 'SIGINT')
  t.deepEqual(
    document.parts.map(({name, reason}) => [name, reason]),
    [['interrupted', 'interrupted']],
  )
})

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
