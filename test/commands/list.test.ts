import {join} from 'node:path'
import {stripVTControlCharacters} from 'node:util'
import test from 'ava'
import {listSchema} from '../../harness/documents/list-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {scenarios} from '../../scenarios/index.ts'
import {missingProgram, projectFolder, runCli, startProgram, testUnless} from './cli.ts'

const ids = Object.keys(scenarios)
const claims = Object.values(scenarios).map(({claim}) => claim)
const hasRules = detectPlatform().rules !== null

test('list names every scenario with its claim and a prediction, in the order of the story', async (t) => {
  const {status, stdout, stderr} = await runCli(t, ['list'])
  t.is(status, 0)
  t.is(stderr, '')
  const lines = stdout.split('\n')
  t.deepEqual(
    lines.filter((line) => ids.includes(line)),
    ids,
  )
  t.deepEqual(
    lines.flatMap((line) => /^shows +(.+)$/.exec(line)?.[1] ?? []),
    claims,
  )
  const prediction = hasRules ? /^on .+ (immediate|delayed|blocked).*; \S/ : /^on .+ not known/
  t.is(lines.filter((line) => prediction.test(line)).length, ids.length)
})

test('list --json prints one document with every scenario, its claim and a prediction', async (t) => {
  const {status, stdout, stderr} = await runCli(t, ['list', '--json'])
  t.is(status, 0)
  t.is(stderr, '')
  const listed = listSchema.parse(JSON.parse(stdout)).scenarios
  t.deepEqual(
    listed.map(({scenario}) => scenario),
    ids,
  )
  t.deepEqual(
    listed.map(({claim}) => claim),
    claims,
  )
  for (const {scenario, expected} of listed) t.is(expected !== null, hasRules, scenario)
})

test('list --limit predicts a wait that is longer than the limit as blocked', async (t) => {
  const predict = async (limit: string) => {
    const {stdout} = await runCli(t, ['list', '--json', '--limit', limit])
    const listed = listSchema.parse(JSON.parse(stdout)).scenarios
    return listed.find(({scenario}) => scenario === 'server-closes-first')?.expected?.verdict
  }
  const verdicts = await Promise.all(['1', '100000'].map(predict))
  t.deepEqual(verdicts, hasRules ? ['blocked', 'delayed'] : [undefined, undefined])
})

test('output to a pipe has no escape sequences, not even where CI is set', async (t) => {
  const {stdout} = await runCli(t, ['list'], {env: {CI: 'true', NO_COLOR: undefined}})
  t.is(stdout, stripVTControlCharacters(stdout))
})

testUnless(
  process.platform === 'linux' ? missingProgram('script') : 'its script is another one',
  'a terminal that says it has no columns gets lines of any length, not one word each',
  async (t) => {
    const cli = join(projectFolder, 'dist', 'harness', 'cli.js')
    const inTerminal = `stty cols 0 && '${process.execPath}' '${cli}' list`
    const {status, stdout} = await startProgram(t, ['script', '-qec', inTerminal, '/dev/null'])
      .ended
    t.is(status, 0, stdout)
    t.true(stdout.split('\n').some(({length}) => length > 200))
  },
)
