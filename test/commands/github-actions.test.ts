import {spawnSync} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {reportSchema} from '../../harness/documents/report-schema.ts'
import {missingProgram, runCli, startCli, temporaryFolder, testUnless} from './cli.ts'

const inActions = (file: string) => ({GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: file})

/** The workflow commands, but for those that fold lines into a group. */
function annotationsIn(text: string): string[] {
  return text.split('\n').filter((line) => /^::(?!group::|endgroup::)/.test(line))
}

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
  t.deepEqual(annotationsIn(stderr), [])
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
  const commands = annotationsIn(stderr)
  t.is(commands.length, 1)
  t.regex(
    commands[0] ?? '',
    /^::notice title=1 skipped or not judged::[^:]+%0Aserver-closes-first: interrupted by SIGTERM$/,
  )
})

test("in GitHub Actions what a person or a file names is no command to GitHub's runner", async (t) => {
  const named = '::error::##[error]x'
  const file = join(temporaryFolder(t), 'step_summary')
  const {status, stderr} = await runCli(t, ['report', named], {env: inActions(file)})
  t.is(status, 2)
  t.true(stderr.includes('## [error]x'), stderr)
  t.false(stderr.includes('##['), stderr)
  const elsewhere = await runCli(t, ['report', named])
  t.true(elsewhere.stderr.includes(named), elsewhere.stderr)
})

/**
 * Runs a program in a network of its own whose kernel keeps no TIME_WAIT, and says that it does: a file that
 * was read before hides the setting.
 */
const withoutTimeWait = [
  'unshare',
  '--user',
  '--map-root-user',
  '--net',
  '--mount',
  'sh',
  '-c',
  `setting=/proc/sys/net/ipv4/tcp_max_tw_buckets; ip link set lo up && echo 0 > $setting &&
   mount --bind /proc/sys/net/ipv4/tcp_fin_timeout $setting && exec "$@"`,
  'sh',
]
const [unshare = '', ...rest] = withoutTimeWait
const forbidden = spawnSync(unshare, [...rest, 'true']).status !== 0

testUnless(
  missingProgram('ip') ?? (forbidden ? 'user namespaces are not allowed' : undefined),
  'in GitHub Actions an unexpected result is an error that names the scenario and the reason',
  async (t) => {
    const out = temporaryFolder(t)
    const file = join(temporaryFolder(t), 'step_summary')
    const {status, stdout, stderr} = await runCli(
      t,
      ['run', '--quick', 'server-closes-first', 'server-aborts', '--out', out],
      {env: inActions(file), launcher: withoutTimeWait},
    )
    t.is(status, 1, stderr)
    t.false(/^::/m.test(stdout))
    const commands = annotationsIn(stderr)
    t.is(commands.length, 1, stderr)
    t.regex(commands[0] ?? '', /^::error title=server-closes-first unexpected::Linux [^:]+: .+/)
    t.regex(readFileSync(file, 'utf8'), /^- unexpected \*\*server-closes-first\*\*: /m)
  },
)
