import type {CheckDocument} from '../../harness/documents/check-schema.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {checkView} from '../../harness/views/check.ts'
import {test} from '../declare.ts'

const hostile = '\u001b[2J\u001b]0;title\u0007<script>alert(1)</script>|`x`\r\n# heading'

/** As it may come from a server that writes what it likes. */
const document: CheckDocument = {
  format: 'rebind-check',
  version: 1,
  host: {
    os: 'linux',
    stack: 'linux',
    release: hostile,
    arch: 'x64',
    node: '20.19.0',
    libuv: '1.46.0',
    settings: {},
    ci: null,
  },
  command: ['node', hostile],
  port: 3000,
  address: '127.0.0.1',
  stop: 'SIGTERM',
  safe: false,
  runtime: 'Node',
  reuseaddr: {set: null, because: 'nothing was in the way'},
  rounds: [
    {
      startupSeconds: 0.1,
      exitSeconds: 10.01,
      exitedBy: 'SIGKILL',
      exitStatus: null,
      exitSignal: 'SIGKILL',
      stopTimedOut: true,
      connections: {open: 1, accepted: 1, reset: 0},
      residue: [{endpoint: 'server', state: 'TIME_WAIT', count: 3}],
      verdict: 'delayed',
      attempts: 3,
      outageSeconds: 1.5,
      waitSeconds: 1.25,
      refusedConnections: 120,
      failedConnections: 2,
      errors: [
        {
          code: null,
          what: 'exited with status 1',
          exitStatus: 1,
          exitSignal: null,
          lines: [hostile],
          firstAttempt: 1,
          count: 2,
        },
      ],
      survivors: [],
    },
  ],
  advice: [hostile],
}

test('a round is a row, with what clients felt', (t) => {
  const text = renderForTerminal(checkView(document), 200)
  t.regex(
    text,
    /^1 +10\.010 s, SIGKILL \(timed out\) +server 3 TIME_WAIT +3 +delayed +1\.25 s +1\.500 s +120 refused, 2 failed$/m,
  )
  t.regex(text, /^- attempts 1 to 2: exited with status 1: /m)
})

test('in a narrow terminal no line of a round has to be wrapped', (t) => {
  const rows = renderForTerminal(checkView(document), 60)
    .split('\n')
    .filter((line) => /(residue|verdict|clients): /.test(line))
  t.is(rows.length, 3)
  t.true(rows.every((line) => line.length <= 60))
})

test('a terminal is sent no control character that a server wrote', (t) => {
  const text = renderForTerminal(checkView(document), undefined)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notRegex(text, /[\u0000-\u0009\u000b-\u001a\u001c-\u001f\u007f-\u009f]/)
  t.false(text.includes('\u001b[2J'))
})

test('nothing that a server wrote takes effect in Markdown', (t) => {
  const text = renderAsMarkdown(checkView(document))
  t.notRegex(text, /<script/)
  t.notRegex(text, /^# heading/m)
  t.notRegex(text, /[^\\]\|`x/)
})

test('who listened is in the Markdown, and left out of that of a document which does not say', (t) => {
  const [round] = document.rounds
  const listened = [
    {pid: 12, from: 0.08, to: 1.311},
    {pid: 15, from: 1.4, to: 1.95},
  ]
  const rounds = round === undefined ? [] : [{...round, listened}]
  const text = renderAsMarkdown(checkView({...document, rounds}))
  t.regex(text, /round 1: pid 12 from 0\.08 to 1\.31 s, pid 15 from 1\.40 to 1\.95 s/)
  t.notRegex(renderAsMarkdown(checkView(document)), /Who listened/)
})

test('a restart that was immediate, but not alone, is not safe because of the old process', (t) => {
  const [round] = document.rounds
  if (round === undefined) throw new Error('there is no round')
  const survivors = [{pid: 7, command: 'node old.js', listening: true}]
  const rounds = [{...round, verdict: 'immediate' as const, survivors}]
  const text = renderForTerminal(checkView({...document, rounds}), 200)
  t.regex(text, /^NOT SAFE: an old process still listened after 1 of 1 stops$/m)
})

test('what could not be measured has its remedy once, in the advice', (t) => {
  const problem = {kind: 'exited', message: 'it ended', remedy: 'start it by hand'} as const
  const advice = ['Start it by hand.']
  const text = renderAsMarkdown(checkView({...document, problem, advice}))
  t.is(text.match(/start it by hand/gi)?.length, 1)
})
