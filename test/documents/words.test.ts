import type {Host, Result, ResultBind} from '../../harness/documents/report-schema.ts'
import {
  besidesWords,
  firstErrorWords,
  hostWords,
  residueWords,
  tally,
  verdictWords,
  waitWords,
} from '../../harness/documents/words.ts'
import {printable, withoutRunnerCommands} from '../../harness/text.ts'
import {shortCommand} from '../../harness/why/words.ts'
import {test} from '../declare.ts'

const delayed: ResultBind = {
  verdict: 'delayed',
  waited: true,
  attempts: 3,
  errors: {EADDRINUSE: 2},
  firstError: {code: 'EADDRINUSE', errno: 48, syscall: 'bind', message: 'bind EADDRINUSE'},
  waitSeconds: 61.2344,
  residueSeconds: 62,
  uncertaintySeconds: 0.00123,
}
const immediate: ResultBind = {...delayed, verdict: 'immediate', firstError: null}
const blocked: ResultBind = {...delayed, verdict: 'blocked', waitSeconds: null}

const binds: [
  what: string,
  bind: ResultBind | null,
  error: string,
  verdict: string,
  wait: string,
][] = [
  ['a delay', delayed, 'EADDRINUSE 48', 'delayed', '61.234 s (1.2 ms)'],
  [
    'a delay whose uncertainty is unknown',
    {...delayed, uncertaintySeconds: null},
    'EADDRINUSE 48',
    'delayed',
    '61.234 s',
  ],
  ['an immediate grant', immediate, '-', 'immediate', '0 s'],
  ['no grant within the limit', blocked, 'EADDRINUSE 48', 'blocked', 'not within the limit'],
  [
    'a refusal that was not waited out',
    {...blocked, waited: false},
    'EADDRINUSE 48',
    'refused',
    'not waited',
  ],
  ['no bind to judge', null, '-', '-', '-'],
]

for (const [what, bind, error, verdict, wait] of binds) {
  test(`${what} reads: ${error}, ${verdict}, ${wait}`, (t) => {
    t.deepEqual(
      [firstErrorWords({bind}), verdictWords({bind}), waitWords({bind})],
      [error, verdict, wait],
    )
  })
}

const residues: [words: string, residue: Result['residue']][] = [
  ['not visible', null],
  ['none', []],
  ['server TIME_WAIT', [{endpoint: 'server', state: 'TIME_WAIT', count: 1}]],
  [
    'server 3 TIME_WAIT, client CLOSE_WAIT',
    [
      {endpoint: 'server', state: 'TIME_WAIT', count: 3},
      {endpoint: 'client', state: 'CLOSE_WAIT', count: 1},
    ],
  ],
]

for (const [words, residue] of residues) {
  test(`residue reads: ${words}`, (t) => t.is(residueWords({residue}), words))
}

const hostileTexts: [what: string, text: string, shown: string][] = [
  ['a colour', '\u001b[31mred\u001b[0m', 'red'],
  ['a cleared screen', 'a\u001b[2Jb', 'ab'],
  ['a window title', 'a\u001b]0;owned\u0007b', 'ab'],
  ['a title with spaces', 'a\u001b]0;owned by x\u001b\\b', 'ab'],
  ['another alphabet', 'a\u001b(0b\u001b#8c\u001b7', 'abc'],
  ['a title that is never ended', 'a\u001b]0;b', 'a ]0;b'],
  ['a colour that is never ended', 'a\u001b[31', 'a [31'],
  ['a link', '\u001b]8;;http://example.org\u0007text\u001b]8;;\u0007', 'text'],
  ['a one-byte escape', 'a\u009b31mb', 'ab'],
  ['line breaks', 'one\r\ntwo\u2028three\u0085four', 'one two three four'],
  ['a rubbed-out letter', 'a\b\u007fb', 'a b'],
  ['a line that is turned around', 'a\u202eb\u2066c\u200fd', 'a\ufffdb\ufffdc\ufffdd'],
  ['ordinary letters of any script', 'Grüße, 世界', 'Grüße, 世界'],
]

for (const [what, text, shown] of hostileTexts) {
  test(`${what} is printed as plain text`, (t) => t.is(printable(text), shown))
}

/** Each is what one pattern or another takes for the beginning of a sequence, over and over. */
for (const unit of [';#', '\u001b;#', '\u001b[0;', '\u001b]8;;', '\u001b ', '\u009d']) {
  test(`time is linear in the length of a text of ${JSON.stringify(unit)}`, (t) => {
    const text = `\u001b${unit.repeat(300_000 / unit.length)}`
    const began = process.cpuUsage()
    printable(text)
    shortCommand(text)
    const {user, system} = process.cpuUsage(began)
    t.true((user + system) / 1e6 < 2, `${(user + system) / 1e6} s`)
  })
}

const commands: [what: string, text: string, shown: string][] = [
  ['an old command', 'a ##[error]b', 'a ## [error]b'],
  ['a command', '::error title=a::b', ': :error title=a::b'],
  [
    'a command that a wrapped line would begin with',
    'a  ::stop-commands::b',
    'a  : :stop-commands::b',
  ],
  ['an address of IPv6', 'on :: and ::1 and fe80::a', 'on :: and ::1 and fe80::a'],
]
for (const [what, text, shown] of commands) {
  test(`to GitHub's runner ${what} is shown as ${shown}`, (t) => {
    t.is(withoutRunnerCommands(text), shown)
  })
}

test('a host is named by its stack, or by its operating system where we do not know the stack', (t) => {
  const host: Host = {
    os: 'linux',
    stack: 'gvisor',
    release: '4.4.0',
    arch: 'x64',
    node: '20.19.0',
    libuv: '1.46.0',
    settings: {},
    ci: null,
  }
  t.is(hostWords(host), 'gVisor 4.4.0 x64, Node 20.19.0, libuv 1.46.0')
  const debian = {...host, stack: 'linux', release: '6.1.0-13-amd64', kernel: '6.1.55'} as const
  t.regex(hostWords(debian), /^Linux 6\.1\.0-13-amd64 \(6\.1\.55\) x64,/)
  t.regex(
    hostWords({...debian, release: '6.18.44-fc', kernel: '6.18.44'}),
    /^Linux 6\.18\.44-fc x64,/,
  )
  t.regex(hostWords({...host, os: 'freebsd', stack: 'unknown'}), /^freebsd 4\.4\.0 x64/)
  t.regex(hostWords({...host, label: 'gVisor 20240729'}), /^gVisor 20240729 \(4\.4\.0\) x64, Node/)
  t.regex(hostWords({...host, emulated: true}), / x64, emulated, Node 20/)
})

test('the tally counts each status, also those that did not occur', (t) => {
  const statuses = ['as-expected', 'failed', 'as-expected', 'skipped'] as const
  const results = statuses.map((status) => ({status}) as Result)
  t.is(tally(results), '2 as expected, 0 unexpected, 1 failed, 1 skipped')
})

test('what a client counted and what it was answered is put in words', (t) => {
  const base = {bind: null, residue: null} as unknown as Result
  t.is(besidesWords(base), undefined)
  const measurements = {connections: 20, answersFromSuccessor: 19, resetConnections: 1}
  t.is(
    besidesWords({...base, measurements: {...measurements, longestGapSeconds: 0.0214}}),
    '20 connections, 19 answered by the successor, 1 reset, at most 21 ms from one answer to the next',
  )
  t.is(
    besidesWords({...base, measurements: {releaseSeconds: 61.04, overshootSeconds: 1.9599}}),
    'free after 61.040 s, noticed 1.960 s later',
  )
  const call = {from: 'another port', call: 'bind', localPort: 4000, seconds: 0} as const
  const refused = {...call, outcome: 'EADDRINUSE', errno: 98}
  t.is(besidesWords({...base, calls: [refused]}), 'bind() from another port: EADDRINUSE 98')
  t.is(besidesWords({...base, measurements: {constructor: 1}}), 'constructor 1')
})

test('of several repetitions the spread of the waits is shown', (t) => {
  const repeats = [1, 2, 3].map(() => ({
    status: 'as-expected' as const,
    bind: delayed,
    outageSeconds: 1,
  }))
  const spread = {waitSeconds: [60, 61, 62.05] as [number, number, number]}
  t.is(
    waitWords({
      bind: delayed,
      repeats,
      spread: {...spread, residueSeconds: null, outageSeconds: null},
    }),
    '60.000 to 62.050 s, median 61.000 (3 times)',
  )
})
