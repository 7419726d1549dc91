import {join} from 'node:path'
import test from 'ava'
import {findProgram} from '../../harness/survey/programs.ts'
import {temporaryFolder, testUnless} from '../commands/cli.ts'
import {
  check,
  freePort,
  httpServer,
  missingServer,
  onlyRound,
  plainPython,
  platform,
  program,
  shortWait,
} from './servers.ts'

const asksBothSockets = platform.stack === 'linux' || platform.stack === 'gvisor'

testUnless(
  missingServer('python3') ?? (asksBothSockets ? undefined : 'residue is judged for Linux'),
  'a Python socket without SO_REUSEADDR is blocked by its own connection, and is told the line to add',
  async (t) => {
    const document = await check(t, ['python3', program(t, 'server.py', plainPython)], shortWait)
    const round = onlyRound(t, document)
    t.false(document.safe)
    t.is(round.verdict, 'blocked')
    t.is(round.waitSeconds, null)
    t.is(round.outageSeconds, null)
    t.true(round.attempts >= 1)
    t.true(round.refusedConnections > 0)
    const [error] = round.errors
    t.is(error?.code, 'EADDRINUSE')
    t.is(error?.exitStatus, 1)
    t.true(error?.lines.some((line) => line.includes('Address already in use')))
    t.is(document.reuseaddr.set, false)
    t.is(document.runtime, 'Python')
    const advice = document.advice.join('\n')
    t.regex(advice, /setsockopt\(socket\.SOL_SOCKET, socket\.SO_REUSEADDR, 1\)/)
    t.regex(advice, /first restart after this change still has to wait/)
    if (platform.hiddenStates.length === 0) {
      t.deepEqual(round.residue, [{endpoint: 'server', state: 'TIME_WAIT', count: 1}])
    }
  },
)

test('a Node http server is safe over its own TIME_WAIT, and its behaviour shows SO_REUSEADDR', async (t) => {
  const document = await check(t, ['node', program(t, 'server.mjs', httpServer)])
  const round = onlyRound(t, document)
  t.true(document.safe, JSON.stringify(document))
  t.is(round.verdict, 'immediate')
  t.is(round.waitSeconds, 0)
  t.is(round.attempts, 1)
  t.is(round.exitedBy, 'SIGTERM')
  t.is(round.exitSignal, 'SIGTERM')
  // As long as two Nodes take to start, on a crowded machine seconds; never as long as a residue.
  t.true((round.outageSeconds ?? 99) < 30)
  t.deepEqual(round.errors, [])
  t.is(document.runtime, 'Node')
  if (platform.rules !== null) t.is(document.reuseaddr.set, true, document.reuseaddr.because)
})

const safeServers: [name: string, command: string[]][] = [
  ['python3', ['-m', 'http.server', '--bind', '127.0.0.1', '{port}']],
  ['socat', ['TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr', 'PIPE']],
  ['redis-server', ['--port', '{port}', '--bind', '127.0.0.1', '--save', '']],
]
for (const [name, args] of safeServers) {
  testUnless(missingServer(name), `${name} ${args[0]} is safe`, async (t) => {
    const document = await check(t, [name, ...args], {cwd: temporaryFolder(t)})
    const round = onlyRound(t, document)
    t.true(document.safe, JSON.stringify(round))
    t.true(
      round.residue?.some(({endpoint}) => endpoint === 'server') ?? true,
      'it had a connection',
    )
  })
}

testUnless(missingServer('nginx'), 'nginx is safe', async (t) => {
  const port = await freePort(t)
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const configuration = program(
    t,
    'nginx.conf',
    `daemon off; pid nginx.pid; error_log stderr; events {}
    http { access_log off; ${paths.map((name) => `${name}_temp_path ${name};`).join(' ')}
      server { listen 127.0.0.1:${port}; location / { return 204; } } }`,
  )
  const nginx = findProgram('nginx') ?? ''
  const command = [nginx, '-p', join(configuration, '..'), '-e', 'stderr', '-c', configuration]
  const document = await check(t, command, {port})
  t.true(document.safe, JSON.stringify(document))
  t.is(document.runtime, 'nginx')
})

testUnless(
  missingServer('nc'),
  'nc -l, which serves one client and exits, counts as listening in each of two rounds',
  async (t) => {
    const document = await check(t, ['nc', '-l', '127.0.0.1', '{port}'], {rounds: 2})
    t.is(document.problem, undefined)
    t.deepEqual(
      document.rounds.map(({verdict}) => verdict),
      ['immediate', 'immediate'],
    )
    t.true(document.safe, JSON.stringify(document))
  },
)

testUnless(
  missingServer('socat') ?? (asksBothSockets ? undefined : 'residue is judged for Linux'),
  'socat without reuseaddr whose child outlives it is not safe, and the child is named',
  async (t) => {
    const document = await check(
      t,
      ['socat', 'TCP-LISTEN:{port},bind=127.0.0.1,fork', 'EXEC:cat'],
      shortWait,
    )
    const round = onlyRound(t, document)
    t.false(document.safe)
    t.is(round.verdict, 'blocked')
    t.true(round.survivors.some(({command}) => command.startsWith('socat')))
    const advice = document.advice.join('\n')
    t.regex(advice, /TCP-LISTEN:\{port\},reuseaddr/)
    t.regex(advice, /still running at the restart: pid \d+ \(socat/)
  },
)

test('node --watch is stopped with its server, and safe', async (t) => {
  const document = await check(t, ['node', '--watch', program(t, 'server.mjs', httpServer)])
  t.is(onlyRound(t, document).verdict, 'immediate')
})

test('a cluster of workers is stopped with its primary, and safe', async (t) => {
  const source = `
    import cluster from 'node:cluster'
    import {createServer} from 'node:http'
    if (cluster.isPrimary) { cluster.fork(); cluster.fork() }
    else createServer((request, response) => response.end()).listen(process.env.PORT, '127.0.0.1')
  `
  const document = await check(t, ['node', program(t, 'server.mjs', source)])
  t.is(onlyRound(t, document).verdict, 'immediate')
})
