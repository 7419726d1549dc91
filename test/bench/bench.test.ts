import test from 'ava'
import {bench} from '../../harness/bench/bench.ts'
import {binds} from '../../harness/bench/binds.ts'
import {CannotMeasure, type Part, rowOf} from '../../harness/bench/part.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {missingProgram, testUnless} from '../commands/cli.ts'

const base = {id: 'a-run', command: [], tell: () => undefined}
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

testUnless(
  nativeOpenerProblem() ?? missingProgram('cc') ?? missingProgram('python3'),
  'attempts are measured through the native opener, from C and from Python, refused and granted',
  async (t) => {
    const {parts} = await bench({...base, signal, quick: true, parts: [partOf('binds', binds)]})
    const [part] = parts
    t.is(part?.reason, undefined)
    const rows = part?.rows ?? []
    t.true(rows.some(({what}) => what.startsWith('refused over TIME_WAIT')))
    t.true(rows.some(({what}) => what.startsWith('granted over TIME_WAIT')))
    for (const {what, ours, baseline, ratio, reason} of rows) {
      t.true((ours ?? 0) > 0 && (baseline?.value ?? 0) > 0 && (ratio ?? 0) > 0, what)
      t.is(reason, undefined)
    }
  },
)

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
