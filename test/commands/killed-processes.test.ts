import test from 'ava'
import {
  isActorRunning,
  loggedPid,
  readEvents,
  readReport,
  resultOf,
  runCli,
  runFolder,
  soon,
  stackTrace,
  startCli,
  startedPids,
  temporaryFolder,
  until,
} from './cli.ts'

test('the processes of a killed run end by themselves, and its log can be read to its last full line', async (t) => {
  const out = temporaryFolder(t)
  const cli = startCli(t, ['run', 'server-closes-first', 'client-never-closes', '--out', out])
  await Promise.all([
    cli.shows(/server-closes-first: EADDRINUSE/),
    cli.shows(/client-never-closes: EADDRINUSE/),
  ])
  await Promise.all([
    loggedPid(out, 'server-closes-first', 'client'),
    loggedPid(out, 'server-closes-first', 'successor'),
    loggedPid(out, 'client-never-closes', 'client'),
    loggedPid(out, 'client-never-closes', 'successor'),
  ])
  const before = startedPids(readEvents(out)).filter(isActorRunning)
  t.true(before.length >= 3, 'successors, and the client that holds on')

  process.kill(cli.pid, 'SIGKILL')
  const {signal} = await cli.ended
  t.is(signal, 'SIGKILL')
  await until(() => !before.some(isActorRunning), soon, `the end of the processes ${before}`)

  const events = readEvents(out)
  t.is(events[0]?.event, 'run-start')
  t.true(events.some(({event, outcome}) => event === 'bind-attempt' && outcome === 'refused'))

  const made = await runCli(t, ['report', runFolder(out)])
  t.is(made.status, 0, made.stderr)
  const report = readReport(out)
  t.true(report.run.partial)
  for (const {status, reason, bind} of report.results) {
    t.deepEqual([status, reason], ['skipped', 'the run was ended before this scenario was'])
    t.is(bind?.firstError?.code, 'EADDRINUSE')
  }
})

const casualties: [what: string, scenario: string, role: string][] = [
  ['successor', 'server-closes-first', 'successor'],
  ['client that holds its connection', 'client-never-closes', 'client'],
]

for (const [what, scenario, role] of casualties) {
  test(`a killed ${what} fails its own scenario, with the reason, and no other`, async (t) => {
    const out = temporaryFolder(t)
    const other = 'reuseaddr-added-late'
    const cli = startCli(t, ['run', '--limit', '3', scenario, other, '--out', out])
    await Promise.all([
      cli.shows(new RegExp(`${scenario}: EADDRINUSE`)),
      cli.shows(new RegExp(`${other}: EADDRINUSE`)),
    ])
    const pid = await loggedPid(out, scenario, role)
    process.kill(pid, 'SIGKILL')
    const {status, stdout, stderr} = await cli.ended
    t.is(status, 3, stderr)
    t.notRegex(stderr, stackTrace)

    const report = readReport(out)
    const failed = resultOf(report, scenario)
    t.is(failed.status, 'failed')
    t.true(failed.reason?.includes(`the ${role} (pid ${pid}) was ended by SIGKILL`), failed.reason)
    t.is(failed.bind?.waitSeconds, null)
    t.true(stdout.includes(failed.reason ?? 'no reason'), stdout)

    const unaffected = resultOf(report, other)
    t.is(unaffected.status, 'as-expected', unaffected.reason)
    t.is(unaffected.bind?.verdict, 'blocked')
    t.is(unaffected.bind?.waited, true)
    t.deepEqual(startedPids(readEvents(out)).filter(isActorRunning), [])
  })
}
