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
