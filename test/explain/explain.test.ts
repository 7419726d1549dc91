/** `node --import rebind/explain`: real programs that are refused a port, in processes of their own. */
import {execFileSync} from 'node:child_process'
import {once} from 'node:events'
import {copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import test, {type ExecutionContext} from 'ava'
import {whyPathSchema, whyPortSchema} from '../../harness/documents/why-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {explainListenError} from '../../harness/explain/listen-error.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {
  type Ended,
  projectFolder,
  runCli,
  type StartOptions,
  startProgram,
  temporaryFolder,
} from '../commands/cli.ts'
import {asNobody, nobodyProblem} from '../faults/machine.ts'
import {missingProgram, needs, testUnless} from '../needs.ts'
import {leaveTimeWait, listenOn, takePort} from '../why/residue.ts'

const folder = join(projectFolder, 'dist', 'harness', 'explain')
const preload = join(folder, 'preload.cjs')
const loaders = {
  '--require': [`--require=${preload}`],
  '--import': [`--import=${pathToFileURL(preload)}`],
}
const onLinux =
  detectPlatform().stack === 'linux' ? nativeOpenerProblem() : 'only Linux shows who has a socket'
const explains = needs(onLinux)
const {firstUnprivilegedPort, readSettings} = detectPlatform()
const everybodyMay =
  firstUnprivilegedPort(await readSettings()) <= 1 ? 'every port is for everybody here' : undefined

/** Beside other tests an answer may take longer than on a machine of one's own. */
const patient = {REBIND_EXPLAIN_SECONDS: '30', REBIND_EXPLAIN: undefined}

/** Runs Node in a folder of its own that has the program. */
function run(
  t: ExecutionContext,
  program: string,
  {
    loader = loaders['--require'],
    args = [] as string[],
    ...options
  }: {loader?: string[]; args?: string[]} & StartOptions = {},
): Promise<Ended> {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'server.cjs'), program)
  const command = [process.execPath, ...loader, ...args, 'server.cjs']
  return startProgram(t, command, {cwd, ...options, env: {...patient, ...options.env}}).ended
}

const heading = /^Port \d+ cannot be bound now \(EADDRINUSE: address already in use\)\.$/gm
const whole = /^Sockets on the port$/gm

function times(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

/** What is printed beside the program's own: it stands before the stack trace, if there is one. */
function split(stderr: string): {ours: string; own: string} {
  const at = stderr.search(/^(node:|Uncaught|\S*\.[cm]?js:\d+$)/m)
  return at < 0 ? {ours: stderr, own: ''} : {ours: stderr.slice(0, at), own: stderr.slice(at)}
}

/** The port of a server in this process. */
async function takenPort(t: ExecutionContext): Promise<number> {
  const port = await takePort(t)
  await listenOn(t, port, 'reuseaddr')
  return port
}

for (const [name, loader] of Object.entries(loaders)) {
  explains(
    `with ${name} an error that nobody handles is explained before its stack trace, which stays as it was`,
    async (t) => {
      const port = await takenPort(t)
      const program = `require('node:http').createServer().listen(${port}, '127.0.0.1')`
      const plain = await run(t, program, {loader: []})
      const explained = await run(t, program, {loader})
      const {ours, own} = split(explained.stderr)
      t.is(times(ours, heading), 1, ours)
      t.regex(ours, new RegExp(`A server is running: process ${process.pid} `))
      t.regex(ours, new RegExp(`^- Leave process ${process.pid} `, 'm'))
      const withoutFolders = (text: string) => text.replace(/\/\S*rebind-test-\w+/g, '')
      t.is(withoutFolders(own), withoutFolders(plain.stderr))
      t.is(explained.stdout, '')
      t.deepEqual([explained.status, explained.signal], [plain.status, plain.signal])
    },
  )

  test(`with ${name} nothing is printed, and nothing is different, when all goes well`, async (t) => {
    const program = `
      const server = require('node:net').createServer()
      server.on('connection', (socket) => socket.end('served'))
      server.listen(0, '127.0.0.1', () => {
        require('node:net').connect(server.address().port).on('data', (text) => {
          console.log(String(text), process.listenerCount('exit'), process.listenerCount('uncaughtExceptionMonitor'))
          server.close()
        })
      })`
    const {status, stdout, stderr} = await run(t, program, {loader})
    t.deepEqual({status, stdout, stderr}, {status: 0, stdout: 'served 0 0\n', stderr: ''})
  })

  explains(`with ${name} a worker thread is explained, too`, async (t) => {
    const port = await takenPort(t)
    const program = `
      const {isMainThread, Worker} = require('node:worker_threads')
      if (isMainThread) new Worker(__filename)
      else require('node:http').createServer().listen(${port}, '127.0.0.1')`
    const {status, stderr} = await run(t, program, {loader})
    t.is(times(stderr, heading), 1, stderr)
    t.is(status, 1)
  })
}

explains(
  'a program that handles the error and goes on gets a short answer once, and is not held up',
  async (t) => {
    const port = await takenPort(t)
    // It counts how often it has tried before the answer comes: it goes on meanwhile.
    const program = `
    const server = require('node:net').createServer()
    let tries = 0
    server.on('error', () => {
      tries++
      console.error('try ' + tries)
      if (tries < 200) setTimeout(() => server.listen(${port}, '127.0.0.1'), 20)
    })
    server.listen(${port}, '127.0.0.1')`
    const {status, stderr} = await run(t, program)
    t.is(status, 0)
    t.is(times(stderr, heading), 1, stderr)
    t.is(times(stderr, whole), 0)
    t.regex(stderr, new RegExp(`^- rebind why ${port} shows everything\\.$`, 'm'))
    t.is(times(stderr, /^try \d+$/gm), 200)
    t.true(times(stderr.slice(0, stderr.search(heading)), /^try \d+$/gm) > 1)
  },
)

explains(
  'one that handles it and ends at once is answered before it does, with its own status',
  async (t) => {
    const port = await takenPort(t)
    const {status, stderr} = await run(
      t,
      `const server = require('node:net').createServer()
    server.on('error', ({code}) => { console.error('mine: ' + code); process.exit(7) })
    server.listen(${port}, '127.0.0.1')`,
    )
    t.is(status, 7)
    t.is(times(stderr, /^mine: EADDRINUSE$/gm), 1)
    t.is(times(stderr, heading), 1, stderr)
  },
)

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  explains(
    `one that handles it and is ended by ${signal} at once, as runners of tests do, is answered`,
    async (t) => {
      const port = await takenPort(t)
      const ended = await run(
        t,
        `const server = require('node:net').createServer()
      server.on('error', () => process.kill(process.pid, '${signal}'))
      server.listen(${port}, '127.0.0.1')`,
      )
      t.deepEqual([ended.status, ended.signal], [null, signal])
      t.is(times(ended.stderr, heading), 1, ended.stderr)
    },
  )
}

explains('one that shuts down when SIGTERM comes meanwhile does so to its end', async (t) => {
  const port = await takenPort(t)
  const {status, signal, stdout} = await run(
    t,
    `process.once('SIGTERM', () => setImmediate(() => console.log('done')))
    const server = require('node:net').createServer()
    server.on('error', () => {
      process.kill(process.pid, 'SIGTERM')
      setTimeout(() => undefined, 1000)
    })
    server.listen(${port}, '127.0.0.1')`,
  )
  t.deepEqual({status, signal, stdout}, {status: 0, signal: null, stdout: 'done\n'})
})

explains('once the answer is there, nothing of ours listens to how the program ends', async (t) => {
  const port = await takenPort(t)
  const {stderr} = await run(
    t,
    `const server = require('node:net').createServer()
    const {stderr} = process
    const counts = () => ['exit', 'uncaughtExceptionMonitor', 'SIGTERM'].map((name) => process.listenerCount(name)).join(' ')
    server.on('error', () => {
      setImmediate(() => stderr.write('pending ' + counts() + '\\n'))
      const look = setInterval(() => {
        if (counts() !== '0 0 0') return
        stderr.write('then ' + counts() + '\\n')
        clearInterval(look)
      }, 10)
    })
    server.listen(${port}, '127.0.0.1')`,
  )
  t.regex(stderr, /^pending 1 1 0$/m)
  t.regex(stderr, /^then 0 0 0$/m)
  t.is(times(stderr, heading), 1)
})

explains('one that rejects with it gets the whole answer before the stack trace', async (t) => {
  const port = await takenPort(t)
  const program = `
    const {once} = require('node:events')
    const server = require('node:net').createServer()
    server.listen(${port}, '127.0.0.1')
    once(server, 'listening').then(() => console.log('listens'))`
  const plain = await run(t, program, {loader: []})
  const {status, stderr} = await run(t, program)
  const {ours, own} = split(stderr)
  t.is(times(ours, whole), 1, stderr)
  t.is(times(stderr, heading), 1)
  t.is(own.replace(/\/\S*rebind-test-\w+/g, ''), plain.stderr.replace(/\/\S*rebind-test-\w+/g, ''))
  t.is(status, plain.status)
})

for (const policy of ['SCHED_RR', 'SCHED_NONE']) {
  explains(`a cluster is answered once, whoever of it sees the error (${policy})`, async (t) => {
    const port = await takenPort(t)
    const workers = 3
    const {stderr, stdout} = await run(
      t,
      `const cluster = require('node:cluster')
      cluster.schedulingPolicy = cluster.${policy}
      if (cluster.isPrimary) {
        for (let worker = 0; worker < ${workers}; worker++) cluster.fork()
        cluster.on('exit', (worker, status) => console.log('status ' + status))
      } else require('node:http').createServer().listen(${port}, '127.0.0.1')`,
    )
    t.is(times(stdout, /^status 1$/gm), workers)
    t.is(times(stderr, /Error: bind EADDRINUSE/g), workers)
    t.is(times(stderr, heading), 1, stderr)
    t.true(stderr.search(heading) < stderr.search(/Error: bind/))
    t.regex(stderr, new RegExp(`process ${process.pid} `))
  })
}

explains(
  'a cluster that listens on all addresses, whose error names none, is answered',
  async (t) => {
    const port = await takenPort(t)
    const {stderr} = await run(
      t,
      `const cluster = require('node:cluster')
    if (cluster.isPrimary) cluster.fork()
    else require('node:http').createServer().listen(${port})`,
    )
    t.regex(stderr, /bind EADDRINUSE.* null:/)
    t.regex(stderr, new RegExp(`process ${process.pid} .* listens on 127.0.0.1:${port}`))
  },
)

explains(
  'processes of one tree that handle it are answered once; one that is started again and does not, each time',
  async (t) => {
    const port = await takenPort(t)
    const starts = (handles: boolean) => `
    if (process.argv[2] === undefined) {
      const {spawnSync} = require('node:child_process')
      for (const start of [1, 2]) {
        spawnSync(process.execPath, [...process.execArgv, __filename, 'server'], {stdio: 'inherit'})
      }
    } else {
      const server = require('node:net').createServer()
      ${handles ? "server.on('error', () => console.error('handled'))" : ''}
      server.listen(${port}, '127.0.0.1')
    }`
    const handled = await run(t, starts(true))
    t.is(times(handled.stderr, /^handled$/gm), 2)
    t.is(times(handled.stderr, heading), 1, handled.stderr)
    const unhandled = await run(t, starts(false))
    t.is(times(unhandled.stderr, whole), 2, unhandled.stderr)
  },
)

explains('a program that listens twice is told that it is in its own way', async (t) => {
  const port = await takePort(t)
  const {stderr} = await run(
    t,
    `const {createServer} = require('node:net')
    createServer().listen(${port}, () => createServer().listen(${port}))`,
  )
  t.regex(stderr, /^- Process \d+ is the program itself: /m)
})

explains(
  'over TIME_WAIT of a server without SO_REUSEADDR the wait is told, and that the option is set',
  async (t) => {
    const port = await takePort(t)
    await leaveTimeWait(t, port, 'none')
    const {stderr} = await run(t, `require('node:net').createServer().listen(${port}, '127.0.0.1')`)
    t.regex(stderr, /^It comes free by itself in \d+ to \d+ s\.$/m)
    t.regex(
      stderr,
      /^- The server sets SO_REUSEADDR, as Node does; whatever left this ran without it\./m,
    )
  },
)

explains(
  'a server with many connections is explained, however much there is to say of it',
  async (t) => {
    const port = await takePort(t)
    const connections = 300
    const program = `
    const {connect, createServer} = require('node:net')
    let accepted = 0
    createServer(() => ++accepted === ${connections} && console.error('ready')).listen(${port}, '127.0.0.1', () => {
      for (let made = 0; made < ${connections}; made++) connect(${port}, '127.0.0.1')
    })`
    // Its command line is told of each connection: together more than Node lets a program print by default.
    const command = [process.execPath, '-e', program, 'x'.repeat(8000)]
    await startProgram(t, command).shows(/ready/)
    const {stderr} = await run(t, `require('node:net').createServer().listen(${port}, '127.0.0.1')`)
    t.is(times(stderr, heading), 1, stderr)
  },
)

test('an address that is not of this machine is explained', async (t) => {
  const {stderr, status} = await run(
    t,
    "require('node:net').createServer().listen(8080, '192.0.2.77')",
  )
  const {ours, own} = split(stderr)
  t.regex(ours, /^Port 8080 cannot be bound now \(EADDRNOTAVAIL: address not available\)\.$/m)
  t.regex(own, /Error: listen EADDRNOTAVAIL/)
  t.is(status, 1)
})

testUnless(nobodyProblem ?? everybodyMay, 'a privileged port is explained', async (t) => {
  const command = [
    ...asNobody.launcher,
    process.execPath,
    '--require=/mnt/dist/harness/explain/preload.cjs',
    ...['-e', "require('node:net').createServer().listen(1, '127.0.0.1')"],
  ]
  const {stderr} = await startProgram(t, command, {cwd: '/', env: patient}).ended
  t.regex(split(stderr).ours, /^- Port 1 is privileged: /m)
  t.regex(stderr, /Error: listen EACCES/)
})

test('a Unix socket is explained', async (t) => {
  const path = join(temporaryFolder(t), 'socket')
  const server = createServer().listen(path)
  t.teardown(() => server.close())
  const {stderr} = await run(
    t,
    `require('node:net').createServer().listen(${JSON.stringify(path)})`,
  )
  const {ours, own} = split(stderr)
  t.true(ours.startsWith(`${path} cannot be bound now.\n`), stderr)
  t.regex(ours, /A server is running on /)
  t.regex(own, /Error: listen EADDRINUSE/)
})

test('under --permission the program gets its own error, and nothing of ours but a line', async (t) => {
  const port = await takePort(t)
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const [major = 0] = process.versions.node.split('.').map(Number)
  const permission = major < 23 ? '--experimental-permission' : '--permission'
  const allowed = process.allowedNodeEnvironmentFlags.has('--allow-net') ? ['--allow-net'] : []
  const args = [permission, '--allow-fs-read=*', ...allowed, '--no-warnings']
  const program = `require('node:net').createServer().listen(${port}, '127.0.0.1')`
  const plain = await run(t, program, {loader: [], args})
  const {status, stderr} = await run(t, program, {args})
  const [line = '', ...rest] = stderr.split('\n')
  t.regex(
    line,
    /^rebind: port \d+ was refused \(EADDRINUSE\), .* from here \(ERR_ACCESS_DENIED\): rebind why \d+ shows it$/,
  )
  const withoutFolders = (text: string) => text.replace(/\/\S*rebind-test-\w+/g, '')
  t.is(withoutFolders(rest.join('\n')), withoutFolders(plain.stderr))
  t.is(status, plain.status)
})

test('whoever answers nothing, or too late, is ended, and the program gets its own error', async (t) => {
  const port = await takePort(t)
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const program = `require('node:net').createServer().listen(${port}, '127.0.0.1')`
  for (const [explainer, seconds, why] of [
    [
      "require('node:fs').writeFileSync('pid', String(process.pid)); setInterval(() => {}, 1000)",
      ...['0.5', 'within 0\\.5 s'],
    ],
    ["process.stdout.write('no JSON')", '30', 'from here:'],
    ['process.exit(1)', '30', 'from here:'],
  ] as const) {
    const ours = temporaryFolder(t)
    copyFileSync(preload, join(ours, 'preload.cjs'))
    writeFileSync(join(ours, 'explainer.cjs'), explainer)
    const loader = [`--require=${join(ours, 'preload.cjs')}`]
    const env = {REBIND_EXPLAIN_SECONDS: seconds}
    const {status, stderr} = await run(t, program, {loader, env})
    t.regex(stderr, new RegExp(`^rebind: port ${port} was refused .*${why}`))
    t.regex(stderr, /Error: listen EADDRINUSE/)
    t.is(status, 1)
  }
})

explains(
  'a child in another folder is explained, by what rebind explain prints for NODE_OPTIONS',
  async (t) => {
    const port = await takenPort(t)
    const elsewhere = join(temporaryFolder(t), 'a folder')
    mkdirSync(elsewhere)
    writeFileSync(join(elsewhere, 'package.json'), '{"scripts": {"start": "node server.cjs"}}')
    writeFileSync(
      join(elsewhere, 'server.cjs'),
      `require('node:net').createServer().listen(${port}, '127.0.0.1')`,
    )
    for (const args of [['explain'], ['explain', '--require']]) {
      const {stdout, status} = await runCli(t, args)
      t.is(status, 0)
      const {stderr} = await startProgram(t, ['npm', 'start'], {
        cwd: elsewhere,
        env: {...patient, NODE_OPTIONS: stdout.trim()},
      }).ended
      t.is(times(stderr, heading), 1, stderr)
    }
  },
)

test('a file that the environment names is not written to', async (t) => {
  const file = join(temporaryFolder(t), 'mine')
  writeFileSync(file, 'mine')
  const {dev, ino} = statSync(file)
  const env = {REBIND_EXPLAIN: JSON.stringify({file, dev, ino})}
  const {stderr} = await run(t, "require('node:net').createServer().listen(8080, '192.0.2.77')", {
    env,
  })
  t.regex(stderr, /EADDRNOTAVAIL/)
  t.is(readFileSync(file, 'utf8'), 'mine')
})

explains('NODE_OPTIONS of the program is not that of what looks', async (t) => {
  const port = await takenPort(t)
  const counting = join(temporaryFolder(t), 'counting.cjs')
  const counts = `${counting}.txt`
  writeFileSync(counting, `require('node:fs').appendFileSync(${JSON.stringify(counts)}, 'x')`)
  const {stderr} = await run(t, `require('node:net').createServer().listen(${port}, '127.0.0.1')`, {
    loader: [],
    env: {NODE_OPTIONS: `${loaders['--require'][0]} --require=${counting}`},
  })
  t.is(times(stderr, heading), 1, stderr)
  t.is(readFileSync(counts, 'utf8'), 'x')
})

testUnless(
  onLinux ?? missingProgram('strace'),
  'for an explanation no bind is tried, and nothing is listened on',
  async (t) => {
    const port = await takenPort(t)
    const log = join(temporaryFolder(t), 'calls')
    const refusal = {code: 'EADDRINUSE', port, address: '127.0.0.1', bind: 'reuseaddr'}
    const question = JSON.stringify({refusal, seconds: 60, document: true})
    const command = [process.execPath, join(folder, 'explainer.cjs'), question]
    const {status, stdout} = await startProgram(t, [
      'strace',
      '-f',
      '-e',
      'trace=bind,listen',
      '-o',
      log,
      ...command,
    ]).ended
    t.is(status, 0)
    const answer = whyPortSchema.parse(JSON.parse(stdout).answer)
    t.deepEqual(answer.bind, [])
    t.deepEqual(answer.refused, {code: 'EADDRINUSE', address: '127.0.0.1'})
    t.notRegex(readFileSync(log, 'utf8'), /\b(bind|listen)\(/)
    t.true(answer.unseen.some((sentence) => sentence.startsWith('No bind was tried')))
  },
)

test('explainListenError gives the document of rebind why', async (t) => {
  const path = join(temporaryFolder(t), 'socket')
  const errors = await Promise.all(
    [0, path].map(async (where) => {
      const server = createServer().listen(where as number)
      await new Promise((resolve) => server.once('listening', resolve))
      t.teardown(() => server.close())
      const address = server.address()
      const second = createServer()
      const failed = new Promise<Error>((resolve) => second.once('error', resolve))
      second.listen(typeof address === 'string' ? address : (address?.port ?? 0))
      return failed
    }),
  )
  const [ofPort, ofPath] = await Promise.all(errors.map((error) => explainListenError(error)))
  const port = whyPortSchema.parse(ofPort)
  t.is(port.bindable, false)
  t.deepEqual(port.bind, [])
  t.is(port.refused?.code, 'EADDRINUSE')
  t.is(whyPathSchema.parse(ofPath).causes[0]?.kind, 'unix-listener')
  for (const other of [
    new Error('EADDRINUSE'),
    undefined,
    null,
    'x',
    {code: 'ECONNREFUSED', syscall: 'connect', port: 1},
  ]) {
    await t.throwsAsync(explainListenError(other), {instanceOf: UsageError})
  }
})

test('starting with it costs little', (t) => {
  const empty = join(temporaryFolder(t), 'empty.cjs')
  writeFileSync(empty, 'process.stdout.write(JSON.stringify(process.cpuUsage()))')
  const costs = {plain: [] as number[], '--import': [] as number[], '--require': [] as number[]}
  const measured = Object.entries({plain: [], ...loaders})
  for (let round = 0; round < 20; round++) {
    for (const [name, loader] of measured) {
      const {user, system} = JSON.parse(
        execFileSync(process.execPath, [...loader, empty], {encoding: 'utf8'}),
      )
      costs[name as keyof typeof costs].push((user + system) / 1000)
    }
  }
  // The work is the same each time: whatever more a start took, others took from it, who share caches and cores.
  const plain = Math.min(...costs.plain)
  const byImport = Math.min(...costs['--import']) - plain
  const byRequire = Math.min(...costs['--require']) - plain
  t.log(`--import ${byImport.toFixed(1)} ms, --require ${byRequire.toFixed(1)} ms of CPU`)
  // On a slower machine all of it takes longer; on the one that this was measured on, a start takes 40 ms.
  const slower = Math.max(1, plain / 40)
  t.true(byImport <= 10 * slower, `${byImport} ms`)
  t.true(byRequire <= 5 * slower, `${byRequire} ms`)
})
