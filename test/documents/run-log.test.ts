import {execFileSync} from 'node:child_process'
import {truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {readRunLog} from '../../harness/documents/run-log.ts'
import {UsageError} from '../../harness/errors.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'
import {recordedReport} from './documents.ts'

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

function lines(count: number, event: (index: number) => object): string {
  return Array.from({length: count}, (_, index) => `${JSON.stringify(event(index))}\n`).join('')
}

const [recorded] = recordedReport().results
function resultOf(scenario: string, fields: object): object {
  return {...attempt, event: 'result', scenario, result: {...recorded, scenario, ...fields}}
}

test('of later repetitions nothing is kept but what a report tells of them', async (t) => {
  const text =
    lines(3, (index) => ({...resultOf('a', {more: index}), repetition: index + 1})) +
    lines(5000, (index) => ({...attempt, scenario: `${index}`, repetition: 2})) +
    lines(20, () => ({...attempt, code: 'x'.repeat(1_000_000), repetition: 2})) +
    lines(5, () => ({...resultOf('a', {more: Array(100_000).fill([])}), repetition: 2}))
  const {scenarios} = await readRunLog(logOf(t, text))
  t.deepEqual([...scenarios.keys()], ['a'])
  const log = scenarios.get('a')
  t.is(log?.result?.more, 0)
  t.is(log?.repetitions.length, 7)
  for (const repetition of log?.repetitions ?? []) {
    t.deepEqual(repetition.bind, recorded?.bind)
    t.false('timeline' in repetition || 'more' in repetition)
  }
  t.is(log?.endedAtSeconds, attempt.seconds)
})

test('fields that no report shows are not kept, and do not count', async (t) => {
  const text = lines(400, () => ({...attempt, more: 'x'.repeat(100_000)}))
  const {scenarios} = await readRunLog(logOf(t, text))
  t.deepEqual(scenarios.get('server-closes-first')?.attempts[0], attempt as never)
})

test('a file of a size that no run writes is not even begun', async (t) => {
  const file = logOf(t, '')
  truncateSync(file, 300 * 1024 * 1024)
  await t.throwsAsync(readRunLog(file), {instanceOf: UsageError, message: /is 300 MB large/})
})

const refused: [what: string, text: string, complaint: RegExp][] = [
  ['noise without end', '\n'.repeat(5_000_000), /is not a rebind log: 1000 of its lines/],
  [
    'more events than can be kept',
    `${JSON.stringify(attempt)}\n`.repeat(500_000),
    /contains more than can be shown/,
  ],
  [
    'results with empty lists by the million',
    lines(9, (index) => resultOf(`${index}`, {more: Array(300_000).fill([])})),
    /contains more than can be shown/,
  ],
  [
    'more characters than can be kept',
    lines(50, (index) => ({...attempt, code: `${index}`, scenario: 'x'.repeat(1_000_000)})),
    /contains more than can be shown/,
  ],
  [
    'more scenarios than anybody has',
    lines(2000, (index) => ({...attempt, scenario: `${index}`})),
    /contains more than can be shown/,
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
