import {constants} from 'node:os'
import test, {type ExecutionContext} from 'ava'
import {type Report, reportSchema} from '../../harness/reports/schema.ts'
import {scenarios} from '../../scenarios/index.ts'
import {packetFilterProblem} from '../namespaces/available.ts'
import {
  isActorRunning,
  missingProgram,
  projectFolder,
  readEvents,
  readReport,
  resultOf,
  startCli,
  startedPids,
  startProgram,
  temporaryFolder,
  testUnless,
} from './cli.ts'

const scenario = 'server-closes-first'
const waiting = new RegExp(`${scenario}: EADDRINUSE`)

/** Nothing of the run is lost, and nothing of it is left behind. */
function endedInOrder(t: ExecutionContext, out: string, signal: NodeJS.Signals): Report {
  const report = readReport(out)
  t.is(report.run.interrupted, signal)
  const events = readEvents(out)
  t.is(events.at(-1)?.event, 'run-end')
  const pids = startedPids(events)
  t.true(pids.length > 0)
  t.deepEqual(pids.filter(isActorRunning), [])
  return report
}

function skippedBy(t: ExecutionContext, report: Report, signal: NodeJS.Signals): void {
  const result = resultOf(report, scenario)
  t.is(result.status, 'skipped')
  t.is(result.reason, `interrupted by ${signal}`)
  t.is(result.bind?.firstError?.code, 'EADDRINUSE')
  t.is(result.bind?.waited, false)
}

const interruptions: [what: string, signals: NodeJS.Signals[], exitStatus: number][] = [
  ['SIGINT', ['SIGINT'], 130],
  ['SIGTERM', ['SIGTERM'], 143],
  ['SIGHUP', ['SIGHUP'], 129],
  ['SIGINT twice in a row', ['SIGINT', 'SIGINT'], 130],
  ['SIGTERM right after SIGINT', ['SIGINT', 'SIGTERM'], 130],
]

for (const [what, signals, exitStatus] of interruptions) {
  const [first = 'SIGINT'] = signals

  test(`${what} ends a waiting run with exit status ${exitStatus}, a report and a table`, async (t) => {
    const out = temporaryFolder(t)
    const cli = startCli(t, ['run', scenario, '--out', out])
    await cli.shows(waiting)
    for (const signal of signals) process.kill(cli.pid, signal)
    const {status, signal, stdout, stderr} = await cli.ended
    t.is(signal, null)
    t.is(status, exitStatus)
    skippedBy(t, endedInOrder(t, out, first), first)
    t.true(stdout.includes(`skipped ${scenario}: interrupted by ${first}`), stdout)
    t.regex(stderr, /Logs and report: /)
  })
}

test('an interrupted run --json still prints its report', async (t) => {
  const out = temporaryFolder(t)
  const cli = startCli(t, ['run', '--json', scenario, '--out', out])
  await cli.shows(waiting)
  process.kill(cli.pid, 'SIGTERM')
  const {status, stdout} = await cli.ended
  t.is(status, 128 + constants.signals.SIGTERM)
  const report = endedInOrder(t, out, 'SIGTERM')
  t.deepEqual(reportSchema.parse(JSON.parse(stdout)), report)
  skippedBy(t, report, 'SIGTERM')
})

test('a signal while scenarios are still being set up skips what has no result yet', async (t) => {
  const out = temporaryFolder(t)
  const cli = startCli(t, ['run', '--out', out])
  await cli.shows(/\n/) // the first scenario is through, or waits: most are not begun
  process.kill(cli.pid, 'SIGTERM')
  const {status, stderr} = await cli.ended
  t.is(status, 143)
  t.notRegex(stderr, /undefined/)
  const {results} = endedInOrder(t, out, 'SIGTERM')
  const skipped = results.filter((result) => result.status === 'skipped')
  t.true(skipped.length > 0)
  for (const {scenario, reason} of skipped) {
    // What this machine cannot play at all was skipped before.
    const isLacking = packetFilterProblem !== undefined && scenarios[scenario]?.namespace
    if (!isLacking) t.is(reason, 'interrupted by SIGTERM', scenario)
  }
  const others = results.filter((result) => result.status !== 'skipped')
  t.true(others.every((result) => result.status === 'as-expected'))
})

for (const [name, exitStatus, seen] of [
  ['SIGTERM', 143, 'SIGTERM'],
  ['SIGINT', 130, 'SIGINT'],
  // npm does not pass these on: that it is gone is noticed.
  ['SIGHUP', 129, 'SIGHUP'],
  ['SIGKILL', 137, 'SIGHUP'],
] as const) {
  testUnless(
    missingProgram('npm'),
    `${name} to npm alone reaches the run, which ends in order`,
    async (t) => {
      const out = temporaryFolder(t)
      const npm = startProgram(
        t,
        ['npm', 'run', '--silent', 'repro', '--', scenario, '--out', out],
        {
          cwd: projectFolder,
        },
      )
      await npm.shows(waiting)
      process.kill(npm.pid, name)
      // Of its output's end, too, which the run holds open until it has ended itself.
      const {status, signal, stdout} = await npm.ended
      t.true(status === exitStatus || signal === name, `npm ended with ${status ?? signal}`)
      skippedBy(t, endedInOrder(t, out, seen), seen)
      t.true(stdout.includes(`skipped ${scenario}: interrupted by ${seen}`), stdout)
    },
  )
}
