import {spawnSync} from 'node:child_process'
import {symlinkSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import {type Free, freeSchema} from '../../harness/documents/free-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {
  complaintsOf,
  missingProgram,
  runCli,
  type Started,
  type StartOptions,
  startCli,
  startProgram,
  temporaryFolder,
  testUnless,
  until,
} from '../commands/cli.ts'
import {asNobody, nobodyProblem} from '../faults/machine.ts'
import {namespaceProblem, privateNetwork} from '../namespaces/available.ts'
import {needs} from '../needs.ts'
import {leaveTimeWait, listenOn, takePort} from '../why/residue.ts'

const onLinux =
  detectPlatform().stack === 'linux' ? nativeOpenerProblem() : 'this is about processes on Linux'
const linuxOnly = needs(onLinux)

/** Listens on the port that is its last argument, and says so. */
const server = `require('net').createServer((socket) => socket.on('error', () => {}))
  .listen(Number(process.argv.at(-1)), '127.0.0.1', () => console.log('up'))`
/** Ends by no signal that can be ignored. */
const stubborn = `process.on('SIGTERM', () => console.log('asked')); ${server}`

async function free(
  t: ExecutionContext,
  args: string[],
  options: StartOptions = {},
): Promise<Free & {status: number | null; stderr: string}> {
  const {status, stdout, stderr} = await runCli(t, ['free', '--json', ...args], options)
  return {...freeSchema.parse(JSON.parse(stdout)), status, stderr}
}

async function started(t: ExecutionContext, command: string[]): Promise<Started> {
  const program = startProgram(t, command)
  await program.shows(/up/, 'stdout')
  return program
}

function startServer(t: ExecutionContext, port: number, code = server): Promise<Started> {
  return started(t, [process.execPath, '-e', code, String(port)])
}

function isAlive({child}: Started): boolean {
  return child.exitCode === null && child.signalCode === null
}

linuxOnly('a port that is free needs nothing, and is said to be free', async (t) => {
  const port = await takePort(t)
  const answer = await free(t, [String(port)])
  t.like(answer, {status: 0, freed: true, plan: [], did: [], left: []})
})

linuxOnly('a server is ended by SIGTERM, once --yes says so, and the port is free', async (t) => {
  const port = await takePort(t)
  const holder = await startServer(t, port)
  const before = await free(t, [String(port), '--dry-run'])
  t.like(before, {status: 1, freed: false, did: []})
  t.like(before.plan, [{what: 'signal', pid: holder.pid, signal: 'SIGTERM'}])
  const asked = await runCli(t, ['free', String(port)])
  t.is(asked.status, 2)
  t.is(asked.stdout, '')
  t.is(complaintsOf(asked.stderr).length, 1)
  t.regex(
    asked.stderr,
    new RegExp(`send SIGTERM to process ${holder.pid} .*; add --yes to do it$`, 'm'),
  )
  t.true(isAlive(holder), 'nothing was done without --yes')

  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 0, freed: true, left: []})
  t.like(answer.did, [{what: 'signal', pid: holder.pid, signal: 'SIGTERM'}])
  t.is((await holder.ended).signal, 'SIGTERM')
})

linuxOnly('a server that does not end by SIGTERM is killed after --timeout', async (t) => {
  const port = await takePort(t)
  const holder = await startServer(t, port, stubborn)
  const answer = await free(t, [String(port), '--yes', '--timeout', '0.2'])
  t.like(answer, {status: 0, freed: true}, answer.because)
  t.deepEqual(
    answer.did.map(({signal}) => signal),
    ['SIGTERM', 'SIGKILL'],
  )
  const {signal, stdout} = await holder.ended
  t.is(signal, 'SIGKILL')
  t.regex(stdout, /asked/)
})

linuxOnly('the shell that runs nothing but the server ends with it', async (t) => {
  const port = await takePort(t)
  const script = '"$0" -e "$1" "$2"; echo the shell goes on'
  const shell = await started(t, ['sh', '-c', script, process.execPath, server, String(port)])
  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 0, freed: true}, answer.because)
  t.is(answer.did[0]?.pid, shell.pid)
  const {signal, stdout} = await shell.ended
  t.is(signal, 'SIGTERM')
  t.notRegex(stdout, /goes on/)
})

linuxOnly('a shell that runs something else, too, is left alone', async (t) => {
  const port = await takePort(t)
  const script = 'sleep 600 & "$0" -e "$1" "$2"; echo the shell goes on; kill $!'
  const shell = await started(t, ['sh', '-c', script, process.execPath, server, String(port)])
  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 0, freed: true}, answer.because)
  t.is(answer.did.length, 1)
  t.not(answer.did[0]?.pid, shell.pid)
  t.regex((await shell.ended).stdout, /goes on/)
})

linuxOnly('a shell of another session is left alone', async (t) => {
  const port = await takePort(t)
  const script = 'setsid "$0" -e "$1" "$2"; echo the shell goes on'
  const shell = await started(t, ['sh', '-c', script, process.execPath, server, String(port)])
  const answer = await free(t, [String(port), '--yes'])
  t.true(answer.freed)
  t.false(answer.did.some(({pid}) => pid === shell.pid))
  t.regex((await shell.ended).stdout, /goes on/)
})

testUnless(onLinux ?? nobodyProblem, 'a shell of another user is left alone', async (t) => {
  const port = await takePort(t)
  const become = 'setpriv --reuid=65534 --regid=65534 --clear-groups'
  const script = `${become} "$0" -e "$1" "$2"; echo the shell goes on`
  const shell = await started(t, ['sh', '-c', script, process.execPath, server, String(port)])
  const answer = await free(t, [String(port), '--yes'])
  t.true(answer.freed, answer.because)
  t.false(answer.did.some(({pid}) => pid === shell.pid))
  t.regex((await shell.ended).stdout, /goes on/)
})

linuxOnly('workers that share the socket end with the process that started them', async (t) => {
  const port = await takePort(t)
  const code = "process.on('SIGTERM', () => {}); process.send('up'); setInterval(() => {}, 1000)"
  const program = `
    const server = require('net').createServer().listen(${port}, '127.0.0.1', () => {
      const worker = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(code)}],
        {stdio: ['ignore', 'ignore', 'ignore', 'ipc', server._handle]})
      worker.on('message', () => console.log('up ' + worker.pid))
    })`
  const holder = await started(t, [process.execPath, '-e', program])
  const answer = await free(t, [String(port), '--yes', '--timeout', '0.2'])
  t.like(answer, {status: 0, freed: true}, answer.because)
  t.like(answer.did[0], {pid: holder.pid, signal: 'SIGTERM'})
  const worker = Number(/up (\d+)/.exec((await holder.ended).stdout)?.[1])
  const killed = answer.did.filter(({signal}) => signal === 'SIGKILL').map(({pid}) => pid)
  t.true(killed.includes(worker))
})

linuxOnly('a supervisor that starts the server again is named, with exit status 1', async (t) => {
  const port = await takePort(t)
  const folder = temporaryFolder(t)
  // The second one is there already, as Node takes its time to start on a busy machine.
  const [file, child] = [join(folder, 'nodemon.cjs'), join(folder, 'server.cjs')]
  writeFileSync(child, `process.once('message', () => ${server})`)
  const program = `
    const {fork} = require('child_process')
    const start = () => fork(${JSON.stringify(child)}, ['${port}'], {stdio: 'inherit'})
    const children = [start(), start()]
    children[0].once('exit', () => children[1].send('listen'))
    children[0].send('listen')
    process.on('SIGTERM', () => children[1].kill() && process.exit())`
  writeFileSync(file, program)
  const supervisor = await started(t, [process.execPath, file])
  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 1, freed: false})
  t.is(answer.restartedBy?.pid, supervisor.pid)
  t.is(answer.because, `restarted by nodemon (pid ${supervisor.pid}): stop that instead`)
  t.true(isAlive(supervisor))
  supervisor.child.kill('SIGTERM')
  await supervisor.ended
})

/** Programs of which nothing is known but what they are called. */
const leftAlone: [what: string, name: string, kind: string, says: RegExp][] = [
  ['an editor', 'code', 'editor', /is an editor/],
  ['a proxy of containers', 'docker-proxy', 'container', /publishes the port.*stop/],
  ['a container runtime', 'dockerd', 'container', /publishes the port.*stop/],
  ['a multiplexer of terminals', 'tmux', 'session', /login, desktop or terminal/],
]

for (const [what, name, kind, says] of leftAlone) {
  linuxOnly(`${what} is left alone, whatever --yes says`, async (t) => {
    const port = await takePort(t)
    const program = join(temporaryFolder(t), name)
    symlinkSync(process.execPath, program)
    const holder = await started(t, [program, '-e', server, String(port)])
    const answer = await free(t, [String(port), '--yes'])
    t.like(answer, {status: 1, freed: false, did: []})
    t.like(answer.left, [{kind, pid: holder.pid}])
    t.regex(answer.left[0]?.because ?? '', says)
    t.true(isAlive(holder))
  })
}

linuxOnly('a process that has started the command is left alone', async (t) => {
  const port = await takePort(t)
  // This process, which starts the command line.
  const own = await listenOn(t, port)
  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 1, freed: false, did: []})
  t.like(answer.left, [{kind: 'ancestor', pid: process.pid}])
  t.true(own.listening)
})

testUnless(onLinux ?? nobodyProblem, "another user's server is left alone", async (t) => {
  const port = await takePort(t)
  const holder = await startServer(t, port)
  const answer = await free(t, [String(port), '--yes'], asNobody)
  t.like(answer, {status: 1, freed: false, did: []})
  t.like(answer.left, [{kind: 'not-visible', pid: null}])
  t.regex(answer.left[0]?.because ?? '', new RegExp(`sudo rebind free ${port}$`))
  t.true(isAlive(holder))
})

const ownPids = [
  'unshare',
  ...(process.getuid?.() === 0 ? [] : ['-Ur']),
  '--pid',
  '--fork',
  '--kill-child',
]
const pidsProblem =
  spawnSync(ownPids[0] ?? '', [...ownPids.slice(1), 'true']).status === 0
    ? undefined
    : 'private pid namespaces are not available'

testUnless(onLinux ?? pidsProblem, 'what runs in a container is left alone', async (t) => {
  const port = await takePort(t)
  const holder = await started(t, [...ownPids, process.execPath, '-e', server, String(port)])
  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 1, freed: false, did: []})
  t.like(answer.left, [{kind: 'container'}])
  t.true(isAlive(holder))
})

/**
 * In a network namespace of its own, of full rights: a process that has something on the port, or leaves it there, and
 * then the command. A client of the server stays connected, and does not close when the server does.
 */
function beside(
  holder: string,
  port: number,
  {preparation = 'true', client = false} = {},
): string[] {
  const run = client
    ? `require('net').connect({port: ${port}, host: '127.0.0.1', allowHalfOpen: true}, run)`
    : 'run()'
  const script = `
    const {spawn, spawnSync} = require('child_process')
    const holder = spawn(process.execPath, ['-e', ${JSON.stringify(holder)}, '${port}'], {stdio: ['ignore', 'pipe', 'inherit']})
    holder.stdout.once('data', () => ${run})
    const run = () => {
      const [program, ...args] = process.argv.slice(1)
      const {status} = spawnSync(program, args, {stdio: 'inherit'})
      holder.kill('SIGKILL')
      process.exit(status)
    }`
  const shell = `ip link set lo up && ${preparation} && exec "$@"`
  return [...(privateNetwork ?? []), 'sh', '-c', shell, 'sh', process.execPath, '-e', script]
}

/** Closes first, so that TIME_WAIT is left, and goes on as a process without a socket. */
const timeWait = `
  const net = require('net'), port = Number(process.argv.at(-1))
  const server = net.createServer((socket) => socket.end()).listen(port, '127.0.0.1', () => {
    net.connect(port, '127.0.0.1').resume().on('close', () => server.close(() => console.log('up')))
  })
  setInterval(() => {}, 1000)`
/** Closes its end of a connection whose client does not: FIN_WAIT2. */
const finWait2 = `
  const net = require('net'), port = Number(process.argv.at(-1))
  const server = net.createServer((socket) => socket.destroy()).listen(port, '127.0.0.1', () => {
    net.connect({port, host: '127.0.0.1', allowHalfOpen: true}).resume()
      .on('end', () => server.close(() => console.log('up')))
  })
  setInterval(() => {}, 1000)`
/** Stops listening, and keeps a connection that it has accepted. */
const connection = `
  const net = require('net'), port = Number(process.argv.at(-1))
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    server.close()
    console.log('up')
  }).listen(port, '127.0.0.1', () => net.connect(port, '127.0.0.1').on('error', () => {}))
  setInterval(() => {}, 1000)`

const inNamespace = onLinux ?? namespaceProblem ?? missingProgram('ip')
const withoutRight = 'setpriv --bounding-set=-net_admin --inh-caps=-net_admin'.split(' ')

for (const [state, holder] of [
  ['TIME_WAIT', timeWait],
  ['FIN_WAIT2', finWait2],
] as const) {
  testUnless(inNamespace, `${state} without a process is destroyed at once`, async (t) => {
    const port = await takePort(t)
    const answer = await free(t, [String(port), '--yes'], {launcher: beside(holder, port)})
    t.like(answer, {status: 0, freed: true, left: []}, answer.because)
    t.like(answer.plan, [{what: 'destroy', pid: null, count: 1, socket: {state}}])
    t.deepEqual(answer.did, answer.plan)
  })
}

testUnless(
  inNamespace ?? missingProgram('setpriv'),
  'without the right to destroy what an ended server leaves, it waits until the kernel lets go, and says how long',
  async (t) => {
    const port = await takePort(t)
    const preparation = 'echo 2 > /proc/sys/net/ipv4/tcp_fin_timeout'
    const launcher = [...beside(server, port, {preparation, client: true}), ...withoutRight]
    const answer = await free(t, [String(port), '--yes'], {launcher})
    t.like(answer, {status: 0, freed: true, left: []}, answer.because)
    t.deepEqual(
      answer.did.map(({what}) => what),
      ['signal', 'wait'],
    )
    t.regex(answer.stderr, /^rebind: waits at most \d s until the kernel lets go of port \d+$/m)
  },
)

testUnless(
  onLinux ?? (process.getuid?.() === 0 ? missingProgram('setpriv') : undefined),
  'to wait changes nothing, so it needs no --yes, and an interruption ends it',
  async (t) => {
    const port = await takePort(t)
    await leaveTimeWait(t, port, 'none')
    const launcher = process.getuid?.() === 0 ? withoutRight : []
    const cli = startCli(t, ['free', String(port), '--json'], {launcher})
    await cli.shows(/waits at most \d+ s/)
    cli.child.kill('SIGINT')
    const {status, stdout} = await cli.ended
    t.is(status, 130)
    const answer = freeSchema.parse(JSON.parse(stdout))
    t.like(answer, {freed: false, left: [], because: 'interrupted'})
    t.deepEqual(
      answer.did.map(({what}) => what),
      ['wait'],
    )
  },
)

testUnless(
  inNamespace,
  'a connection that a process has is left alone, or with --connections named and destroyed',
  async (t) => {
    const port = await takePort(t)
    const launcher = beside(connection, port)
    const kept = await free(t, [String(port), '--yes'], {launcher})
    t.like(kept, {status: 1, freed: false, did: []})
    t.like(kept.left, [{kind: 'connection'}])
    t.regex(kept.left[0]?.because ?? '', /has an open connection.*--connections destroys it/)
    const named = await runCli(t, ['free', String(port), '--connections'], {launcher})
    t.is(named.status, 2)
    t.regex(named.stderr, /destroy the connection .* \(ESTABLISHED\) of process \d+ .*; add --yes/)
    const ended = await free(t, [String(port), '--connections', '--yes'], {launcher})
    t.like(ended, {status: 0, freed: true, left: []})
    t.like(ended.did, [{what: 'destroy', socket: {state: 'ESTABLISHED'}}])
  },
)

testUnless(
  onLinux ?? missingProgram('script'),
  'on a terminal it says what it would do, and asks first',
  async (t) => {
    const port = await takePort(t)
    const holder = await startServer(t, port)
    const ask = async (answer: string) => {
      const command = `exec ${process.execPath} dist/harness/cli.js free ${port}`
      const cli = startProgram(t, ['script', '-qec', command, '/dev/null'], {stdin: 'pipe'})
      await cli.shows(/Do this\? \[y\/N\]/, 'stdout')
      cli.child.stdin?.write(answer)
      return cli.ended
    }
    const declined = await ask('n\n')
    t.is(declined.status, 1)
    t.regex(declined.stdout, new RegExp(`SIGTERM to process ${holder.pid} `))
    t.true(isAlive(holder))
    const agreed = await ask('y\n')
    t.is(agreed.status, 0, agreed.stdout)
    await until(() => !isAlive(holder), 10, 'the server ends')
  },
)
