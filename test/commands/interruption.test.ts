import {existsSync, readFileSync} from 'node:fs'
import {constants} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import test, {type ExecutionContext} from 'ava'
import {type Report, reportSchema} from '../../harness/documents/report-schema.ts'
import {scenarios} from '../../scenarios/index.ts'
import {packetFilterProblem} from '../namespaces/available.ts'
import {
  isActorRunning,
  missingProgram,
  projectFolder,
  readEvents,
  readReport,
  resultOf,
  soon,
  startCli,
  startedPids,
  startProgram,
  temporaryFolder,
  testUnless,
  until,
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

const exitStatuses: Record<string, number> = {
  SIGINT: 130,
  SIGTERM: 143,
  SIGHUP: 129,
}
const interruptions: [what: string, signals: NodeJS.Signals[]][] = [
  ['SIGINT', ['SIGINT']],
  ['SIGTERM', ['SIGTERM']],
  ['SIGHUP', ['SIGHUP']],
  ['SIGINT twice in a row', ['SIGINT', 'SIGINT']],
  ['SIGTERM right after SIGINT', ['SIGINT', 'SIGTERM']],
]

for (const [what, signals] of interruptions) {
  test(`${what} ends a waiting run with the first one's exit status, a report and a table`, async (t) => {
    const out = temporaryFolder(t)
    const cli = startCli(t, ['run', scenario, '--out', out])
    await cli.shows(waiting)
    for (const signal of signals) process.kill(cli.pid, signal)
    const {status, signal, stdout, stderr} = await cli.ended
    t.is(signal, null)
    // Of two signals that are pending at once the kernel may give each to a thread of its own
    // (kernel/signal.c:complete_signal), so that either can come first; the program must be of one mind.
    const first = readReport(out).run.interrupted as NodeJS.Signals
    t.true(signals.includes(first))
    t.is(status, exitStatuses[first] ?? null)
    skippedBy(t, endedInOrder(t, out, first), first)
    t.true(stdout.includes(`skipped ${scenario}: interrupted by ${first}`), stdout)
    t.regex(stderr, /Logs and report: /)
  })
}

test('a third SIGINT ends a program at once that does not end in order, with its processes', async (t) => {
  const module = (path: string) => JSON.stringify(new URL(`../../harness/${path}`, import.meta.url))
  const source = `
    const {listenForInterruption} = await import(${module('commands/interruption.ts')})
    const {compileActor} = await import(${module('processes/compile.ts')})
    const {launch} = await import(${module('processes/launch.ts')})
    listenForInterruption()
    const {pid} = await launch((await compileActor()).path, 'holder')
    process.on('SIGINT', () => process.stderr.write('interrupted\\n'))
    process.stderr.write('holder ' + pid + '\\n')
    setInterval(() => {}, 60_000)`
  const program = startProgram(t, [
    ...[process.execPath, '--import=tsx', '--input-type=module', '--eval', source],
  ])
  await program.shows(/holder \d+\n/)
  for (const seen of [/interrupted\n/, /(interrupted\n){2}/]) {
    process.kill(program.pid, 'SIGINT')
    await program.shows(seen)
    // Two at once would count as one.
    await delay(150)
  }
  process.kill(program.pid, 'SIGINT')
  const {status, stderr} = await program.ended
  t.is(status, 130)
  const holder = Number(/holder (\d+)/.exec(stderr)?.[1])
  t.true(holder > 0)
  await until(() => !isActorRunning(holder), soon, 'the end of the holder')
})

const nohupLike: [how: string, script: string][] = [
  ['with the stdin that nohup gives it', '"$@" 0> /dev/null &'],
  ['with its output in nohup.out', '"$@" >> nohup.out &'],
  ['by a parent that ignores hangups', 'trap \'\' HUP; "$@" &'],
]
for (const [how, script] of nohupLike) {
  testUnless(
    process.platform === 'linux' ? undefined : 'this is how it is on Linux',
    `a run started ${how} goes on after SIGHUP`,
    async (t) => {
      const out = temporaryFolder(t)
      const launcher = ['sh', '-c', `${script} echo "pid $!" >&2; wait $!`, 'sh']
      const args = ['run', scenario, '--out', join(out, 'runs')]
      const cli = startCli(t, args, {launcher, cwd: out})
      let seen = ''
      cli.child.stderr?.on('data', (text) => {
        seen += text
      })
      await cli.shows(waiting)
      const pid = Number(/^pid (\d+)$/m.exec(seen)?.[1])
      process.kill(pid, 'SIGHUP')
      process.kill(pid, 'SIGINT')
      await cli.ended
      t.is(readReport(join(out, 'runs')).run.interrupted, 'SIGINT')
    },
  )
}

testUnless(
  missingProgram('nohup') ?? missingProgram('script'),
  'a run under nohup outlives its terminal',
  async (t) => {
    const folder = temporaryFolder(t)
    const out = join(folder, 'runs')
    const cli = [process.execPath, join(projectFolder, 'dist', 'harness', 'cli.js')]
    const run = [...cli, 'run', scenario, '--out', out].map((word) => `'${word}'`).join(' ')
    // The shell, which the terminal belongs to, only ends by its hangup.
    const shell = `nohup ${run} & echo $! > pid; sleep 60`
    const terminal = startProgram(t, ['script', '-qc', shell, '/dev/null'], {cwd: folder})
    const nohupOut = join(folder, 'nohup.out')
    const told = () => (existsSync(nohupOut) ? readFileSync(nohupOut, 'utf8') : '')
    await until(() => waiting.test(told()), 120, 'the first attempt')
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    terminal.child.kill('SIGKILL')
    await terminal.ended
    // The terminal is gone, and the hangup with it has been sent.
    process.kill(pid, 'SIGINT')
    // Which it tells last of all: the table is printed before anything is written.
    await until(() => /^Logs and report: /m.test(told()), 30, 'the orderly end')
    endedInOrder(t, out, 'SIGINT')
  },
)

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
