import {setFlagsFromString} from 'node:v8'
import {runInNewContext} from 'node:vm'
import test from 'ava'
import {BoundedOutput} from '../../harness/processes/bounded-output.ts'

function pass(...pieces: (string | Buffer)[]): string {
  let text = ''
  const output = new BoundedOutput((passed) => {
    text += passed
  })
  for (const piece of pieces) output.add(Buffer.from(piece))
  output.end()
  return text
}

test('ordinary output is passed on as it is, also when a character comes in two pieces', (t) => {
  const [first, second] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)]
  t.is(pass('a line\n', first, second, ' end'), 'a line\né end')
})

test('of a flood the beginning and the end are passed on, and how much is left out', (t) => {
  const flood = Array.from({length: 2000}, (_, index) => `${index} ${'x'.repeat(998)}\n`)
  const text = pass(...flood, 'EADDRINUSE at last\n')
  t.true(text.length < 90_000)
  t.true(text.startsWith('0 x'))
  t.true(text.endsWith('EADDRINUSE at last\n'))
  const leftOut = Number(/\[(\d+) bytes left out\]/.exec(text)?.[1])
  const marker = `\n[${leftOut} bytes left out]\n`
  const whole = flood.join('').length + 'EADDRINUSE at last\n'.length
  t.is(text.length - marker.length + leftOut, whole)
})

test('the last bytes are the same in whatever pieces a program writes', (t) => {
  const flood = Array.from({length: 30_000}, (_, index) => `${index}\n`).join('')
  const [head, tail] = [flood.slice(0, 64 * 1024), flood.slice(-8 * 1024)]
  const leftOut = flood.length - head.length - tail.length
  for (const size of [3, 7, 1000, 8191, 8192, 8193, 65_536, flood.length]) {
    const count = Math.ceil(flood.length / size)
    const pieces = Array.from({length: count}, (_, i) => flood.slice(i * size, (i + 1) * size))
    t.is(pass(...pieces), `${head}\n[${leftOut} bytes left out]\n${tail}`, `pieces of ${size}`)
  }
})

test('what a program wrote long ago is not kept in memory', (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const outputs = Array.from({length: 100}, () => new BoundedOutput(() => undefined))
  collect()
  const before = process.memoryUsage().arrayBuffers
  const chunkBytes = 1024 * 1024
  for (const output of outputs) output.add(Buffer.alloc(chunkBytes))
  collect()
  const kept = process.memoryUsage().arrayBuffers - before
  // Buffers are given back by a thread of V8's, which may be behind by some chunks, but not by half of them.
  t.true(kept < (outputs.length * chunkBytes) / 2, `${kept} bytes are kept`)
  for (const output of outputs) output.end()
})
