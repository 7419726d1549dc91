import {spawnSync} from 'node:child_process'
import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {statusOf} from '../../harness/commands/matrix.ts'
import {type Matrix, matrixSchema} from '../../harness/documents/matrix-schema.ts'
import {addressesHere} from '../../harness/matrix/addresses.ts'
import {cellsOf} from '../../harness/matrix/cells.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {namespaceProblem, privateNetwork} from '../namespaces/available.ts'
import {
  complaintsOf,
  missingProgram,
  runCli,
  runFolder,
  stackTrace,
  startCli,
  temporaryFolder,
  testUnless,
} from './cli.ts'

const problem = nativeOpenerProblem()
const platform = detectPlatform()
const small = ['--residue', 'TIME_WAIT', '--residue', 'outgoing-ESTABLISHED']

function readMatrix(out: string): Matrix {
  return matrixSchema.parse(JSON.parse(readFileSync(join(runFolder(out), 'matrix.json'), 'utf8')))
}

testUnless(
  problem ?? (platform.rules?.measured ? undefined : `${platform.title} is not yet measured`),
  'every cell of the machine at hand answers as the rules say, in a second run right after, too',
  async (t) => {
    for (const expected of [
      cellsOf({addresses: addressesHere().available}).length,
      cellsOf({addresses: addressesHere().available}).length,
    ]) {
      const out = temporaryFolder(t)
      const {status, stdout, stderr} = await runCli(t, ['matrix', '--out', out])
      t.is(status, 0, stdout)
      t.notRegex(stderr, stackTrace)
      const {agreement, cells} = readMatrix(out)
      t.is(cells.length, expected)
      t.deepEqual(agreement, {agreeing: expected, disagreeing: 0, unknown: 0})
      t.true(stdout.includes(`${expected} cells: ${expected} agree with the rules, 0 disagree`))
      t.deepEqual(readdirSync(runFolder(out)).sort(), [
        'events.ndjson',
        'matrix.json',
        'matrix.md',
        'report.html',
      ])
    }
  },
)

testUnless(problem, 'two at once do not disturb each other', async (t) => {
  const runs = await Promise.all(
    ['one', 'two'].map((name) =>
      runCli(t, ['matrix', ...small, '--json', '--out', join(temporaryFolder(t), name)]),
    ),
  )
  for (const {status, stdout, stderr} of runs) {
    const {cells} = matrixSchema.parse(JSON.parse(stdout))
    t.deepEqual(
      cells.filter(({agrees}) => agrees !== true),
      [],
    )
    t.is(status, 0, stderr)
  }
})

/** Most of the ports that connect() chooses from have a connection of somebody else's, to another server. */
const crowded = `
  const {connect, createServer} = require('node:net')
  const {spawn} = require('node:child_process')
  const [command, ...args] = process.argv.slice(1)
  const server = createServer().listen(20000, '127.0.0.1', async () => {
    for (let many = 0; many < 120; many++) {
      await new Promise((resolve) => connect(20000, '127.0.0.1', resolve))
    }
    spawn(command, args, {stdio: 'inherit'}).on('exit', (status) => process.exit(status))
  })`

testUnless(
  problem ?? namespaceProblem ?? missingProgram('ip'),
  'where most ports are in use, connect() is asked until it chooses one that nobody else uses',
  async (t) => {
    const range = '/proc/sys/net/ipv4/ip_local_port_range'
    const script = `ip link set lo up && echo 40000 40255 > ${range} && exec "$@"`
    const launcher = [...(privateNetwork ?? []), 'sh', '-c', script, 'sh']
    const args = ['--residue', 'outgoing-ESTABLISHED']
    const {status, stdout, stderr} = await runCli(
      t,
      ['matrix', ...args, '--json', '--out', temporaryFolder(t)],
      {launcher: [...launcher, process.execPath, '-e', crowded]},
    )
    t.is(status, 0, stderr)
    const {cells} = matrixSchema.parse(JSON.parse(stdout))
    t.true(cells.every(({agrees}) => agrees === true))
  },
)

testUnless(problem, 'filters keep the residues and addresses that they name', async (t) => {
  const args = ['--residue', 'TIME_WAIT', '--address', '127.0.0.1', '--address', 'dual']
  const out = temporaryFolder(t)
  const {status, stdout} = await runCli(t, ['matrix', ...args, '--json', '--out', out])
  t.is(status, 0)
  const matrix = matrixSchema.parse(JSON.parse(stdout))
  t.deepEqual(matrix, readMatrix(out))
  t.deepEqual(
    matrix.cells.map(({residue, predecessor, successor}) => ({residue, predecessor, successor})),
    cellsOf({residues: ['TIME_WAIT'], addresses: ['127.0.0.1', 'dual']}),
  )
  t.true(matrix.cells.every(({agrees}) => agrees === true))
})

testUnless(problem, 'Markdown on stdout is the same as in the run folder', async (t) => {
  const out = temporaryFolder(t)
  const args = ['--residue', 'none', '--address', '127.0.0.1', '--format', 'markdown']
  const {status, stdout} = await runCli(t, ['matrix', ...args, '--out', out])
  t.is(status, 0)
  t.is(stdout, readFileSync(join(runFolder(out), 'matrix.md'), 'utf8'))
  t.regex(stdout, /^# Bind table\n/)
})

for (const stack of ['linux', 'darwin', 'gvisor'] as const) {
  test(`what ${stack} is predicted to answer is printed on every machine, and nothing written`, async (t) => {
    const cwd = temporaryFolder(t)
    const {status, stdout} = await runCli(
      t,
      ['matrix', '--predict', '--platform', stack, '--json'],
      {cwd},
    )
    t.is(status, 0)
    const {host, cells, agreement, predicted, rules} = matrixSchema.parse(JSON.parse(stdout))
    t.is(host.stack, stack)
    t.true(predicted)
    t.is(rules?.measured, stack !== 'darwin')
    t.is(cells.length, cellsOf({}).length)
    t.true(cells.every(({observed}) => observed === null))
    t.true(cells.every(({expected}) => expected === 'granted' || expected === 'EADDRINUSE'))
    t.deepEqual(agreement, {agreeing: 0, disagreeing: 0, unknown: cells.length})
    t.deepEqual(readdirSync(cwd), [])
  })
}

const usageErrors: [what: string, args: string[], complaint: RegExp][] = [
  [
    'an unknown residue',
    ['--residue', 'TIME'],
    /unknown residue "TIME"; it is one of none, LISTEN/,
  ],
  ['an unknown address', ['--address', '10.0.0.1'], /unknown address "10.0.0.1"; it is one of 127/],
  [
    'an unknown platform',
    ['--predict', '--platform', 'plan9'],
    /"plan9"; it is one of linux, darwin/,
  ],
  ['another platform to measure', ['--platform', 'darwin'], /--platform needs --predict/],
  [
    'an unknown format',
    ['--format', 'pdf'],
    /'pdf' is invalid. Allowed choices are terminal, markdo/,
  ],
  [
    'two formats',
    ['--json', '--format', 'markdown'],
    /--json and --format markdown both write to stdout/,
  ],
  ['an argument', ['TIME_WAIT'], /too many arguments for 'matrix'/],
]

for (const [what, args, complaint] of usageErrors) {
  test(`${what} is one complaint, exit status 2, and makes no run folder`, async (t) => {
    const cwd = temporaryFolder(t)
    const {status, stdout, stderr} = await runCli(t, ['matrix', ...args], {cwd})
    t.is(status, 2)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(stderr, complaint)
    t.deepEqual(readdirSync(cwd), [])
  })
}

testUnless(problem, 'an interrupted matrix ends early and keeps what it has', async (t) => {
  const out = temporaryFolder(t)
  const {child, ended, shows} = startCli(t, ['matrix', '--out', out])
  await shows(/Trying \d+ cells/)
  child.kill('SIGINT')
  const {status, stderr, stdout} = await ended
  t.is(status, 130)
  t.notRegex(stderr, stackTrace)
  t.regex(stdout, /interrupted by SIGINT/)
  const {interrupted, cells} = readMatrix(out)
  t.is(interrupted, 'SIGINT')
  t.true(cells.some(({observed}) => observed === null))
})

testUnless(
  problem ?? missingProgram('prlimit'),
  'within 256 open files it works, with far fewer it says what to do',
  async (t) => {
    const withFiles = (files: number) =>
      runCli(t, ['matrix', '--out', temporaryFolder(t), ...small, '--residue', 'FIN_WAIT2'], {
        launcher: ['prlimit', `--nofile=${files}:${files}`],
      })
    const [enough, few] = await Promise.all([withFiles(256), withFiles(60)])
    t.is(enough.status, 0, enough.stderr)
    t.is(few.status, 3)
    t.regex(few.stderr, /too many open files.*raise the limit \(ulimit -n\)/)
    t.notRegex(few.stderr, stackTrace)
  },
)

/** A network of its own in which the kernel keeps no TIME_WAIT. */
const withoutTimeWait = [
  'unshare',
  '--user',
  '--map-root-user',
  '--net',
  'sh',
  '-c',
  'ip link set lo up && echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets && exec "$@"',
  'sh',
]

testUnless(
  problem ??
    missingProgram('ip') ??
    (spawnSync(withoutTimeWait[0] ?? '', [...withoutTimeWait.slice(1), 'true']).status === 0
      ? undefined
      : 'user namespaces are not allowed'),
  'where a residue cannot be made, its cells are named and not counted, and the exit status is 3',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['--residue', 'TIME_WAIT', '--residue', 'LISTEN', '--address', '127.0.0.1']
    const {status, stdout} = await runCli(t, ['matrix', ...args, '--out', out], {
      launcher: withoutTimeWait,
    })
    t.is(status, 3)
    const {agreement, cells} = readMatrix(out)
    t.deepEqual(agreement, {agreeing: 16, disagreeing: 0, unknown: 16})
    for (const {residue, observed, reason} of cells) {
      t.is(observed === null, residue === 'TIME_WAIT')
      t.is(reason, residue === 'TIME_WAIT' ? 'TIME_WAIT is not in the socket table' : undefined)
    }
    t.true(
      stdout.includes('Could not be tried\nTIME_WAIT is not in the socket table:\n\n- TIME_WAIT'),
    )
  },
)

test('a cell that disagrees weighs more than one that could not be tried', (t) => {
  const server = {bind: 'none', address: '127.0.0.1'} as const
  const cell = {
    residue: 'none',
    predecessor: server,
    successor: server,
    expected: 'granted',
  } as const
  const status = (...cells: Matrix['cells']) =>
    statusOf({
      cells,
      agreement: {
        agreeing: 0,
        disagreeing: cells.filter(({agrees}) => agrees === false).length,
        unknown: 0,
      },
    } as Matrix)
  const fine = {...cell, observed: 'granted', agrees: true}
  const disagreeing = {...cell, observed: 'EADDRINUSE', agrees: false}
  const untried = {...cell, observed: null, agrees: null}
  t.is(status(fine), 0)
  t.is(status(fine, disagreeing, untried), 1)
  t.is(status(fine, untried), 3)
})
