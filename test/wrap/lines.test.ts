import {openLines} from '../../harness/wrap/lines.ts'
import {test} from '../declare.ts'

const line = 'Error: listen EADDRINUSE: address already in use 127.0.0.1:8080\n'

/** All that comes out of these chunks: the bytes, and where a port is named, how many bytes were before. */
function passed(chunks: readonly (Buffer | string)[]) {
  const lines = openLines()
  let bytes = Buffer.alloc(0)
  const found: [at: number, port: number | null, path: string | null][] = []
  for (const chunk of chunks) {
    for (const piece of lines.pieces(Buffer.from(chunk))) {
      bytes = Buffer.concat([bytes, piece.bytes])
      if (piece.named !== undefined) found.push([bytes.length, piece.named.port, piece.named.path])
    }
  }
  const last = lines.end()
  if (last !== undefined) found.push([bytes.length, last.port, last.path])
  return {bytes, found}
}

test('a message is found wherever it is split, and its line is passed on before', (t) => {
  const text = `before\n${line}after\n`
  for (let at = 0; at <= text.length; at++) {
    const {bytes, found} = passed([text.slice(0, at), text.slice(at)])
    t.is(bytes.toString(), text)
    t.deepEqual(found, [[`before\n${line}`.length, 8080, null]], `split at ${at}`)
  }
})

test('it is found byte by byte, in colours, without a line end, and in a path of any letters', (t) => {
  t.is(passed([...line]).found.length, 1)
  t.deepEqual(
    passed([`\u001b[31m${line.replace('already', '\u001b[1malready\u001b[0m')}`]).found[0]?.[1],
    8080,
  )
  t.deepEqual(passed([line.trim()]).found, [[line.length - 1, 8080, null]])
  const path = passed(['listen unix /tmp/ä.sock: bind: address already in use\n']).found[0]?.[2]
  t.is(path, '/tmp/ä.sock')
})

test('all bytes are passed on as they were, whatever they are', (t) => {
  const all = Buffer.from(Array.from({length: 70_000}, (_, index) => (index * 7919) % 256))
  t.true(passed([all.subarray(0, 33_333), all.subarray(33_333)]).bytes.equals(all))
})

test('it is found at any place of an endless line, and little of that is kept', (t) => {
  const before = process.memoryUsage().heapUsed
  const chunk = ' x '.repeat(20_000)
  const {found} = passed([
    ...Array.from({length: 50}, () => chunk),
    line.trim(),
    ...Array.from({length: 50}, () => chunk),
  ])
  t.is(found.length, 1)
  t.is(found[0]?.[1], 8080)
  t.true(process.memoryUsage().heapUsed - before < 100_000_000)
})

test('two lines of one chunk are two', (t) => {
  const {found} = passed([line + line.replace('8080', '8081')])
  t.deepEqual(
    found.map(([, port]) => port),
    [8080, 8081],
  )
})
