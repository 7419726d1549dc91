import {execFileSync} from 'node:child_process'
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {UsageError} from '../../harness/errors.ts'
import {readRunLog} from '../../harness/reports/event-log.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'

const attempt = {
  event: 'bind-attempt',
  scenario: 'server-closes-first',
  seconds: 1,
  attempt: 1,
  outcome: 'refused',
}

function logOf(t: ExecutionContext, text: string | Buffer): string {
  const file = join(temporaryFolder(t), 'events.ndjson')
  writeFileSync(file, text)
  return file
}

test('a line that is never ended is passed over, and the lines before it are read', async (t) => {
  const text = `${JSON.stringify(attempt)}\n{"event":"step","step":"${'x'.repeat(3_000_000)}`
  const {scenarios, unreadable} = await readRunLog(logOf(t, text))
  t.is(scenarios.get('server-closes-first')?.attempts.length, 1)
  t.is(unreadable, 1)
})

test('what other systems take for a line break may stand in an event', async (t) => {
  const said = 'one\u2028two\u0085three\rfour'
  const {scenarios} = await readRunLog(logOf(t, `${JSON.stringify({...attempt, code: said})}\r\n`))
  t.is(scenarios.get('server-closes-first')?.attempts[0]?.code, said)
})

test('an event before the run began is none', async (t) => {
  const text = [attempt, {...attempt, seconds: -1}].map((each) => JSON.stringify(each)).join('\n')
  const {scenarios, unreadable} = await readRunLog(logOf(t, text))
  t.deepEqual(
    scenarios.get('server-closes-first')?.attempts.map(({seconds}) => seconds),
    [1],
  )
  t.is(unreadable, 1)
})

test('a log that is cut off within a character is read up to there', async (t) => {
  const line = Buffer.from(JSON.stringify({...attempt, code: 'Grüße, 世界'}))
  const cut = Buffer.concat([line, Buffer.from('\n'), line.subarray(0, -3)])
  const {scenarios, unreadable} = await readRunLog(logOf(t, cut))
  t.is(scenarios.get('server-closes-first')?.attempts.length, 1)
  t.is(unreadable, 1)
})

const refused: [what: string, text: string, complaint: RegExp][] = [
  ['noise without end', '\n'.repeat(5_000_000), /is no log of rebind: 1000 lines/],
  [
    'more events than can be kept',
    `${JSON.stringify(attempt)}\n`.repeat(500_000),
    /tells of more than can be shown/,
  ],
  [
    'results of empty lists by the million',
    `${JSON.stringify({...attempt, event: 'result', result: Array(300_000).fill([])})}\n`.repeat(9),
    /tells of more than can be shown/,
  ],
]
for (const [what, text, complaint] of refused) {
  test(`${what} is refused before it fills the memory`, async (t) => {
    await t.throwsAsync(readRunLog(logOf(t, text)), {instanceOf: UsageError, message: complaint})
  })
}

testUnless(missingProgram('mkfifo'), 'a FIFO is refused, and not waited for', async (t) => {
  const fifo = join(temporaryFolder(t), 'events.ndjson')
  execFileSync('mkfifo', [fifo])
  await t.throwsAsync(readRunLog(fifo), {message: /is not a regular file/})
})
