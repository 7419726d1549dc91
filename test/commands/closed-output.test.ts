import test from 'ava'
import {readReport, runCli, stackTrace, startCli, temporaryFolder} from './cli.ts'

const commands: [what: string, args: string[], writesReport: boolean][] = [
  ['--help', ['--help'], false],
  ['list', ['list'], false],
  ['list --json', ['list', '--json'], false],
  ['run', ['run', '--quick', 'server-aborts'], true],
  ['run --json', ['run', '--quick', '--json', 'server-aborts'], true],
]

for (const [what, args, writesReport] of commands) {
  test(`${what} ends as otherwise when nobody reads its stdout any more`, async (t) => {
    const out = temporaryFolder(t)
    const cli = startCli(t, writesReport ? [...args, '--out', out] : args)
    cli.child.stdout?.destroy()
    const {status, signal, stderr} = await cli.ended
    t.is(signal, null)
    t.is(status, 0, stderr)
    t.notRegex(stderr, stackTrace)
    t.notRegex(stderr, /EPIPE/)
    if (writesReport) t.is(readReport(out).results[0]?.status, 'as-expected')
  })
}

test('run ends as otherwise, with its report, when nobody reads its stderr any more', async (t) => {
  const out = temporaryFolder(t)
  const cli = startCli(t, ['run', '--quick', 'server-aborts', '--out', out])
  cli.child.stderr?.destroy()
  const {status, stdout} = await cli.ended
  t.is(status, 0)
  t.regex(stdout, /1 as expected/)
  t.is(readReport(out).results[0]?.status, 'as-expected')
})

test('run ends as otherwise, with its report, where its stdin is closed', async (t) => {
  const out = temporaryFolder(t)
  const {status, stderr} = await runCli(t, ['run', '--quick', 'server-aborts', '--out', out], {
    launcher: ['sh', '-c', 'exec "$@" <&-', 'sh'],
  })
  t.is(status, 0, stderr)
  t.is(readReport(out).results[0]?.status, 'as-expected')
})
