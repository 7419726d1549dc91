import {execFileSync} from 'node:child_process'
import {
  complaintsOf,
  missingProgram,
  readReport,
  runCli,
  stackTrace,
  startCli,
  temporaryFolder,
  testUnless,
} from './cli.ts'

/** Enough for the harness itself and for some scenarios, not for the processes of all of them. */
const openFiles = 40

/** They wait, and keep their files open, so that a later one finds none left. */
const waiting = [
  'server-closes-first',
  'reuseaddr-added-late',
  'reuseaddr-dropped',
  'reuseport-added-late',
  'wildcard-over-time-wait',
  'dual-stack-over-ipv4',
  'client-never-closes',
  'connection-outlives-server',
  'server-killed',
]
const inNamespaces = ['no-tw-buckets']

testUnless(
  missingProgram('prlimit'),
  'scenarios that the limit of open files leaves no room for fail with a reason that names it',
  async (t) => {
    const out = temporaryFolder(t)
    const ids = [...waiting, ...inNamespaces]
    const cli = startCli(t, ['run', '--limit', '4', ...ids, '--out', out])
    // All is loaded by now: how many files that takes at once differs from one start to the next.
    await cli.shows(/\n/)
    // Stopped, so that it does not start everything before the limit holds.
    process.kill(cli.pid, 'SIGSTOP')
    execFileSync('prlimit', [`--nofile=${openFiles}:${openFiles}`, '--pid', `${cli.pid}`])
    process.kill(cli.pid, 'SIGCONT')
    const {status, stdout, stderr} = await cli.ended
    t.is(status, 3, stderr)
    t.notRegex(stderr, stackTrace)
    const {results} = readReport(out)
    const failed = results.filter((result) => result.status === 'failed')
    t.true(failed.length > 0)
    for (const {scenario, reason = ''} of failed) {
      t.regex(reason, /too many open files/, scenario)
      t.true(stdout.includes(`failed ${scenario}: ${reason}`), scenario)
    }
    t.true(
      failed.some(({reason}) => reason?.includes('ulimit -n')),
      'it says what to do',
    )
    // No namespace can be made either, for the same reason; or none can be had here at all.
    const skipped = results.filter((result) => result.status === 'skipped')
    t.true(skipped.every(({scenario}) => inNamespaces.includes(scenario.split('/')[0] ?? '')))
    const others = results.filter(({status}) => status !== 'failed' && status !== 'skipped')
    t.true(others.length > 0)
    t.true(others.every((result) => result.status === 'as-expected'))
  },
)

testUnless(
  missingProgram('prlimit'),
  'a limit of open files that leaves no room for the harness itself is said in one line',
  async (t) => {
    const out = temporaryFolder(t)
    const {status, stdout, stderr} = await runCli(t, ['run', '--quick', '--out', out], {
      launcher: ['prlimit', `--nofile=${openFiles}:${openFiles}`],
    })
    t.is(status, 3, stderr)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(stderr, /^rebind: .*too many open files.*ulimit -n/)
  },
)
