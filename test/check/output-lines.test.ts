import {collectLines} from '../../harness/check/output-lines.ts'
import {test} from '../declare.ts'

const namesPort = [
  'Error: listen EADDRINUSE: address already in use :::3000',
  'OSError: [Errno 98] Address already in use',
  'OSError: [Errno 48] Address already in use',
  'listen tcp 127.0.0.1:80: bind: address already in use',
  'java.net.BindException: Address already in use (Bind failed)',
  'bind() to 0.0.0.0:80 failed (98: Address already in use)',
  'Failed to listen on 127.0.0.1:80 (reason: Address already in use)',
  'called `Result::unwrap()` on an `Err` value: Os { code: 98, kind: AddrInUse, message: "Address in use" }',
  'bind failed: os error 98',
  'Could not create server TCP listening socket *:6379: bind: Address already in use',
]
for (const line of namesPort) {
  test(`"${line}" names the port as the error`, (t) => {
    const lines = collectLines()
    lines.add(`starting\n${line}\nbye\n`)
    t.true(lines.namesAddressInUse())
    t.deepEqual(lines.errorLines(), [line])
  })
}

for (const line of ['listening on port 9800', 'took 98 ms', 'error: no such file (2)']) {
  test(`"${line}" does not`, (t) => {
    const lines = collectLines()
    lines.add(line)
    t.false(lines.namesAddressInUse())
  })
}

test('a line that comes in pieces is found, and an endless one costs no more than its beginning', (t) => {
  const lines = collectLines()
  for (const piece of ['Error: EADDR', 'IN', 'USE\n']) lines.add(piece)
  t.deepEqual(lines.errorLines(), ['Error: EADDRINUSE'])
  const endless = collectLines()
  for (let index = 0; index < 1000; index++) endless.add('x'.repeat(1000))
  t.true((endless.errorLines()[0]?.length ?? 0) <= 500)
})

test('without a line that names an error the last ones are shown', (t) => {
  const lines = collectLines()
  lines.add(Array.from({length: 20}, (_, index) => `line ${index}\n`).join(''))
  t.deepEqual(lines.errorLines(), ['line 15', 'line 16', 'line 17', 'line 18', 'line 19'])
})

const others: [what: string, text: string][] = [
  ['another port', 'listen EADDRINUSE: address already in use :::3999\n'],
  [
    'another port, in many lines',
    "Error: listen EADDRINUSE: address already in use :::3999\n  code: 'EADDRINUSE',\n  port: 3999\n",
  ],
  ['another port, in its last line', 'BindException: Address already in use\nport 3999 in use'],
  ['a path', 'listen EADDRINUSE: address already in use /tmp/app.sock\n'],
]
for (const [what, text] of others) {
  test(`words about ${what} say nothing of the server's own`, (t) => {
    const lines = collectLines()
    lines.add(text, 5)
    t.true(lines.namesAddressInUse())
    t.false(lines.namesAddressInUse([3000]))
    t.is(lines.namedAddressInUseAt([3000]), undefined)
    t.regex(lines.errorLines().join(), /in use/)
  })
}

test('the first words about one of the ports are remembered, with their time, however the text comes', (t) => {
  const lines = collectLines()
  lines.add(
    'listen EADDRINUSE: address already in use :::3999\nlisten EADDRINUSE: address already',
    1,
  )
  t.false(lines.namesAddressInUse([3000]))
  lines.add(' in use :::3000\n', 2)
  lines.add('listen EADDRINUSE: address already in use :::3000\n', 3)
  t.is(lines.namedAddressInUseAt([80, 3000]), 2)
  t.is(lines.namedAddressInUseAt(), 1)
})
