import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {reportSchema} from '../../harness/reports/schema.ts'
import {runCli, startCli, temporaryFolder} from './cli.ts'

const inActions = (file: string) => ({GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: file})

test('in GitHub Actions run appends its table to the summary, and --json alone is on stdout', async (t) => {
  const out = temporaryFolder(t)
  const file = join(temporaryFolder(t), 'step_summary')
  const {status, stdout, stderr} = await runCli(
    t,
    ['run', '--quick', '--json', 'server-aborts', '--out', out],
    {env: inActions(file)},
  )
  t.is(status, 0, stderr)
  t.is(reportSchema.parse(JSON.parse(stdout)).host.ci, 'GitHub Actions')
  const summary = readFileSync(file, 'utf8')
  t.regex(summary, /^\| scenario \| residue \|/m)
  t.regex(summary, /^\| server-aborts \| none \|/m)
  t.false(/^::/m.test(stderr), stderr)
})

test('in GitHub Actions what is left out by an interruption is one notice on stderr', async (t) => {
  const out = temporaryFolder(t)
  const file = join(temporaryFolder(t), 'step_summary')
  const run = startCli(t, ['run', 'server-closes-first', '--json', '--out', out], {
    env: inActions(file),
  })
  await run.shows(/EADDRINUSE/)
  process.kill(run.pid, 'SIGTERM')
  const {status, stdout, stderr} = await run.ended
  t.is(status, 143)
  reportSchema.parse(JSON.parse(stdout))
  const commands = stderr.split('\n').filter((line) => line.startsWith('::'))
  t.is(commands.length, 1)
  t.regex(
    commands[0] ?? '',
    /^::notice title=1 skipped or not judged::[^:]+%0Aserver-closes-first: interrupted by SIGTERM$/,
  )
})
