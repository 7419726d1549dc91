import test, {type ExecutionContext} from 'ava'
import {type CheckDocument, checkSchema} from '../../harness/documents/check-schema.ts'
import {isWithin, readKernelVersion} from '../../harness/platforms/kernel-version.ts'
import {freePort, httpServer, missingServer, program} from '../check/servers.ts'
import {namespaceProblem, privateNetwork} from '../namespaces/available.ts'
import {needs} from '../needs.ts'
import {missingProgram, runCli, temporaryFolder} from './cli.ts'

test('each option that cannot be is refused before anything is started, with the remedy', async (t) => {
  const folder = temporaryFolder(t)
  const complain = async (...args: string[]) => {
    const {status, stderr} = await runCli(t, ['check', '--out', folder, '--port', '20500', ...args])
    t.is(status, 2, stderr)
    // What is wrong with an option is told with where its help is.
    const [line, ...help] = stderr.trim().split('\n')
    t.true(
      help.every((each) => each.includes('--help')),
      stderr,
    )
    t.regex(line ?? '', /^rebind: /)
    return stderr
  }
  const server = ['--', 'node', 'server.js']
  t.regex(await complain('--attach', ...server), /leave the command out/)
  t.regex(await complain('--attach'), /nobody listens on port 20500/)
  t.regex(await complain('--trigger', "touch 'x", ...server), /quote without an end/)
  t.regex(await complain('--trigger', ' ', ...server), /must be a command/)
  t.regex(await complain('--trigger', 'true', '--http', 'health', ...server), /begins with \//)
  const cannot = /^rebind: option '--\S+( <\w+>)?' cannot be used with option '--\S+( <\w+>)?'/
  t.regex(await complain('--twice', '--attach'), cannot)
  t.regex(await complain('--twice', '--http', '/', ...server), cannot)
  t.regex(await complain('--activate', '--attach'), cannot)
  t.regex(await complain('--socket', 'app.sock', ...server), cannot)
  t.regex(await complain('--http', '/', ...server), /'--http' needs one of --trigger, --attach/)
  t.regex(await complain('--attach', '--stop', 'SIGINT'), /'--stop' .* it is for a plain restart/)
  t.regex(await complain('--port', '20501', '--twice', ...server), /give one --port/)
  t.regex(await complain('--port', '20500', ...server), /port 20500 was given twice/)
  t.regex(await complain('--max-outage', 'soon', ...server), /duration, e\.g\. 200ms/)
  t.regex(await complain('--max-lost', '-1', ...server), /number from 0/)
  t.regex(await complain('--trigger-timeout', '2147484', ...server), /at most 2147483/)
  t.regex(await complain(), /no command given/)
})

test('a limit that is exceeded fails the check, and is named in every format', async (t) => {
  const folder = temporaryFolder(t)
  const port = await freePort(t)
  const file = program(t, 'server.mjs', httpServer)
  const args = ['check', '--out', folder, '--port', `${port}`, '--max-outage', '0ms']
  const {status, stdout} = await runCli(t, [
    ...args,
    ...['--reporter', 'terminal', '--reporter', `junit=${folder}/j.xml`],
    ...['--', 'node', file],
  ])
  t.is(status, 1)
  t.regex(stdout, /--max-outage 0\.000 s was exceeded/)
})

/** Each connection is greeted; a successor listens, too, before this one stops accepting, and then closes its socket. */
const handingOver = `
import os, signal, socket, subprocess, sys, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(('127.0.0.1', int(os.environ['PORT'])))
server.listen(4096)
server.settimeout(0.01)
stops_at = None
def hand_over(*_):
    subprocess.Popen([sys.executable, __file__], env={**os.environ, 'OLD': str(os.getpid())})
def stop_soon(*_):
    global stops_at
    stops_at = time.monotonic() + 1
signal.signal(signal.SIGHUP, hand_over)
signal.signal(signal.SIGUSR1, stop_soon)
if 'OLD' in os.environ:
    os.kill(int(os.environ['OLD']), signal.SIGUSR1)
while stops_at is None or time.monotonic() < stops_at:
    try:
        connection, _ = server.accept()
    except TimeoutError:
        continue
    connection.sendall(b'hello\\n')
    connection.close()
time.sleep(1)
server.close()
`

const migrates = isWithin(readKernelVersion() ?? '0', '5.14', 'Infinity')
const inNamespace = needs(
  namespaceProblem ??
    missingServer('python3') ??
    missingProgram('ip') ??
    (migrates ? undefined : 'this kernel may be older than Linux 5.14'),
  test.serial,
)

async function handOver(t: ExecutionContext, migrate: 0 | 1): Promise<CheckDocument> {
  const folder = temporaryFolder(t)
  const script =
    'echo "$1" >/proc/sys/net/ipv4/tcp_migrate_req && ip link set lo up && shift && exec "$@"'
  const launcher = [...(privateNetwork ?? []), 'sh', '-c', script, 'sh', `${migrate}`]
  const file = program(t, 'handing-over.py', handingOver)
  const {stdout, stderr} = await runCli(
    t,
    [
      ...['check', '--json', '--out', folder, '--port', '20501', '--rate', '200'],
      ...['--trigger', 'kill -HUP {pid}', '--', 'python3', file],
    ],
    {launcher},
  )
  t.log(stderr)
  return checkSchema.parse(JSON.parse(stdout))
}

inNamespace(
  'a handover by SO_REUSEPORT loses what is in the queue of the socket that closes',
  async (t) => {
    const document = await handOver(t, 0)
    t.true(document.trigger?.reloaded)
    t.false(document.lossless)
    const queue = document.losses?.find(({kind}) => kind === 'queue-closed')
    t.true((queue?.count ?? 0) > 0)
    t.regex(queue?.because ?? '', /tcp_migrate_req is 0/)
    t.is(document.traffic?.new.refused, 0)
  },
)

inNamespace('with tcp_migrate_req=1 it loses nothing', async (t) => {
  const document = await handOver(t, 1)
  t.true(document.trigger?.reloaded)
  t.deepEqual(document.losses, [])
  t.true(document.lossless)
})
