import {readFileSync, rmSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {comparisonSchema} from '../../harness/documents/comparison-schema.ts'
import {type Report, type Result, reportSchema} from '../../harness/documents/report-schema.ts'
import {complaintsOf, type Ended, runCli, runFolder, stackTrace, temporaryFolder} from './cli.ts'

const subject = 'reuseport-added-late'

/** A real run of this machine, and the folder in which its run folder was made. */
async function realRun(t: Parameters<typeof runCli>[0]): Promise<{report: Report; out: string}> {
  const out = temporaryFolder(t)
  const args = ['run', '--quick', '--json', '--out', out, subject, 'client-aborts']
  const {status, stdout, stderr} = await runCli(t, args)
  if (status !== 0) throw new Error(`the run ended with ${status}: ${stderr}`)
  return {report: reportSchema.parse(JSON.parse(stdout)), out}
}

function withResult(report: Report, change: (result: Result) => Partial<Result>): string {
  const results = report.results.map((result) =>
    result.scenario === subject ? {...result, ...change(result)} : result,
  )
  return JSON.stringify({...report, results})
}

function isOneComplaint({status, stdout, stderr}: Ended): boolean {
  return (
    status === 2 && stdout === '' && complaintsOf(stderr).length === 1 && !stackTrace.test(stderr)
  )
}

test('a run is as its baseline was; a changed answer is 1, what failed is 3, and each is said in one line', async (t) => {
  const {report, out} = await realRun(t)
  const folder = temporaryFolder(t)
  const baseline = runFolder(out)
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }

  const same = await runCli(t, ['compare', '--baseline', baseline, join(baseline, 'report.json')])
  t.is(same.status, 0, same.stderr)
  t.regex(same.stdout, /2 scenarios against the baseline: 0 differences, 0 not compared/)

  const changed = file(
    'changed.json',
    withResult(report, ({bind}) => ({
      bind:
        bind === null
          ? null
          : {...bind, firstError: {code: 'EACCES', errno: 13, syscall: 'bind', message: ''}},
    })),
  )
  const failed = file(
    'failed.json',
    withResult(report, () => ({status: 'failed', reason: 'no port'})),
  )
  const [differs, unable] = await Promise.all([
    runCli(t, ['compare', '--baseline', baseline, changed]),
    runCli(t, ['compare', '--baseline', baseline, failed]),
  ])
  if (report.results[0]?.bind?.verdict === 'blocked') {
    t.is(differs.status, 1, differs.stderr)
    t.regex(
      differs.stdout,
      /^What differs\n- reuseport-added-late: first error EACCES 13, was EADDRINUSE 98$/m,
    )
  }
  t.is(unable.status, 3, unable.stderr)
  t.regex(
    unable.stdout,
    /^What could not be compared\n- reuseport-added-late: failed now: no port$/m,
  )

  // The same run as another operating system would have written it: side by side, but no baseline.
  const elsewhere = file(
    'elsewhere.json',
    JSON.stringify({...report, host: {...report.host, stack: 'windows', os: 'win32'}}),
  )
  const [document, markdown, asBaseline] = await Promise.all([
    runCli(t, ['compare', baseline, elsewhere, '--json']),
    runCli(t, ['compare', baseline, elsewhere, '--format', 'markdown']),
    runCli(t, ['compare', '--baseline', baseline, elsewhere]),
  ])
  t.is(document.status, 0, document.stderr)
  const comparison = comparisonSchema.parse(JSON.parse(document.stdout))
  t.deepEqual(
    comparison.scenarios.map(({scenario}) => scenario),
    report.results.map(({scenario}) => scenario),
  )
  t.regex(markdown.stdout, /^\| scenario \| .+ \| Windows \| differs \|$/m)
  t.true(isOneComplaint(asBaseline), asBaseline.stderr)
  t.regex(asBaseline.stderr, /elsewhere\.json is of Windows/)
})

test('without arguments the recorded documents are compared, whatever folder one is in', async (t) => {
  const {status, stdout, stderr} = await runCli(t, ['compare'], {cwd: temporaryFolder(t)})
  t.is(status, 0, stderr)
  for (const shown of [
    /^reuseport-added-late .+ grant\b/m,
    /^beside-live-wildcard .+ grant\b/m,
    /^client-reconnects-same-port .+ grant\b/m,
    /^- Linux\b.*: 60\.00 to 6\d\.\d\d s by the timer wheel/m,
    /^- gVisor\b.*: 60\.00 to 60\.50 s by a timer of Go's/m,
    /\b4896 cells compared: \d+ alike, \d+ differ\b/,
  ]) {
    t.regex(stdout, shown)
  }
})

test('with --out it also writes which binds each system grants, and report writes it again', async (t) => {
  const out = temporaryFolder(t)
  t.is((await runCli(t, ['compare', '--out', out])).status, 0)
  const folder = runFolder(out)
  const files = ['may-i-bind.md', 'may-i-bind.html'].map((name) => join(folder, name))
  const written = files.map((file) => readFileSync(file, 'utf8'))
  for (const text of written) {
    t.regex(text, /May I bind\?/)
    t.true(text.includes('id="time_wait.none.127.0.0.1.reuseaddr.127.0.0.1"'))
  }
  for (const file of files) rmSync(file)
  t.is((await runCli(t, ['report', folder])).status, 0)
  t.deepEqual(
    files.map((file) => readFileSync(file, 'utf8')),
    written,
  )
})

const usageErrors: [what: string, args: string[], complaint: RegExp][] = [
  ['one document alone', ['report.json'], /nothing to compare report\.json with; name two reports/],
  ['200 MB', ['report.json', 'huge.json'], /huge\.json is 200 MB large/],
  ['a report cut off', ['report.json', 'cut.json'], /cut\.json is cut off in the middle/],
  [
    'a baseline for two',
    ['--baseline', 'report.json', 'report.json', 'report.json'],
    /judges one run/,
  ],
  ['an unknown format', ['--format', 'pdf'], /'pdf' is invalid.*text, markdown/],
  [
    'two formats',
    ['report.json', 'report.json', '--json', '--format', 'markdown'],
    /--json and --format markdown both write to stdout/,
  ],
]

test('bad usage and bad input are one complaint and exit status 2, and never a stack trace', async (t) => {
  const cwd = temporaryFolder(t)
  const {stdout} = await runCli(t, [
    'run',
    '--quick',
    '--json',
    '--out',
    temporaryFolder(t),
    'client-aborts',
  ])
  writeFileSync(join(cwd, 'report.json'), stdout)
  writeFileSync(join(cwd, 'cut.json'), stdout.slice(0, 500))
  writeFileSync(join(cwd, 'huge.json'), '')
  truncateSync(join(cwd, 'huge.json'), 200 * 1024 * 1024)
  for (const [what, args, complaint] of usageErrors) {
    const ended = await runCli(t, ['compare', ...args], {cwd})
    t.true(isOneComplaint(ended), `${what}: ${ended.status} ${ended.stderr}`)
    t.regex(ended.stderr, complaint, what)
  }
})
