import {once} from 'node:events'
import {mkdirSync, realpathSync, symlinkSync, writeFileSync} from 'node:fs'
import {connect} from 'node:net'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {listenersSchema} from '../../harness/documents/listeners-schema.ts'
import {whyPathSchema, whyPortSchema} from '../../harness/documents/why-schema.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {socketAddress} from '../../harness/sockets/address.ts'
import {startConnecting} from '../../harness/sockets/connection.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {bindNative, closeNative, isPlainBindGranted} from '../../harness/sockets/native.ts'
import {asNobody, nobodyProblem} from '../faults/machine.ts'
import {connection, leaveTimeWait, listenOn, takePort} from '../why/residue.ts'
import {withoutProc, withoutProcProblem} from '../why/without-proc.ts'
import {withoutNetlink, withoutNetlinkProblem} from '../without-netlink.ts'
import {
  complaintsOf,
  runCli,
  type StartOptions,
  startCli,
  startProgram,
  temporaryFolder,
  testUnless,
} from './cli.ts'

const onLinux =
  detectPlatform().stack === 'linux' ? nativeOpenerProblem() : "this is about Linux's rules"
const isRoot = process.geteuid?.() === 0
const withoutNobody = onLinux ?? nobodyProblem
const privilegedPort = 1
const {firstUnprivilegedPort, readSettings} = detectPlatform()
const everybodyMay =
  privilegedPort >= firstUnprivilegedPort(await readSettings())
    ? 'every port is for everybody here'
    : undefined

async function whyPort(t: ExecutionContext, args: string[], options: StartOptions = {}) {
  const {status, stdout, stderr} = await runCli(t, ['why', '--json', ...args], options)
  t.is(stderr, '')
  return {status, ...whyPortSchema.parse(JSON.parse(stdout))}
}

async function whyPath(t: ExecutionContext, path: string, launcher: string[] = []) {
  const {status, stdout, stderr} = await runCli(t, ['why', '--json', path], {launcher})
  t.is(stderr, '')
  return {status, ...whyPathSchema.parse(JSON.parse(stdout))}
}

function kinds(things: {kind: string}[]): string[] {
  return things.map(({kind}) => kind)
}

test('a free port is said to be free, with exit status 0', async (t) => {
  const port = await takePort(t)
  const answer = await whyPort(t, [String(port)])
  t.is(answer.status, 0)
  t.true(answer.bindable)
  t.is(answer.freeInSeconds, 0)
  t.deepEqual(answer.causes, [])
  t.deepEqual(kinds(answer.advice), ['start'])
  t.true(answer.bind.every(({observed}) => observed === 'granted'))
  t.is(answer.bind.length % 4, 0)
})

testUnless(onLinux, 'a client that is connected to itself is told of as such', async (t) => {
  const port = await takePort(t)
  const client = connect({host: '127.0.0.1', port, localAddress: '127.0.0.1', localPort: port})
  t.teardown(() => client.resetAndDestroy())
  await once(client, 'connect')
  const answer = await whyPort(t, [String(port)])
  t.is(answer.status, 1)
  t.deepEqual(kinds(answer.causes), ['self-connection'])
  t.regex(answer.causes[0]?.text ?? '', /connected to itself \(ESTABLISHED\).* has it\.$/)
  // This process, which has started the command.
  t.like(answer.advice[0], {kind: 'note', pid: undefined})
  t.regex(answer.advice[0]?.text ?? '', new RegExp(`^Leave process ${process.pid} .* alone`))
})

testUnless(
  onLinux,
  'a port that clients get, as one that was connected to itself did, is to be reserved',
  async (t) => {
    const platform = detectPlatform()
    const [first, last] = platform.ephemeralPorts(await platform.readSettings())
    let port = first + Math.floor((last - first) * 0.95)
    // What an earlier test run left there may last for a minute.
    while (port < last && !isPlainBindGranted('127.0.0.7', port)) port += 1
    // As a client that connect() gave its port: without an option.
    const client = bindNative({address: '127.0.0.7', port, bind: 'none'})
    t.teardown(() => closeNative(client))
    startConnecting(client, socketAddress('127.0.0.7'), port)
    const {causes, advice} = await whyPort(t, [String(port), '--host', '127.0.0.7'])
    t.deepEqual(kinds(causes), ['self-connection'])
    const option = advice.find(({kind}) => kind === 'set-option')
    t.like(option, {option: 'reuseaddr', helpsNow: false})
    t.regex(option?.text ?? '', /Nor can it in future/)
    t.true(kinds(advice).includes('reserve-port'))
  },
)

testUnless(
  onLinux,
  'over TIME_WAIT of a server without the option it says to wait, and that SO_REUSEADDR comes too late',
  async (t) => {
    const port = await takePort(t)
    await leaveTimeWait(t, port, 'none')
    const answer = await whyPort(t, [String(port)])
    t.is(answer.status, 1)
    t.deepEqual(kinds(answer.causes), ['closed-connection'])
    t.regex(answer.causes[0]?.source ?? '', /inet_bind_conflict/)
    t.like(answer.sockets?.[0], {state: 'TIME_WAIT', pid: null, command: null})
    const [timer, least, most] = [
      answer.sockets?.[0]?.expiresInSeconds ?? 0,
      answer.freeInSecondsAtLeast ?? 0,
      answer.freeInSeconds ?? 0,
    ]
    t.true(timer > 0 && timer <= 60.1, `${timer} s left`)
    t.is(least, timer)
    t.true(most > least && most < 66, `free after at most ${most} s`)
    t.deepEqual(kinds(answer.advice), ['wait', 'set-option'])
    t.regex(
      answer.advice[0]?.text ?? '',
      new RegExp(`As root, rebind free ${port} ends it at once`),
    )
    t.like(answer.advice[1], {option: 'reuseaddr', helpsNow: false})
    t.regex(answer.advice[1]?.text ?? '', /ran without it; .*next restart/)
  },
)

testUnless(
  onLinux,
  'over TIME_WAIT of a server with SO_REUSEADDR it says that the option helps now, as tried',
  async (t) => {
    const port = await takePort(t)
    await leaveTimeWait(t, port, 'reuseaddr')
    const answer = await whyPort(t, [String(port)])
    t.is(answer.status, 1)
    t.like(answer.advice[1], {kind: 'set-option', option: 'reuseaddr', helpsNow: true})
    const onWildcard = answer.bind.filter(({address}) => address === '0.0.0.0')
    t.deepEqual(
      onWildcard.map(({bind, observed}) => [bind, observed]),
      [
        ['none', 'EADDRINUSE'],
        ['reuseaddr', 'granted'],
        ['reuseport', 'EADDRINUSE'],
        ['both', 'granted'],
      ],
    )
  },
)

testUnless(
  onLinux,
  'over FIN_WAIT2 it says who has not closed, and that it ends by itself',
  async (t) => {
    const port = await takePort(t)
    const server = await listenOn(t, port)
    const {accepted, client} = await connection(t, server, port)
    accepted.destroy()
    await once(client.resume(), 'end')
    server.close()
    const answer = await whyPort(t, [String(port)])
    t.is(answer.status, 1)
    t.is(answer.sockets?.[0]?.state, 'FIN_WAIT2')
    t.regex(answer.causes[0]?.text ?? '', /not by the client/)
    t.is(answer.advice[0]?.kind, 'wait')
    t.true((answer.freeInSeconds ?? 0) > 0)
  },
)

testUnless(
  onLinux,
  "a live server is named with its pid, user and command line, which cannot harm the reader's terminal",
  async (t) => {
    const port = await takePort(t)
    const program = `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`
    const hostile = '\u001b[2J\u001b]0;owned\u0007evil'
    const server = startProgram(t, [process.execPath, '-e', program, hostile])
    await server.shows(/up/, 'stdout')

    const answer = await whyPort(t, [String(port)])
    t.is(answer.status, 1)
    t.is(answer.freeInSeconds, null)
    t.is(answer.sockets?.[0]?.pid, server.pid)
    t.true(answer.sockets?.[0]?.command?.endsWith(hostile))
    t.deepEqual(kinds(answer.causes), ['listener'])
    t.like(answer.advice[0], {kind: 'stop-process', pid: server.pid})
    t.true(answer.advice[0]?.text.includes(`rebind free ${port}, or kill ${server.pid}`))
    t.like(answer.advice[1], {kind: 'set-option', helpsNow: false})

    const {status, stdout} = await runCli(t, ['why', String(port)])
    t.is(status, 1)
    t.true(stdout.includes(`process ${server.pid} (user `))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    t.notRegex(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
    t.is(server.child.exitCode, null, 'the server goes on')
  },
)

for (const [what, name, kind] of [
  ['an editor', 'code', 'note'],
  ['a terminal', 'tmux', 'note'],
  ['a container runtime', 'dockerd', 'stop-container'],
] as const) {
  testUnless(
    onLinux,
    `nobody is advised to kill ${what}, on a port or a Unix socket`,
    async (t) => {
      const port = await takePort(t)
      const folder = temporaryFolder(t)
      const [program, path] = [join(folder, name), join(folder, 'socket')]
      symlinkSync(process.execPath, program)
      const code = `require('net').createServer().listen(${port}, '127.0.0.1', () =>
      require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up')))`
      const holder = startProgram(t, [program, '-e', code])
      await holder.shows(/up/, 'stdout')
      for (const {advice} of [await whyPort(t, [String(port)]), await whyPath(t, path)]) {
        t.is(advice[0]?.kind, kind)
        t.regex(advice[0]?.text ?? '', new RegExp(`^Leave process ${holder.pid} .* alone: `))
        t.true(advice.every(({text}) => !/\bkill\b/.test(text)))
      }
    },
  )
}

testUnless(
  onLinux,
  'a connection that went out from the port is told from what a server left',
  async (t) => {
    const [port, servicePort] = [await takePort(t), await takePort(t)]
    const server = await listenOn(t, servicePort)
    const client = connect({host: '127.0.0.1', port: servicePort, localPort: port})
    await once(client, 'connect')
    t.teardown(() => client.destroy())
    const answer = await whyPort(t, [String(port)])
    t.is(answer.status, 1)
    t.deepEqual(kinds(answer.causes), ['outgoing-connection'])
    t.true(answer.sockets?.[0]?.outgoing)
    t.is(answer.sockets?.[0]?.pid, process.pid)
    t.regex(answer.advice[0]?.text ?? '', new RegExp(`^Leave process ${process.pid} .* alone`))
    server.close()
  },
)

testUnless(
  onLinux,
  'a port that is bound and does not listen is said to be taken unseen',
  async (t) => {
    const port = await takePort(t)
    const fd = bindNative({address: '127.0.0.1', port, bind: 'none'})
    t.teardown(() => closeNative(fd))
    const answer = await whyPort(t, [String(port)])
    t.is(answer.status, 1)
    t.deepEqual(answer.sockets, [])
    t.deepEqual(kinds(answer.causes), ['not-visible'])
    t.is(answer.freeInSeconds, null)
  },
)

testUnless(
  onLinux,
  'a port in the ephemeral range comes with how to reserve it, though it is free',
  async (t) => {
    const platform = detectPlatform()
    const settings = await platform.readSettings()
    const [first, last] = platform.ephemeralPorts(settings)
    const port = first + Math.floor((last - first) * 0.9)
    const {advice} = await whyPort(t, [String(port), '--host', '127.0.0.9'])
    t.true(kinds(advice).includes('reserve-port'))
    t.regex(advice.at(-1)?.text ?? '', new RegExp(`ip_local_reserved_ports=(.*,)?${port}`))
  },
)

testUnless(
  onLinux ?? withoutProcProblem ?? withoutNetlinkProblem,
  'without /proc and netlink binds are tried all the same, and what could not be looked at is told',
  async (t) => {
    const port = await takePort(t)
    const launcher = [...withoutNetlink(t), ...withoutProc]
    const free = await whyPort(t, [String(port)], {launcher})
    t.is(free.status, 0)
    t.true(free.bindable)
    t.is(free.sockets, null)
    await listenOn(t, port)
    const taken = await whyPort(t, [String(port)], {launcher})
    t.is(taken.status, 1)
    t.false(taken.bindable)
    t.deepEqual(kinds(taken.causes), ['not-visible'])
    for (const {unseen} of [free, taken]) {
      t.deepEqual(unseen, [
        'The sockets could not be looked at: /proc/net/tcp cannot be read (ENOENT); check that /proc is mounted.',
      ])
    }
  },
)

testUnless(
  onLinux ?? withoutProcProblem,
  'without /proc the sockets are told by netlink, and that their processes could not be looked up',
  async (t) => {
    const port = await takePort(t)
    await listenOn(t, port)
    const {causes, sockets} = await whyPort(t, [String(port)], {launcher: withoutProc})
    t.deepEqual(kinds(causes), ['listener'])
    t.deepEqual(
      sockets?.map(({state}) => state),
      ['LISTEN'],
    )
  },
)

testUnless(
  onLinux ?? withoutProcProblem,
  'without /proc a live Unix socket is told, and that its process could not be looked up',
  async (t) => {
    const {path} = await unixServer(t, 'keep')
    const answer = await whyPath(t, path, withoutProc)
    t.deepEqual(kinds(answer.causes), ['unix-listener'])
    t.regex(answer.unseen.join(), /could not be looked up: \/proc\/net\/unix cannot be read/)
  },
)

test('--host asks about one address only', async (t) => {
  const port = await takePort(t)
  await listenOn(t, port)
  const taken = await whyPort(t, [String(port), '--host', '127.0.0.1'])
  t.is(taken.status, 1)
  t.deepEqual([...new Set(taken.bind.map(({address}) => address))], ['127.0.0.1'])
  const mapped = await whyPort(t, [String(port), '--host', '::ffff:7f00:1'])
  t.deepEqual(mapped.bind, taken.bind)
})

testUnless(
  onLinux,
  'another address of loopback is free beside a server on 127.0.0.1',
  async (t) => {
    const port = await takePort(t)
    await listenOn(t, port)
    const answer = await whyPort(t, [String(port), '--host', '127.0.0.2'])
    t.is(answer.status, 0)
    t.deepEqual(answer.causes, [])
  },
)

testUnless(onLinux, 'an address of another machine is said not to be local', async (t) => {
  const port = await takePort(t)
  // 203.0.113.0/24 is for documentation (RFC 5737).
  const answer = await whyPort(t, [String(port), '--host', '203.0.113.77'])
  t.is(answer.status, 1)
  t.deepEqual(kinds(answer.causes), ['address-not-local'])
  t.regex(answer.advice[0]?.text ?? '', /127\.0\.0\.1/)
})

testUnless(withoutNobody, "another user's server is told of as far as it shows", async (t) => {
  const port = await takePort(t)
  await listenOn(t, port)
  const answer = await whyPort(t, [String(port)], asNobody)
  t.is(answer.status, 1)
  t.is(answer.sockets?.[0]?.pid, null)
  t.is(answer.sockets?.[0]?.uid, 0)
  t.regex(answer.causes[0]?.text ?? '', /of user root that we may not look into/)
  t.is(answer.advice[0]?.kind, 'look-as-root')
  t.regex(answer.unseen.join(), /without root/)
})

testUnless(
  everybodyMay ?? (isRoot ? withoutNobody : onLinux),
  'a privileged port is told from one in use',
  async (t) => {
    const answer = await whyPort(t, [String(privilegedPort)], isRoot ? asNobody : {})
    t.is(answer.status, 1)
    t.deepEqual(kinds(answer.causes), ['privileged-port'])
    t.is(answer.advice[0]?.kind, 'use-privilege')
    t.true(answer.bind.every(({observed}) => observed === 'EACCES'))
  },
)

/** A Unix socket in a folder of its own, held by another process or left behind by it. */
async function unixServer(t: ExecutionContext, end: 'keep' | 'kill') {
  const path = join(temporaryFolder(t), 'app.sock')
  const program = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const server = startProgram(t, [process.execPath, '-e', program])
  await server.shows(/up/, 'stdout')
  if (end === 'kill') {
    server.child.kill('SIGKILL')
    await server.ended
  }
  return {path, pid: server.pid}
}

test('a Unix socket with a live server is told, with the process where it shows', async (t) => {
  const {path, pid} = await unixServer(t, 'keep')
  const answer = await whyPath(t, path)
  t.is(answer.status, 1)
  t.deepEqual(kinds(answer.causes), ['unix-listener'])
  if (detectPlatform().stack === 'linux') {
    t.deepEqual(
      answer.processes.map((process) => process.pid),
      [pid],
    )
    t.like(answer.advice[0], {kind: 'stop-process', pid})
  }
})

test('a Unix socket file that a killed server left behind is to be unlinked', async (t) => {
  const {path} = await unixServer(t, 'kill')
  const answer = await whyPath(t, path)
  t.is(answer.status, 1)
  t.deepEqual(kinds(answer.causes), ['unix-left-behind'])
  t.deepEqual(kinds(answer.advice), ['unlink'])
  t.true(answer.advice[0]?.text.includes(path))
})

test('a path where nothing is can be bound, and stays so', async (t) => {
  const path = join(temporaryFolder(t), 'new.sock')
  for (const _ of ['asking', 'changes nothing']) {
    const answer = await whyPath(t, path)
    t.is(answer.status, 0)
    t.deepEqual(kinds(answer.advice), ['start'])
  }
})

const unusablePaths: [what: string, cause: string, prepare: (folder: string) => string][] = [
  [
    'an ordinary file',
    'unix-not-a-socket',
    (folder) => {
      writeFileSync(join(folder, 'file'), 'precious')
      return join(folder, 'file')
    },
  ],
  [
    'a folder',
    'unix-not-a-socket',
    (folder) => {
      mkdirSync(join(folder, 'inner'))
      return join(folder, 'inner')
    },
  ],
  ['a folder that is missing', 'unix-no-folder', (folder) => join(folder, 'no', 'such.sock')],
  ['a path that is too long', 'other-error', (folder) => join(folder, 'x'.repeat(110))],
]

for (const [what, cause, prepare] of unusablePaths) {
  test(`${what} is told as what hinders a Unix socket`, async (t) => {
    const answer = await whyPath(t, prepare(temporaryFolder(t)))
    t.is(answer.status, 1)
    t.deepEqual(kinds(answer.causes), [cause])
  })
}

const badTargets: [what: string, args: string[], complaint: RegExp][] = [
  ['port 0', ['0'], /'0'.*port from 1 to 65535/],
  ['a port above 65535', ['65536'], /'65536'.*port from 1 to 65535/],
  ['a word that is no path', ['no-such-thing'], /'no-such-thing'.*path of a Unix socket/],
  ['a host that is none', ['8080', '--host', 'no such host'], /--host no such host.*e\.g\. 127/],
  ['a host with a zone', ['8080', '--host', 'fe80::1%lo'], /--host fe80::1%lo: .*zone/],
  ['a host without a port', ['--host', '127.0.0.1'], /--host is for a port; name one/],
  ['an empty stdin', ['-'], /no error message about a port on stdin; pipe one in/],
  ['a host for a path', ['./x.sock', '--host', '127.0.0.1'], /--host is for ports/],
]

for (const [what, args, complaint] of badTargets) {
  test(`why with ${what} is one complaint and exit status 2`, async (t) => {
    const {status, stdout, stderr} = await runCli(t, ['why', ...args])
    t.is(status, 2)
    t.is(stdout, '')
    const complaints = complaintsOf(stderr)
    t.is(complaints.length, 1, stderr)
    t.regex(complaints[0] ?? '', complaint)
  })
}

test('an error message on stdin names the port, and the address', async (t) => {
  const port = await takePort(t)
  await listenOn(t, port)
  const ask = async (message: string, ...args: string[]) => {
    const cli = startCli(t, ['why', '--json', '-', ...args], {stdin: 'pipe'})
    cli.child.stdin?.end(message)
    return cli.ended
  }
  const inUse = `Error: listen EADDRINUSE: address already in use 127.0.0.1:${port}\n    at net:1\n`
  const {status, stdout, stderr} = await ask(inUse)
  t.is(status, 1)
  t.is(stderr, '')
  const answer = whyPortSchema.parse(JSON.parse(stdout))
  t.is(answer.port, port)
  t.true(answer.bind.every(({address}) => address === '127.0.0.1'))
  const several = await ask(`${inUse}bind() to 0.0.0.0:80 failed (98: Address already in use)`)
  t.is(several.stderr, 'rebind: the text on stdin is also about 80\n')
  const path = await ask('listen unix /no/such/a.sock: bind: no such file or directory')
  t.like(JSON.parse(path.stdout), {path: '/no/such/a.sock', bindable: false})
  const none = await ask('java.net.BindException: Address already in use')
  t.is(none.status, 2)
  t.regex(
    none.stderr,
    /^rebind: the message on stdin says that a port is in use, but not which; .*\n$/,
  )
})

testUnless(
  onLinux,
  'a process is told with its folder, when it was started, and who started it; so is a listener',
  async (t) => {
    const port = await takePort(t)
    const folder = realpathSync(temporaryFolder(t))
    const program = `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`
    const server = startProgram(t, [process.execPath, '-e', program], {cwd: folder})
    await server.shows(/up/, 'stdout')
    const {sockets} = await whyPort(t, [String(port)])
    const [holder] = sockets?.[0]?.processes ?? []
    t.like(holder, {pid: server.pid, cwd: folder})
    const age = Date.now() - Date.parse(holder?.startedAt ?? '')
    // The clock of /proc counts whole seconds of the machine's start.
    t.true(age > -2000 && age < 120_000, `started ${age} ms ago`)
    t.is(holder?.parents?.[0]?.pid, process.pid)
    t.regex(holder?.parents?.[0]?.command ?? '', /node/)

    const {status, stdout} = await runCli(t, ['why', '--json'])
    t.is(status, 0)
    const {listeners} = listenersSchema.parse(JSON.parse(stdout))
    const listener = listeners.find((each) => each.port === port)
    t.like(listener, {local: {address: '127.0.0.1', port}, pid: server.pid, pids: [server.pid]})
    t.like(listener, {cwd: folder, startedAt: holder?.startedAt, parents: holder?.parents})
    const ports = listeners.map((each) => each.port)
    t.deepEqual(
      ports,
      ports.toSorted((a, b) => a - b),
    )
  },
)

testUnless(
  onLinux,
  'of a server with workers on one socket only the process that started them is to be stopped',
  async (t) => {
    const port = await takePort(t)
    // It ends with the one that started it.
    const worker = "process.on('disconnect', () => process.exit()); process.send('up')"
    const program = `
      const server = require('net').createServer().listen(${port}, '127.0.0.1', () => {
        const worker = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(worker)}],
          {stdio: ['ignore', 'ignore', 'ignore', 'ipc', server._handle]})
        worker.on('message', () => console.log('up'))
      })`
    const server = startProgram(t, [process.execPath, '-e', program])
    await server.shows(/up/, 'stdout')
    const answer = await whyPort(t, [String(port)])
    const processes = answer.sockets?.[0]?.processes ?? []
    t.is(processes.length, 2)
    t.true(processes.some(({pid, parent}) => pid !== server.pid && parent === server.pid))
    const stops = answer.advice.filter(({kind}) => kind === 'stop-process')
    t.deepEqual(
      stops.map(({pid}) => pid),
      [server.pid],
    )
  },
)
