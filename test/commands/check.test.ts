import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {checkSchema} from '../../harness/documents/check-schema.ts'
import {readProcesses} from '../../harness/processes/process-table.ts'
import {freePort, httpServer, limitHere, platform, program} from '../check/servers.ts'
import {
  complaintsOf,
  runCli,
  runFolder,
  soon,
  stackTrace,
  startCli,
  temporaryFolder,
  until,
} from './cli.ts'

function isAlive(pid: number): boolean {
  return readProcesses().some((each) => each.pid === pid && !each.zombie)
}

test('check --json prints the document of the contract and nothing else, and leaves it in the run folder', async (t) => {
  const out = temporaryFolder(t)
  const port = await freePort(t)
  const command = ['node', program(t, 'server.mjs', `console.log('up \\u001b[2J')\n${httpServer}`)]
  const {status, stdout, stderr} = await runCli(t, [
    'check',
    ...['--port', String(port), '--rounds', '2', '--json', '--verbose', '--out', out],
    ...['--send', 'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', '--', ...command],
  ])
  t.is(status, 0, stderr)
  const document = checkSchema.parse(JSON.parse(stdout))
  t.is(document.format, 'rebind-check')
  t.is(document.version, 1)
  t.deepEqual(document.command, command)
  t.is(document.port, port)
  t.true(document.safe, JSON.stringify(document))
  t.is(document.rounds.length, 2)
  const contract = [
    ...['startupSeconds', 'exitSeconds', 'exitedBy', 'residue', 'verdict', 'attempts'],
    ...['outageSeconds', 'waitSeconds', 'refusedConnections', 'errors'],
  ]
  for (const round of document.rounds) for (const name of contract) t.true(name in round, name)

  t.regex(stderr, /^\[\d+ stdout\] up /m, '--verbose shows what the server says')
  t.false(stderr.includes('\u001b[2J'))
  const folder = runFolder(out)
  t.deepEqual(readdirSync(folder).sort(), [
    'check.json',
    'check.md',
    'events.ndjson',
    'report.html',
    'server.log',
  ])
  t.deepEqual(JSON.parse(readFileSync(join(folder, 'check.json'), 'utf8')), document)
  t.is(readFileSync(join(folder, 'server.log'), 'utf8').match(/stdout\] up/g)?.length, 3)
  t.regex(readFileSync(join(folder, 'check.md'), 'utf8'), /SAFE: each of 2 restarts was immediate/)
})

test('an unsafe restart is exit status 1, with what the server said and what to do', async (t) => {
  const out = temporaryFolder(t)
  const port = await freePort(t)
  writeFileSync(
    join(out, 'lock.mjs'),
    `
    import {existsSync, writeFileSync} from 'node:fs'
    const lock = new URL('lock', import.meta.url)
    if (existsSync(lock)) { console.error('error: locked \\u001b]0;title\\u0007'); process.exit(3) }
    writeFileSync(lock, '')
    ${httpServer}`,
  )
  const limit = String(await limitHere(1))
  const args = ['--limit', limit, '--port', String(port), '--out', join(out, 'logs')]
  const {status, stdout, stderr} = await runCli(t, [
    'check',
    ...args,
    '--',
    'node',
    join(out, 'lock.mjs'),
  ])
  t.is(status, 1, stderr)
  t.regex(stdout, /^NOT SAFE: 1 of 1 restarts was not immediate \(blocked\)$/m)
  t.regex(stdout, /exited with status 3: error: locked/)
  t.regex(stdout, /What to do\n- /)
  t.false(stdout.includes('\u001b]'))
  t.regex(stderr, /round 1: exited with status 3, trying again/)
})

test('a server that cannot be measured is exit status 3, with the remedy', async (t) => {
  const port = await freePort(t)
  const out = temporaryFolder(t)
  const args = ['check', '--port', String(port), '--out', out, '--', 'node', '-e', '0']
  const {status, stdout, stderr} = await runCli(t, args)
  t.is(status, 3)
  t.regex(stdout, /COULD NOT MEASURE: the server exited with status 0 before it listened/)
  t.notRegex(stderr, stackTrace)
})

test('a program that does not exist is bad usage, and leaves no run folder', async (t) => {
  const out = temporaryFolder(t)
  const port = await freePort(t)
  const args = ['check', '--port', String(port), '--out', out, '--', 'no-such-program']
  const {status, stdout, stderr} = await runCli(t, args)
  t.is(status, 2)
  t.is(stdout, '')
  t.deepEqual(complaintsOf(stderr), [
    'rebind: there is no program "no-such-program" in the PATH; give its path',
  ])
  t.deepEqual(readdirSync(out), [])
})

const usageErrors: [what: string, args: string[], complaint: RegExp][] = [
  ['no port', ['--', 'true'], /no port given/],
  ['no command', ['--port', '3000'], /no command given/],
  [
    'a stop signal that is none',
    ['--port', '3000', '--stop', 'SIGFOO', '--', 'true'],
    /SIGTERM, SIGINT, SIGKILL, none/,
  ],
  ['no rounds', ['--port', '3000', '--rounds', '0', '--', 'true'], /number from 1 to 1000/],
  ['a variable without a value', ['--port', '3000', '--env', 'X', '--', 'true'], /NAME=value/],
  [
    'an unknown escape',
    ['--port', '3000', '--send', '\\q', '--', 'true'],
    /"\\q" is not a valid escape/,
  ],
  ['a host name', ['--port', '3000', '--host', 'example.org', '--', 'true'], /not an IP address/],
]
for (const [what, args, complaint] of usageErrors) {
  test(`check with ${what} is one complaint, exit status 2, and makes no run folder`, async (t) => {
    const cwd = temporaryFolder(t)
    const {status, stdout, stderr} = await runCli(t, ['check', ...args], {cwd})
    t.is(status, 2, stderr)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(stderr, complaint)
    t.deepEqual(readdirSync(cwd), [])
  })
}

const pidsOf = (folder: string) =>
  ['server', 'child'].map((name) => Number(readFileSync(join(folder, name), 'utf8')))

/** A server with a child in a session of its own; both leave their pids in the folder. */
const familyServer = `
  import {spawn} from 'node:child_process'
  import {writeFileSync} from 'node:fs'
  process.on('SIGTERM', () => {})
  const {pid} = spawn('sleep', ['300'], {detached: true, stdio: 'ignore'})
  writeFileSync('child', String(pid))
  writeFileSync('server', String(process.pid))
  ${httpServer}
`

test('when check is killed its server ends by itself, with all processes that it started', async (t) => {
  const cwd = temporaryFolder(t)
  const port = await freePort(t)
  const server = program(t, 'server.mjs', familyServer)
  const args = ['check', '--port', String(port), '--stop', 'none', '--stop-timeout', '60']
  const cli = startCli(t, [...args, '--', 'node', server], {cwd})
  await until(() => readdirSync(cwd).includes('server'), 20, 'the start of the server')
  await until(() => pidsOf(cwd).every((pid) => pid > 0), soon, 'the pids')
  const [pid = 0, child = 0] = pidsOf(cwd)
  t.true(isAlive(pid) && isAlive(child))
  process.kill(cli.pid, 'SIGKILL')
  await cli.ended
  await until(() => !isAlive(pid), soon, 'the end of the server')
  if (platform.stack === 'linux') await until(() => !isAlive(child), soon, 'the end of its child')
  else process.kill(child, 'SIGKILL')
  t.pass()
})

for (const [signal, expected] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends check and its server in order, with what is known up to then`, async (t) => {
    const cwd = temporaryFolder(t)
    const port = await freePort(t)
    const server = program(t, 'server.mjs', familyServer)
    const args = ['check', '--json', '--port', String(port), '--stop-timeout', '60']
    const cli = startCli(t, [...args, '--', 'node', server], {cwd})
    await until(() => readdirSync(cwd).includes('server'), 20, 'the start of the server')
    process.kill(cli.pid, signal)
    const {status, stdout, stderr} = await cli.ended
    t.is(status, expected, stderr)
    const {problem, safe} = checkSchema.parse(JSON.parse(stdout))
    t.is(problem?.kind, 'interrupted')
    t.false(safe)
    t.notRegex(stderr, stackTrace)
    t.false(isAlive(pidsOf(cwd)[0] ?? 0))
  })
}
