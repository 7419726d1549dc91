import {execFileSync} from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import {rm} from 'node:fs/promises'
import {join} from 'node:path'
import {gunzipSync} from 'node:zlib'
import test from 'ava'
import {recordedLinux, recordedReport} from '../documents/documents.ts'
import {
  loggedPid,
  missingProgram,
  readEvents,
  readReport,
  resultOf,
  runCli,
  runFolder,
  stackTrace,
  startCli,
  temporaryFolder,
  testUnless,
  until,
} from './cli.ts'

test('a run folder has a page, and report makes it and the Markdown anew from the JSON', async (t) => {
  const out = temporaryFolder(t)
  const {status, stderr} = await runCli(t, ['run', '--quick', 'server-aborts', '--out', out])
  t.is(status, 0, stderr)
  const folder = runFolder(out)
  const files = ['report.html', 'report.md'].map((name) => join(folder, name))
  const before = files.map((file) => readFileSync(file, 'utf8'))
  await Promise.all(files.map((file) => rm(file)))
  const made = await runCli(t, ['report', folder])
  t.is(made.status, 0, made.stderr)
  t.is(made.stdout, `${files[0]}\n`)
  t.deepEqual(
    files.map((file) => readFileSync(file, 'utf8')),
    before,
  )
  t.true(before[0]?.includes('attempt 1: granted'))
})

test('of a killed run report makes a partial report, up to the last full line of its log', async (t) => {
  const out = temporaryFolder(t)
  const started = startCli(t, ['run', 'server-aborts', 'server-closes-first', '--out', out])
  await until(
    () =>
      existsSync(out) &&
      (() => {
        try {
          const events = readEvents(out)
          const of = (scenario: string, event: string) =>
            events.some((each) => each.scenario === scenario && each.event === event)
          return of('server-aborts', 'result') && of('server-closes-first', 'bind-attempt')
        } catch {
          return false
        }
      })(),
    30,
    'one scenario has ended and the other waits',
  )
  const client = await loggedPid(out, 'server-closes-first', 'successor')
  t.true(client > 0)
  started.child.kill('SIGKILL')
  await started.ended
  const folder = runFolder(out)
  t.false(existsSync(join(folder, 'report.json')))
  appendFileSync(join(folder, 'events.ndjson'), '{"level":30,"run":"cut o')

  const {status, stderr} = await runCli(t, ['report', folder])
  t.is(status, 0, stderr)
  t.regex(stderr, /this partial one is made from its log/)
  const report = readReport(out)
  t.is(report.run.partial, true)
  t.is(resultOf(report, 'server-aborts').status, 'as-expected')
  const unended = resultOf(report, 'server-closes-first')
  t.is(unended.status, 'skipped')
  t.is(unended.reason, 'the run ended before this scenario did')
  t.is(unended.bind?.firstError?.code, 'EADDRINUSE')
  t.deepEqual(unended.residue, [{endpoint: 'server', state: 'TIME_WAIT', count: 1}])
  t.regex(
    readFileSync(join(folder, 'report.md'), 'utf8'),
    /\*\*This report is partial:\*\* .* made from its log/,
  )
  t.regex(readFileSync(join(folder, 'report.html'), 'utf8'), /This report is partial/)
})

test('where the page cannot be made report prints no path, and ends with 3', async (t) => {
  const folder = temporaryFolder(t)
  const {host} = recordedReport()
  const start = {...runStart, host, scenarios: ['server-aborts']}
  writeFileSync(join(folder, 'events.ndjson'), `${JSON.stringify(start)}\n`)
  mkdirSync(join(folder, 'report.html', 'in the way'), {recursive: true})
  // Made from the log, and then from report.json.
  for (const _ of ['first', 'second']) {
    const {status, stdout, stderr} = await runCli(t, ['report', folder])
    t.is(status, 3)
    t.is(stdout, '')
    t.regex(stderr, /^rebind: .*report\.html/m)
    t.true(existsSync(join(folder, 'report.json')))
  }
})

test('the path of a page is printed plain', async (t) => {
  const folder = join(temporaryFolder(t), 'a\u001b[2J\u202eb\u009bc')
  mkdirSync(folder)
  writeFileSync(join(folder, 'report.json'), JSON.stringify({...recordedReport(), results: []}))
  const {status, stdout, stderr} = await runCli(t, ['report', folder])
  t.is(status, 0, stderr)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notRegex(stdout.trimEnd() + stderr, /[\u0000-\u001f\u007f-\u009f\u202e]/)
  t.true(existsSync(join(folder, 'report.html')))
})

test('a log of which no readable report can be made makes none', async (t) => {
  const folder = temporaryFolder(t)
  const {host} = recordedReport()
  const entry = {scenario: 'server-aborts', endpoint: 'server', socket: 'connection', connection: 1}
  const line = (event: object) => `${JSON.stringify(event)}\n`
  const state = line({...entry, event: 'state', seconds: 1, state: 'TIME_WAIT'})
  const start = line({...runStart, host, scenarios: ['server-aborts']})
  writeFileSync(join(folder, 'events.ndjson'), start + state.repeat(120_000))
  const {status, stdout, stderr} = await runCli(t, ['report', folder])
  t.is(status, 3, stderr)
  t.is(stdout, '')
  t.regex(
    stderr,
    /^rebind: report\.json was not written: it would be too large for rebind to read/m,
  )
  t.deepEqual(readdirSync(folder), ['events.ndjson'])
})

const runStart = {
  event: 'run-start',
  run: 'a-run',
  seconds: 0,
  scenario: null,
  startedAt: '2026-11-24T00:00:00.000Z',
  command: ['run'],
}
const refused: [what: string, files: Record<string, string>, complaint: RegExp][] = [
  ['an empty folder', {}, /contains neither events\.ndjson nor report\.json/],
  [
    'a report that is cut off',
    {'report.json': '{"format": "rebind-rep'},
    /report\.json is cut off/,
  ],
  [
    'a report of another shape',
    {'report.json': '{"format": "x"}'},
    /is not a valid rebind document/,
  ],
  ['a log of nothing', {'events.ndjson': ''}, /is not the log of a scenario run/],
  [
    'a log of noise',
    {'events.ndjson': '\u0000\u0001{[\n\n42\nnull\n'},
    /is not the log of a scenario run/,
  ],
  [
    'a log of something else',
    {'events.ndjson': `${JSON.stringify(runStart)}\n`},
    /is not the log of a scenario run/,
  ],
]
for (const [what, files, complaint] of refused) {
  test(`report refuses ${what} in one line`, async (t) => {
    const folder = temporaryFolder(t)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const {status, stdout, stderr} = await runCli(t, ['report', folder])
    t.is(status, 2)
    t.is(stdout, '')
    t.regex(stderr, complaint)
    t.notRegex(stderr, stackTrace)
    t.is(stderr.trimEnd().split('\n').length, 1)
  })
}

test('report of a folder that is not there says so', async (t) => {
  const {status, stderr} = await runCli(t, ['report', join(temporaryFolder(t), 'no')])
  t.is(status, 2)
  t.regex(stderr, /ENOENT/)
})

testUnless(
  process.platform === 'linux' ? undefined : 'xdg-open is for Linux',
  'report --open gives the page to whatever opens pages here',
  async (t) => {
    const folder = temporaryFolder(t)
    const recorded = readFileSync(join(recordedLinux, 'matrix.json.gz'))
    writeFileSync(join(folder, 'matrix.json'), gunzipSync(recorded))
    const programs = join(folder, 'bin')
    const opened = join(folder, 'opened')
    mkdirSync(programs)
    const browser = join(programs, 'browser')
    writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > "${opened}"\n`)
    chmodSync(browser, 0o755)
    // No desktop that has programs of its own for pages.
    const desktop = {DISPLAY: undefined, WAYLAND_DISPLAY: undefined, XDG_CURRENT_DESKTOP: undefined}
    const none = {XDG_DATA_DIRS: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder}
    const env = {BROWSER: browser, ...desktop, ...none}
    const {status, stderr} = await runCli(t, ['report', folder, '--open'], {env})
    t.is(status, 0, stderr)
    await until(() => existsSync(opened) && readFileSync(opened).length > 0, 10, 'it is opened')
    t.regex(readFileSync(opened, 'utf8'), /report\.html$/)
  },
)

test('run --junit writes the results for a CI, and --tap prints them instead of the table', async (t) => {
  const out = temporaryFolder(t)
  const file = join(temporaryFolder(t), 'junit.xml')
  const args = ['run', '--quick', 'server-aborts', '--tap', '--junit', file, '--out', out]
  const {status, stdout, stderr} = await runCli(t, args)
  t.is(status, 0, stderr)
  t.regex(stdout, /^TAP version 14\n1\.\.1\n# .*\nok 1 - server-aborts\n$/)
  t.regex(stderr, /^1 passed, 0 failed, 0 skipped$/m)
  t.regex(readFileSync(file, 'utf8'), /<testcase name="server-aborts" [^>]*\/>/)
})

test('the last line of a run says how many passed, in words that every CI knows', async (t) => {
  const {stdout} = await runCli(t, ['run', '--quick', 'server-aborts', '--out', temporaryFolder(t)])
  t.is(stdout.trimEnd().split('\n').at(-1), '1 passed, 0 failed, 0 skipped')
})

for (const [what, place] of [
  ['a folder that is not there', join('no', 'junit.xml')],
  ['a folder', '.'],
] as const) {
  test(`--junit into ${what} is refused before the run begins`, async (t) => {
    const out = temporaryFolder(t)
    const file = join(out, place)
    const {status, stderr} = await runCli(t, ['run', '--quick', '--junit', file, '--out', out])
    t.is(status, 2)
    t.regex(stderr, /cannot write to .* \(E[A-Z]+\); name another file with --junit FILE/)
    t.throws(() => runFolder(out), undefined, 'no run folder is made')
  })
}

testUnless(
  missingProgram('mkfifo'),
  '--junit into a FIFO that nobody reads is refused before the run begins, and not waited for',
  async (t) => {
    const fifo = join(temporaryFolder(t), 'junit.xml')
    execFileSync('mkfifo', [fifo])
    const out = temporaryFolder(t)
    const args = ['run', '--quick', 'server-aborts', '--junit', fifo, '--out', out]
    const {status, stderr} = await runCli(t, args)
    t.is(status, 2, stderr)
    t.regex(stderr, /cannot write to .*junit\.xml \(it is not a regular file\); name another file/)
    t.throws(() => runFolder(out), undefined, 'no run folder is made')
  },
)

testUnless(
  missingProgram('mkfifo'),
  'a job summary that is a FIFO is not waited for, and is a warning',
  async (t) => {
    const fifo = join(temporaryFolder(t), 'step_summary')
    execFileSync('mkfifo', [fifo])
    const args = ['run', '--quick', 'server-aborts', '--out', temporaryFolder(t)]
    const env = {GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: fifo}
    const {status, stderr} = await runCli(t, args, {env})
    t.is(status, 0, stderr)
    t.regex(stderr, /^::warning title=Rebind wrote no job summary::.*\(it is not a regular file\)/m)
  },
)

test('--junit keeps what the file holds until the run is over, and leaves none for bad usage', async (t) => {
  const file = join(temporaryFolder(t), 'junit.xml')
  await runCli(t, ['run', '--junit', file, '--out', '/proc/no'])
  t.false(existsSync(file))
  writeFileSync(file, 'before')
  await runCli(t, ['run', '--junit', file, '--out', '/proc/no'])
  t.is(readFileSync(file, 'utf8'), 'before')
})

test('--json and --tap exclude each other', async (t) => {
  const {status, stderr} = await runCli(t, ['run', '--json', '--tap'])
  t.is(status, 2)
  t.regex(stderr, /--json and --tap both write to stdout; .*--reporter json=FILE/)
})

test('in GitHub Actions the progress is folded', async (t) => {
  const args = ['run', '--quick', 'server-aborts', '--out', temporaryFolder(t)]
  const {stderr} = await runCli(t, args, {env: {GITHUB_ACTIONS: 'true'}})
  t.regex(stderr, /^::group::Progress\n.*server-aborts.*^::endgroup::$/ms)
})

test('compare --out leaves a folder with a page', async (t) => {
  const out = temporaryFolder(t)
  const {status, stderr} = await runCli(t, ['compare', '--out', out])
  t.is(status, 0, stderr)
  t.true(existsSync(join(runFolder(out), 'report.html')))
  t.true(existsSync(join(runFolder(out), 'compare.md')))
})
