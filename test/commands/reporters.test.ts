import {execFileSync} from 'node:child_process'
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {complaintsOf, missingProgram, runCli, temporaryFolder, testUnless} from './cli.ts'

const problem = nativeOpenerProblem()
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
  ['JUnit of a comparison', ['compare', '--reporter', 'junit'], /needs?|--baseline PATH/],
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
