import {spawnSync} from 'node:child_process'
import {randomBytes} from 'node:crypto'
import {once} from 'node:events'
import {symlinkSync, writeFileSync} from 'node:fs'
import {open} from 'node:fs/promises'
import {connect, type Socket} from 'node:net'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import {type Free, freeSchema} from '../../harness/documents/free-schema.ts'
import {readMachine} from '../../harness/documents/host.ts'
import {prepare} from '../../harness/free/free.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {addressesToTry} from '../../harness/why/addresses.ts'
import {
  complaintsOf,
  missingProgram,
  runCli,
  type Started,
  type StartOptions,
  soon,
  startCli,
  startProgram,
  temporaryFolder,
  testUnless,
  until,
} from '../commands/cli.ts'
import {cpuGroupProblem, makeCpuGroup} from '../cpu-group.ts'
import {asNobody, nobodyProblem} from '../faults/machine.ts'
import {namespaceProblem, privateNetwork} from '../namespaces/available.ts'
import {needs} from '../needs.ts'
import {connection as connectionTo, leaveTimeWait, listenOn, takePort} from '../why/residue.ts'

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
  t.is((await holder.ended).signal, 'SIGKILL')
})

/** Stops listening when it is asked to end; who is connected then is answered when they send something. */
const draining = `
  const server = require('net').createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.write('answer'))
  }).listen(Number(process.argv.at(-1)), '127.0.0.1', () => console.log('up'))
  process.on('SIGTERM', () => server.close())`

/** The same, where a worker, which has the listening socket, too, has the connections, and is told by its server. */
const drainingWorker = `
  process.on('message', (what, socket) => {
    if (what === 'close') return require('fs').closeSync(4)
    socket.on('error', () => {}).on('close', () => process.exit()).resume()
    socket.once('data', () => socket.write('answer'))
    console.log('up')
  })`
const drainingByWorker = `
  const worker = (server) => require('child_process').spawn(process.execPath,
    ['-e', ${JSON.stringify(drainingWorker)}],
    {stdio: ['ignore', 'inherit', 'inherit', 'ipc', server._handle]}).on('exit', () => process.exit())
  const server = require('net').createServer({pauseOnConnect: true}, (socket) => own.send('take', socket))
  let own
  server.listen(Number(process.argv.at(-1)), '127.0.0.1', () => {
    own = worker(server)
    console.log('up')
  })
  process.on('SIGTERM', () => server.close() && own.send('close'))`

/** A client of a server whose end it waits for: it asks by anything that it sends. */
async function clientOf(t: ExecutionContext, port: number): Promise<Socket> {
  const client = connect(port, '127.0.0.1')
  t.teardown(() => client.destroy())
  await once(client, 'connect')
  return client
}

/** Asks once the server listens no longer: without patience it would have been killed by then. */
async function endOfWork(t: ExecutionContext, cli: Started, client: Socket) {
  await cli.shows(/process \d+ listens no longer, .* waits at most \d+ s/)
  client.write('question')
  t.is(String((await once(client, 'data'))[0]), 'answer')
  client.end()
  const {status, stdout} = await cli.ended
  return {answer: freeSchema.parse(JSON.parse(stdout)), status}
}

linuxOnly(
  'a server that stops listening in time finishes its work, and is not killed',
  async (t) => {
    const port = await takePort(t)
    const holder = await startServer(t, port, draining)
    const client = await clientOf(t, port)
    const cli = startCli(t, ['free', String(port), '--yes', '--json', '--timeout', '5'])
    const {answer, status} = await endOfWork(t, cli, client)
    t.like(answer, {freed: true}, answer.because)
    t.is(status, 0)
    t.is((await holder.ended).status, 0)
    t.like(answer.did, [
      {what: 'signal', pid: holder.pid, signal: 'SIGTERM'},
      {what: 'wait', pid: holder.pid},
    ])
    t.is(answer.did.length, 2)
  },
)

linuxOnly('so does a worker, whose server waits for it', async (t) => {
  const port = await takePort(t)
  const holder = await startServer(t, port, drainingByWorker)
  const client = await clientOf(t, port)
  await holder.shows(/up\s+up/, 'stdout')
  const cli = startCli(t, ['free', String(port), '--yes', '--json', '--timeout', '5'])
  const {answer, status} = await endOfWork(t, cli, client)
  t.is(status, 0, answer.because)
  t.deepEqual(
    answer.did.map(({what, signal}) => [what, signal]),
    [
      ['signal', 'SIGTERM'],
      ['wait', null],
    ],
  )
  t.is((await holder.ended).status, 0)
})

/** What the command does, as far as it is told to; with limits of our own. */
async function prepared(
  port: number,
  signal = new AbortController().signal,
  tell: (line: string) => void = () => undefined,
) {
  const limits = {timeoutSeconds: 5, drainSeconds: 0.1, connections: false}
  const options = {
    port,
    addresses: await addressesToTry(undefined),
    ...limits,
    ...{signal, tell},
  }
  return prepare(options, await readMachine())
}

linuxOnly('work that does not come to an end is waited for no longer than a limit', async (t) => {
  const port = await takePort(t)
  const holder = await startServer(t, port, draining)
  await clientOf(t, port)
  const {carryOut} = await prepared(port)
  const answer = await carryOut()
  t.like(answer, {freed: false})
  t.regex(
    answer.because,
    new RegExp(`^process ${holder.pid} listens no longer, but .* after 0.1 s`),
  )
  t.deepEqual(
    answer.did.map(({signal}) => signal),
    ['SIGTERM', null],
  )
  t.true(isAlive(holder))
})

/** Passes what it accepts to a process that does not listen, and outlives it. */
const passing = `
  const code = "process.on('message', (what, socket) => socket.on('close', () => process.exit()).resume() && console.log('up'))"
  const other = require('child_process').spawn(process.execPath, ['-e', code], {stdio: ['ignore', 'inherit', 'inherit', 'ipc']})
  require('net').createServer({pauseOnConnect: true}, (socket) => other.send('take', socket))
    .listen(Number(process.argv.at(-1)), '127.0.0.1', () => console.log('up'))`

linuxOnly(
  'a connection that a process of no plan keeps is not waited for without end',
  async (t) => {
    const port = await takePort(t)
    const holder = await startServer(t, port, passing)
    const {document, carryOut} = await prepared(port)
    t.is(document.plan.length, 1)
    const client = await clientOf(t, port)
    await holder.shows(/up\s+up/, 'stdout')
    const answer = await carryOut()
    t.like(answer, {
      freed: false,
      because: `it is still refused; rebind why ${port} shows what is on it`,
    })
    client.end()
    await holder.ended
  },
)

linuxOnly('a shell is never ended: it goes on with what comes after the server', async (t) => {
  const port = await takePort(t)
  const script = '"$0" -e "$1" "$2"; echo the shell goes on'
  const shell = await started(t, ['sh', '-c', script, process.execPath, server, String(port)])
  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 0, freed: true}, answer.because)
  t.is(answer.did.length, 1)
  t.not(answer.did[0]?.pid, shell.pid)
  t.regex((await shell.ended).stdout, /goes on/)
})

testUnless(
  onLinux ?? missingProgram('npm'),
  'npm ends with the server that it runs, which gets one SIGTERM',
  async (t) => {
    const port = await takePort(t)
    const folder = temporaryFolder(t)
    const counting = `process.on('SIGTERM', () => console.log('asked') ?? setImmediate(process.exit, 143)); ${server}`
    writeFileSync(join(folder, 'server.cjs'), counting)
    const scripts = {start: `node server.cjs ${port}`}
    writeFileSync(join(folder, 'package.json'), JSON.stringify({scripts}))
    const npm = startProgram(t, ['npm', 'start'], {cwd: folder})
    await npm.shows(/up/, 'stdout')
    const answer = await free(t, [String(port), '--yes'])
    t.like(answer, {status: 0, freed: true}, answer.because)
    t.is(answer.did.length, 1)
    const {stdout} = await npm.ended
    t.is(stdout.match(/asked/g)?.length, 1)
  },
)

for (const [name, how] of [
  ['sh', /: stop that instead$/],
  ['tmux', /: somebody's login, desktop or terminal depends on it$/],
] as const) {
  linuxOnly(
    `a shell that starts the server again is a supervisor, and named, as ${name}`,
    async (t) => {
      const port = await takePort(t)
      const program = join(temporaryFolder(t), name)
      symlinkSync('/bin/sh', program)
      // The second one is there already, as Node takes its time to start.
      const script =
        '"$0" -e "$1" "$3" & first=$!; "$0" -e "$2" "$3" & next=$!; wait $first; kill -USR2 $next; wait'
      const next = `process.once('SIGUSR2', () => {${server}}); setInterval(() => {}, 1000); console.log('ready')`
      const words = [program, '-c', script, process.execPath, server, next, String(port)]
      const shell = await started(t, words)
      await shell.shows(/ready/, 'stdout')
      const answer = await free(t, [String(port), '--yes'])
      t.like(answer, {status: 1, freed: false})
      t.is(answer.restartedBy?.pid, shell.pid)
      t.regex(answer.because, new RegExp(`^restarted by ${name} `))
      t.regex(answer.because, how)
      t.true(isAlive(shell))
      shell.child.kill('SIGKILL')
      await free(t, [String(port), '--yes'])
    },
  )
}

/** A server with a process that it has started and that has its socket, too; what each does when it is asked to end. */
function withWorker(port: number, server: string, worker: string): string {
  const code = `process.on('SIGTERM', () => {${worker}}); process.send('up'); setInterval(() => {}, 1000)`
  return `
    process.on('SIGTERM', () => {${server}})
    const server = require('net').createServer().listen(${port}, '127.0.0.1', () => {
      globalThis.worker = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(code)}],
        {stdio: ['ignore', 'inherit', 'ignore', 'ipc', server._handle]})
      worker.on('message', () => console.log('up ' + worker.pid))
    })`
}

for (const [what, atSigterm, signals] of [
  ['gets SIGTERM', "console.log('worker asked'); process.exit()", ['SIGTERM']],
  ['gets SIGKILL if it ignores SIGTERM', '', ['SIGTERM', 'SIGKILL']],
] as const) {
  linuxOnly(
    `a worker that keeps the socket when its server has ended is in the plan, and ${what}`,
    async (t) => {
      const port = await takePort(t)
      const program = withWorker(port, 'process.exit()', atSigterm)
      const holder = await started(t, [process.execPath, '-e', program])
      const answer = await free(t, [String(port), '--yes', '--timeout', '5'])
      t.like(answer, {status: 0, freed: true}, answer.because)
      const {stdout} = await holder.ended
      const worker = Number(/up (\d+)/.exec(stdout)?.[1])
      t.like(answer.plan, [
        {pid: holder.pid, signal: 'SIGTERM', after: undefined},
        {pid: worker, signal: 'SIGTERM', after: holder.pid},
      ])
      t.deepEqual(
        answer.did.map(({pid, signal}) => [pid, signal]),
        [[holder.pid, 'SIGTERM'], ...signals.map((signal) => [worker, signal])],
      )
      t.is(/worker asked/.test(stdout), signals.length === 1)
    },
  )
}

linuxOnly('a worker that ends with its server gets no signal', async (t) => {
  const port = await takePort(t)
  const endsBoth = "server.close(); worker.on('exit', () => process.exit()).kill('SIGKILL')"
  const holder = await started(t, [process.execPath, '-e', withWorker(port, endsBoth, '')])
  const answer = await free(t, [String(port), '--yes'])
  t.like(answer, {status: 0, freed: true}, answer.because)
  t.deepEqual(
    answer.did.map(({pid, signal}) => [pid, signal]),
    [[holder.pid, 'SIGTERM']],
  )
})

linuxOnly('whoever interrupts it before the first signal has ended nothing', async (t) => {
  const port = await takePort(t)
  const holder = await startServer(t, port)
  const interruption = new AbortController()
  const {document, carryOut} = await prepared(port, interruption.signal)
  t.is(document.plan.length, 1)
  interruption.abort()
  t.like(await carryOut(), {freed: false, did: [], because: 'interrupted'})
  t.true(isAlive(holder))
})

testUnless(
  onLinux ?? missingProgram('mkfifo'),
  'interrupted while it looks, it ends with status 130, also with --dry-run',
  async (t) => {
    const port = await takePort(t)
    const folder = temporaryFolder(t)
    const [proxy, docker, fifo] = ['docker-proxy', 'docker', 'fifo'].map((name) =>
      join(folder, name),
    )
    symlinkSync(process.execPath, proxy ?? '')
    spawnSync('mkfifo', [fifo ?? ''])
    writeFileSync(docker ?? '', `#!/bin/sh\ncat '${fifo}'\n`, {mode: 0o755})
    const holder = await started(t, [proxy ?? '', '-e', server, String(port)])
    const env = {PATH: `${folder}:${process.env.PATH}`}
    const cli = startCli(t, ['free', String(port), '--dry-run'], {env})
    // Opened once what it has started to look reads it.
    const writer = await open(fifo ?? '', 'w')
    cli.child.kill('SIGINT')
    await writer.close()
    t.is((await cli.ended).status, 130)
    t.true(isAlive(holder))
  },
)

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
  ['an editor', 'code', 'editor', /looks like an editor \(code\)/],
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

linuxOnly(
  "PM2's daemon, which listens for all its apps, is left alone, with the remedy",
  async (t) => {
    const port = await takePort(t)
    const code = `process.title = 'PM2 v7.0.4: God Daemon (/root/.pm2)'; ${server}`
    const holder = await started(t, [process.execPath, '-e', code, String(port)])
    const answer = await free(t, [String(port), '--yes'])
    t.like(answer, {status: 1, freed: false, did: []})
    t.like(answer.left, [{kind: 'supervisor', pid: holder.pid}])
    t.regex(answer.left[0]?.because ?? '', /pm2 stop NAME/)
    t.true(isAlive(holder))
  },
)

linuxOnly(
  'a server that calls itself as an editor does, with a word of one, is ended',
  async (t) => {
    const port = await takePort(t)
    const code = `${server}; process.title = 'fleet'`
    const holder = await started(t, [
      ...[process.execPath, '-e', code, '/home/joe/.vscode-server/bin/node', String(port)],
    ])
    const answer = await free(t, [String(port), '--yes'])
    t.like(answer, {status: 0, freed: true}, answer.because)
    t.is((await holder.ended).signal, 'SIGTERM')
  },
)

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

const containerId = randomBytes(6).toString('hex')
/** As Docker names the control group of a container. */
const containerGroup = `docker-${containerId.padEnd(64, 'c')}.scope`

testUnless(
  onLinux ?? (await cpuGroupProblem(containerGroup)),
  'so is what runs in a container that has the pids of the host',
  async (t) => {
    const group = makeCpuGroup(containerGroup, 100)
    t.teardown(group.remove)
    const port = await takePort(t)
    const holder = await startServer(t, port)
    writeFileSync(group.processes, String(holder.pid))
    const answer = await free(t, [String(port), '--yes'])
    t.like(answer, {status: 1, freed: false, did: []})
    t.like(answer.left, [{kind: 'container', pid: holder.pid}])
    t.regex(answer.left[0]?.because ?? '', new RegExp(`: docker stop ${containerId}$`))
    t.true(isAlive(holder))
  },
)

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
    const preparation = 'echo 9 > /proc/sys/net/ipv4/tcp_fin_timeout'
    const launcher = [...beside(server, port, {preparation, client: true}), ...withoutRight]
    const answer = await free(t, [String(port), '--yes'], {launcher})
    t.like(answer, {status: 0, freed: true, left: []}, answer.because)
    t.deepEqual(
      answer.did.map(({what}) => what),
      ['signal', 'wait'],
    )
    t.regex(answer.stderr, /^rebind: waits at most \d+ s until the kernel lets go of port \d+$/m)
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
  onLinux ?? (process.getuid?.() === 0 ? undefined : 'only root may destroy a socket'),
  'who was asked about nothing, because there was only to wait, has nothing destroyed',
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    const {accepted, client} = await connectionTo(t, server, port)
    // What the client has not read yet keeps the end of the connection from being sent: FIN_WAIT1.
    const unread = 64 * 1024 * 1024
    accepted.on('error', () => undefined).write(Buffer.alloc(unread))
    let queued = unread
    const isFull = () => {
      const before = queued
      queued = queuedIn(accepted)
      return queued === before && queued < unread
    }
    await until(isFull, soon, 'what can be sent is sent')
    accepted.destroy()
    server.close()
    await once(server, 'close')
    const interruption = new AbortController()
    const told: string[] = []
    const {document, carryOut} = await prepared(port, interruption.signal, (line) => {
      told.push(line)
      interruption.abort()
    })
    t.deepEqual(
      document.plan.map(({what}) => what),
      ['wait'],
    )
    // Now it is over, and no process has it: FIN_WAIT2.
    await once(client.resume(), 'end')
    const {did, because} = await carryOut()
    t.deepEqual([did.map(({what}) => what), because], [['wait'], 'interrupted'])
    t.regex(told[0] ?? '', /^waits at most \d+ s/)
  },
)

/** What this process has not been able to pass to the kernel yet, in bytes. */
function queuedIn(socket: Socket & {_handle?: {writeQueueSize?: number} | null}): number {
  return socket._handle?.writeQueueSize ?? 0
}

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
    const interrupted = await ask('\u0003')
    t.is(interrupted.status, 130)
    const declined = await ask('n\n')
    t.is(declined.status, 1)
    t.regex(declined.stdout, new RegExp(`SIGTERM to process ${holder.pid} `))
    t.true(isAlive(holder))
    const agreed = await ask('y\n')
    t.is(agreed.status, 0, agreed.stdout)
    await until(() => !isAlive(holder), 10, 'the server ends')
  },
)
