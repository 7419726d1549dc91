import {missingProgram, readReport, runCli, stackTrace, temporaryFolder, testUnless} from './cli.ts'

/** Enough for the harness itself and for some scenarios, not for the processes of all of them. */
const openFiles = 92

testUnless(
  missingProgram('prlimit'),
  'scenarios that the limit of open files leaves no room for fail with a reason that names it',
  async (t) => {
    const out = temporaryFolder(t)
    // Those that wait keep their files open, so a later one finds none left, on a slow machine too.
    const {status, stdout, stderr} = await runCli(t, ['run', '--limit', '8', '--out', out], {
      launcher: ['prlimit', `--nofile=${openFiles}:${openFiles}`],
    })
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
    // No namespace can be made either, for the same reason.
    const skipped = results.filter((result) => result.status === 'skipped')
    t.true(skipped.every(({reason}) => reason?.includes('too many open files')))
    const others = results.filter(({status}) => status !== 'failed' && status !== 'skipped')
    t.true(others.length > 0)
    t.true(others.every((result) => result.status === 'as-expected'))
  },
)
