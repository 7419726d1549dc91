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
    t.deepEqual([status, reason], ['skipped', 'the run ended before this scenario did'])
    t.is(bind?.firstError?.code, 'EADDRINUSE')
  }
})

const casualties: [what: string, role: string, host: string, otherFails: boolean][] = [
  // Both successors are in it.
  ['host of the successors', 'successor', 'successor-host', true],
  // Of the two clients one holds its connection, and the other has nothing left to do.
  ['host of the clients', 'client', 'client-host', false],
]

for (const [what, role, host, otherFails] of casualties) {
  test(`a killed ${what} fails exactly the scenarios that still needed it, with the reason`, async (t) => {
    const out = temporaryFolder(t)
    const [scenario, other] = ['client-never-closes', 'reuseaddr-added-late']
    const cli = startCli(t, ['run', '--limit', '20', scenario, other, '--out', out])
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
    const why = `the ${host} (pid ${pid}) was ended by SIGKILL`
    const failed = resultOf(report, scenario)
    t.deepEqual([failed.status, failed.reason], ['failed', why])
    t.is(failed.bind?.waitSeconds, null)
    t.true(stdout.includes(why), stdout)

    const another = resultOf(report, other)
    if (otherFails) t.deepEqual([another.status, another.reason], ['failed', why])
    else {
      t.is(another.status, 'as-expected', another.reason)
      t.is(another.bind?.verdict, 'blocked')
      t.is(another.bind?.waited, true)
    }
    t.deepEqual(startedPids(readEvents(out)).filter(isActorRunning), [])
  })
}
