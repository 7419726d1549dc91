import {execFileSync, spawnSync} from 'node:child_process'
import {existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import test, {type ExecutionContext} from 'ava'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {freePort, limitHere} from '../check/servers.ts'
import {recordedReport} from '../documents/documents.ts'
import {problemOf} from '../survey/available.ts'
import {complaintsOf, missingProgram, runCli, temporaryFolder, testUnless} from './cli.ts'

const problem = nativeOpenerProblem()
const junitSchema = fileURLToPath(new URL('../feeds/junit.rng', import.meta.url))
const small = ['matrix', '--residue', 'LISTEN', '--address', '127.0.0.1']

testUnless(
  problem,
  'every reporter of matrix writes its file, and stdout keeps the table',
  async (t) => {
    const folder = temporaryFolder(t)
    const names = ['terminal', 'json', 'junit', 'tap', 'markdown', 'github']
    const asked = names.flatMap((name) => ['--reporter', `${name}=${join(folder, name)}`])
    const {status, stdout, stderr} = await runCli(
      t,
      [...small, ...asked, '--out', join(folder, 'out')],
      {
        env: {FORCE_COLOR: '1', NO_COLOR: undefined},
      },
    )
    t.is(status, 0, stderr)
    const read = (name: string) => readFileSync(join(folder, name), 'utf8')
    t.true(stdout.includes('\u001b['), 'forced colours')
    t.false(read('terminal').includes('\u001b['), 'no colours in a file')
    t.regex(read('terminal'), /16 cells: 16 agree/)
    t.is(JSON.parse(read('json')).cells.length, 16)
    t.regex(
      read('junit'),
      /<testcase name="LISTEN left by none, then none" classname="rebind\.\w+\.LISTEN"/,
    )
    t.regex(read('tap'), /^TAP version 14\n1\.\.16\n/)
    t.regex(read('markdown'), /^# Bind table/m)
    t.is(read('github'), '')
  },
)

interface Reporting {
  what: string
  problem: string | undefined
  /** @param folder of the test's own */
  args(t: ExecutionContext, folder: string): Promise<string[]> | string[]
  status: number
  /** How many test cases, and how many of them fail, are errors, and are skipped. */
  counts: [tests: number, failures: number, errors: number, skipped: number]
  /** What the reporters say of each, in this order; all is said of it by TAP. */
  cases: RegExp[]
  /** What GitHub shows beside the summary. */
  annotations: RegExp[]
  summary: RegExp
}

/** Answers at first, and then exits at once. */
const lockedServer = `
  import {existsSync, writeFileSync} from 'node:fs'
  import {createServer} from 'node:net'
  const lock = new URL('lock', import.meta.url)
  if (existsSync(lock)) { console.error('error: locked'); process.exit(3) }
  writeFileSync(lock, '')
  createServer((socket) => socket.on('error', () => undefined)).listen(process.env.PORT, '127.0.0.1')`
const server = lockedServer.replace(/if .*\n.*\n/, '\n')

async function checkOf(t: ExecutionContext, folder: string, text: string): Promise<string[]> {
  writeFileSync(join(folder, 'server.mjs'), text)
  const port = String(await freePort(t))
  const command = [process.execPath, join(folder, 'server.mjs')]
  const limit = String(await limitHere(1))
  return ['check', '--port', port, '--limit', limit, '--out', join(folder, 'out'), '--', ...command]
}

/** The recorded run, as if one scenario had been granted at once and another had failed. */
function changedReport(folder: string): string {
  const report = recordedReport()
  const results = report.results.map((result) => {
    const {scenario, bind} = result
    if (scenario === 'server-killed' && bind !== null) {
      return {...result, bind: {...bind, verdict: 'immediate' as const, firstError: null}}
    }
    const failed = {status: 'failed' as const, reason: 'it did not start', bind: null}
    return scenario === 'server-aborts' ? {...result, ...failed} : result
  })
  const file = join(folder, 'changed.json')
  writeFileSync(file, JSON.stringify({...report, results}))
  return file
}

/** What GitHub is told of it, where it is not installed. */
const noBun =
  problemOf('bun') === undefined
    ? []
    : [/^::notice title=1 skipped or not judged::.*bun: bun is not installed$/]

const reportings: Reporting[] = [
  {
    what: 'check of a safe restart',
    problem: undefined,
    args: (t, folder) => checkOf(t, folder, server),
    status: 0,
    counts: [1, 0, 0, 0],
    cases: [/ok 1 - round 1$/],
    annotations: [],
    summary: /\*\*SAFE: the restart was immediate\*\*/,
  },
  {
    what: 'check of a restart that is not safe',
    problem: undefined,
    args: (t, folder) => checkOf(t, folder, lockedServer),
    status: 1,
    counts: [1, 1, 0, 0],
    cases: [/not ok 1 - round 1$/],
    annotations: [/^::error title=round 1 unexpected::.*blocked: exited with status 3$/],
    summary: /\*\*NOT SAFE: 1 of 1 restarts/,
  },
  {
    what: 'check that could not measure',
    problem: undefined,
    args: (t, folder) => checkOf(t, folder, 'process.exit(0)'),
    status: 3,
    counts: [1, 0, 1, 0],
    cases: [/not ok 1 - round 1$/],
    annotations: [/^::error title=round 1 failed::.*exited with status 0 before it listened/],
    summary: /\*\*COULD NOT MEASURE: /,
  },
  {
    what: 'survey',
    problem: problemOf('node'),
    args: (_, folder) => ['survey', '--only', 'node,bun', '--out', join(folder, 'out')],
    status: 0,
    counts: [2, 0, 0, noBun.length],
    cases: [/ok 1 - node$/, /ok 2 - bun/],
    annotations: noBun,
    summary: /\*\*[12] of 2 servers measured/,
  },
  {
    what: 'timing',
    problem,
    args: (_, folder) => [
      ...['timing', '--ports', '2', '--spread', '0.1', '--limit', '1'],
      ...['--out', join(folder, 'out')],
    ],
    status: 3,
    counts: [2, 0, 0, 2],
    cases: [
      /ok 1 - port 1 of 2 # SKIP not released in time$/,
      /ok 2 - port 2 of 2 # SKIP not released in time$/,
    ],
    annotations: [/^::notice title=2 skipped or not judged::.*port 1 of 2: not released in time/],
    summary: /\*\*0 of 2 ports released/,
  },
  {
    what: 'compare --baseline',
    problem: undefined,
    args: (_, folder) => [
      ...[
        'compare',
        '--baseline',
        'logs/recorded/linux-6.18/report.json.gz',
        changedReport(folder),
      ],
    ],
    status: 1,
    counts: [3, 1, 1, 0],
    cases: [/ok 1 - everything else$/, /not ok 2 - server-killed$/, /not ok 3 - server-aborts$/],
    annotations: [
      /^::error title=server-killed unexpected::linux .*granted at once/,
      /^::error title=server-aborts failed::linux .*it did not start$/,
    ],
    summary: /\*\*\d+ scenarios against the baseline: 1 difference, 1 not compared\*\*/,
  },
  {
    what: 'matrix',
    problem,
    args: (_, folder) => [...small, '--out', join(folder, 'out')],
    status: 0,
    counts: [16, 0, 0, 0],
    cases: [/ok 1 - LISTEN left by none, then none$/],
    annotations: [],
    summary: /\*\*16 cells: 16 agree/,
  },
]

for (const {what, problem: own, args, status, counts, cases, annotations, summary} of reportings) {
  testUnless(
    own ?? missingProgram('xmllint'),
    `JUnit, TAP and GitHub are told the same of ${what}, and the JUnit XML is valid`,
    async (t) => {
      const folder = temporaryFolder(t)
      const [junit, tap, github, step] = ['junit', 'tap', 'github', 'summary'].map((name) =>
        join(folder, name),
      ) as [string, string, string, string]
      writeFileSync(step, '')
      const [command = '', ...rest] = await args(t, folder)
      const asked = [`junit=${junit}`, `tap=${tap}`, `github=${github}`].flatMap((each) => [
        ...['--reporter', each],
      ])
      const env = {GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: step}
      const ended = await runCli(t, [command, ...asked, ...rest], {env})
      t.is(ended.status, status, ended.stderr)
      const read = (file: string) => readFileSync(file, 'utf8')

      const checked = spawnSync('xmllint', ['--noout', '--relaxng', junitSchema, junit])
      t.is(checked.status, 0, String(checked.stderr))
      const [tests, failures, errors, skipped] = counts
      t.regex(
        read(junit),
        new RegExp(
          ` tests="${tests}" failures="${failures}" errors="${errors}" skipped="${skipped}" `,
        ),
      )

      const points = read(tap)
        .split('\n')
        .filter((line) => /^(not )?ok /.test(line))
      t.is(points.length, tests)
      t.is(points.filter((line) => line.startsWith('not ok')).length, failures + errors)
      t.is(points.filter((line) => line.includes(' # SKIP ')).length, skipped)
      for (const [index, point] of cases.entries()) t.regex(points[index] ?? '', point)

      const lines = read(github).split('\n').slice(0, -1)
      t.is(lines.length, annotations.length, read(github))
      for (const [index, line] of annotations.entries()) t.regex(lines[index] ?? '', line)
      t.regex(read(step), summary)
    },
  )
}

const usageErrors: [what: string, args: string[], complaint: RegExp][] = [
  [
    'two reporters on stdout',
    [...small, '--reporter', 'tap', '--json'],
    /--json and --reporter tap both write to stdout/,
  ],
  [
    'two into one file',
    [...small, '--reporter', 'tap=x', '--reporter', 'json=./x'],
    /both write to \.?\/?x/,
  ],
  [
    'an unknown reporter',
    [...small, '--reporter', 'xml'],
    /'xml' is invalid.*terminal, json, junit/,
  ],
  ['a reporter without a name of its file', [...small, '--reporter', 'tap='], /NAME=FILE/],
  [
    'JUnit of policies',
    ['policies', '--reporter', 'junit'],
    /'junit' is invalid.*terminal, json, markdown/,
  ],
  ['JUnit of a comparison', ['compare', '--reporter', 'junit'], /--baseline PATH/],
  ['a file in no folder', [...small, '--reporter', 'tap=no/x'], /ENOENT.*--reporter tap=FILE/],
  [
    'CSV and JSON on stdout',
    ['timing', '--export', 'csv', '--json'],
    /--json and --export csv both/,
  ],
  ['another export', ['timing', '--export', 'xlsx'], /'xlsx' is invalid.*csv/],
]
for (const [what, args, complaint] of usageErrors) {
  test(`${what}: one complaint, exit status 2, and no run folder`, async (t) => {
    const cwd = temporaryFolder(t)
    const {status, stdout, stderr} = await runCli(t, args, {cwd})
    t.is(status, 2)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(stderr, complaint)
    t.deepEqual(readdirSync(cwd), [])
  })
}

testUnless(missingProgram('mkfifo'), 'a reporter does not write to a FIFO', async (t) => {
  const fifo = join(temporaryFolder(t), 'x')
  execFileSync('mkfifo', [fifo])
  const {status, stderr} = await runCli(t, [...small, '--reporter', `tap=${fifo}`])
  t.is(status, 2)
  t.regex(stderr, /it is not a regular file/)
})

testUnless(problem, '--quiet leaves stderr empty, and stdout the result', async (t) => {
  const out = temporaryFolder(t)
  const commands = [
    [...small, '--out', out],
    ['run', '--quick', 'server-aborts', '--json', '--out', out],
    ['policies', 'logs/recorded/linux-6.18/report.json.gz', '--out', out],
    ['survey', '--only', 'node', '--limit', '1', '--out', out],
  ]
  for (const command of commands) {
    const {stdout, stderr} = await runCli(t, [...command, '--quiet'])
    t.is(stderr, '', command[0])
    t.not(stdout, '', command[0])
  }
})

testUnless(problem, 'timing --export csv writes a row per port', async (t) => {
  const folder = temporaryFolder(t)
  const file = join(folder, 'waits.csv')
  const few = ['--ports', '3', '--spread', '0.1', '--limit', '1']
  const args = ['timing', ...few, '--export', `csv=${file}`, '--quiet', '--json', '--out', folder]
  const {stdout} = await runCli(t, args)
  const lines = readFileSync(file, 'utf8').split('\r\n')
  t.is(lines.length, 5)
  t.regex(lines[0] ?? '', /^residue,port,closedAtSeconds,waitSeconds,uncertaintySeconds,attempts,/)
  const {samples} = JSON.parse(stdout)
  for (const [index, {port, closedAtSeconds}] of samples.entries()) {
    t.true(lines[index + 1]?.startsWith(`TIME_WAIT,${port},${closedAtSeconds},,`))
  }
  t.true(existsSync(file))
})
