import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:http'
import {type AddressInfo, createServer as createTcpServer} from 'node:net'
import {dirname, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {checkReload} from '../../harness/check/reload.ts'
import type {ReloadOptions} from '../../harness/check/reload-options.ts'
import {type CheckDocument, checkSchema} from '../../harness/documents/check-schema.ts'
import {UsageError} from '../../harness/errors.ts'
import {findProgram} from '../../harness/survey/programs.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {needs} from '../needs.ts'
import {freePort, httpServer, missingServer, platform, program} from './servers.ts'

async function reload(
  t: ExecutionContext,
  options: Partial<ReloadOptions>,
): Promise<CheckDocument> {
  const port = options.port ?? (await freePort(t))
  return checkSchema.parse(await checkReload({http: '/', ...options, port}))
}

function generations({trigger}: CheckDocument): number[][] {
  return (trigger?.generations ?? []).map(({processes}) => processes.map(({pid}) => pid))
}

/** On a machine that is too slow an outage may be missed, which the check says; what it has seen it has seen. */
function wasMeasured(t: ExecutionContext, {problem}: CheckDocument): void {
  t.true(problem === undefined || problem.kind === 'too-slow', problem?.message)
}

/** A primary that replaces its worker on SIGHUP: the new one listens before the old one is told to stop. */
const rolling = `
  import cluster from 'node:cluster'
  import {createServer} from 'node:http'
  if (cluster.isPrimary) {
    let worker = cluster.fork()
    process.on('SIGHUP', () => {
      const old = worker
      worker = cluster.fork().once('listening', () => old.disconnect())
    })
  } else {
    createServer((request, response) => response.end('hello')).listen(process.env.PORT, '127.0.0.1')
  }
`

/** Closes its listening socket on SIGHUP, and starts its successor a second later: no client can miss that. */
const restarting = `
  import {spawn} from 'node:child_process'
  import {createServer} from 'node:http'
  const server = createServer((request, response) => response.end('hello'))
  server.listen(process.env.PORT, '127.0.0.1')
  process.on('SIGHUP', () => {
    const start = () => spawn(process.execPath, [import.meta.filename], {stdio: 'inherit'})
    server.close(() => setTimeout(start, 1000))
    server.closeAllConnections()
  })
`

/** One after the other: a client that comes late misses what it is to see. */
const watching = needs(
  platform.readHolders === null ? 'processes cannot be seen here' : undefined,
  test.serial,
)

watching(
  'a worker that is replaced while its primary keeps the socket is a new generation, and loses nothing',
  async (t) => {
    const command = ['node', program(t, 'rolling.mjs', rolling)]
    const triggers = [['kill', '-HUP', '{pid}']]
    const document = await reload(t, {command, triggers})
    t.is(document.problem, undefined)
    t.true(document.trigger?.reloaded)
    t.deepEqual(
      generations(document).map((pids) => pids.length),
      [1, 1],
    )
    t.deepEqual(document.losses, [])
    t.true(document.lossless)
    t.true(document.safe, JSON.stringify(document))
    t.deepEqual(document.trigger?.withoutListenerSeconds, [0, 0])
    t.regex(document.advice.join('\n'), /Nothing to do/)
    t.is(document.runtime, 'Node')
  },
)

watching(
  'a server that closes before its successor listens loses what comes meanwhile',
  async (t) => {
    const command = ['node', program(t, 'restarting.mjs', restarting)]
    const document = await reload(t, {
      ...{command, triggers: [['kill', '-HUP', '{pid}']], idle: 1},
      ...{maxLost: 0, maxOutageSeconds: 60, maxWaitSeconds: 60},
    })
    t.true(document.trigger?.reloaded)
    t.is(generations(document).length, 2)
    t.false(document.lossless)
    t.false(document.safe)
    const refused = document.losses?.find(({kind}) => kind === 'no-listener')
    t.is(refused?.count, document.traffic?.new.refused)
    t.regex(refused?.because ?? '', /^nobody listened for (\d+ to \d+ ms|less than .*)$/)
    t.deepEqual(
      document.thresholds?.map(({name, met}) => [name, met]),
      [
        ['max-outage', true],
        ['max-lost', false],
        ['max-wait', true],
      ],
    )
    t.regex(document.advice.join('\n'), /listen before the old one stops/)
  },
)

watching('node --watch is seen to start its server anew', async (t) => {
  const file = program(t, 'server.mjs', httpServer)
  const document = await reload(t, {
    command: ['node', '--watch', file],
    triggers: [['touch', file]],
  })
  wasMeasured(t, document)
  t.true(document.trigger?.reloaded)
  t.is(generations(document).length, 2)
  t.is(document.lossless, document.losses?.length === 0)
})

watching(
  'a server that opens another listening socket in the same process has reloaded',
  async (t) => {
    const reopening = `
    import {createServer} from 'node:http'
    const open = () =>
      createServer((request, response) => response.setHeader('connection', 'close').end('hello'))
        .listen(process.env.PORT, '127.0.0.1')
    let server = open()
    process.on('SIGHUP', () => {
      server.close(() => {
        server = open()
      })
    })
  `
    const command = ['node', program(t, 'server.mjs', reopening)]
    const document = await reload(t, {command, triggers: [['kill', '-HUP', '{pid}']]})
    wasMeasured(t, document)
    t.true(document.trigger?.reloaded)
    const [[first], [second]] = generations(document) as [[number], [number]]
    t.is(first, second)
  },
)

/** Listens no longer on SIGHUP, starts its successor, and ends when its last connection does; it closes none for being idle. */
const leaving = (onIdle: string) => `
  import {spawn} from 'node:child_process'
  import {createServer} from 'node:http'
  const server = createServer({keepAliveTimeout: 0}, (request, response) => response.end('hello'))
  server.listen(process.env.PORT, '127.0.0.1')
  process.on('SIGHUP', () => {
    ${onIdle}
    server.close()
    spawn(process.execPath, [import.meta.filename], {stdio: 'inherit'})
  })
`

watching(
  'idle connections that the old server closes are no loss, and one that keeps them stays',
  async (t) => {
    const run = (onIdle: string) =>
      reload(t, {
        ...{command: ['node', program(t, 'server.mjs', leaving(onIdle))], idle: 3},
        triggers: [['kill', '-HUP', '{pid}']],
      })
    // Since Node 19 close() closes them.
    const closing = await run('')
    wasMeasured(t, closing)
    t.is(closing.traffic?.idleClosed, 3)
    t.is(closing.traffic?.idle.reset, 0)
    const keeping = await run('server.closeIdleConnections = () => {}')
    wasMeasured(t, keeping)
    t.is(keeping.traffic?.idleClosed, 0)
    t.is(keeping.trigger?.generations[0]?.to, null)
  },
)

watching('no shell reads the words of a trigger, and {pid} is in them', async (t) => {
  const file = program(t, 'server.mjs', httpServer)
  const folder = temporaryFolder(t)
  mkdirSync(folder, {recursive: true})
  const words = join(folder, 'words')
  const keeping = `
    require('node:fs').writeFileSync(process.argv[1], process.argv.slice(2).join())
    require('node:fs').utimesSync(${JSON.stringify(file)}, new Date(), new Date())
  `
  const given = ['$(touch planted)', '`touch planted`', '; touch planted', '{pid}']
  const document = await reload(t, {
    ...{command: ['node', '--watch', file], cwd: folder},
    triggers: [[process.execPath, '-e', keeping, words, ...given]],
  })
  wasMeasured(t, document)
  const [pid] = readFileSync(words, 'utf8').split(',').slice(-1)
  t.regex(pid ?? '', /^\d+$/)
  t.is(readFileSync(words, 'utf8'), [...given.slice(0, -1), pid].join())
  t.deepEqual(readdirSync(folder), ['words'])
})

watching('the answer is noticed while further triggers run', async (t) => {
  // Each worker counts what it answers in a file of its own.
  const counting = rolling.replace(
    "response.end('hello')",
    "(response.end('hello'), appendFileSync('answers-' + process.pid, '.'))",
  )
  const file = program(t, 'rolling.mjs', `import {appendFileSync} from 'node:fs'\n${counting}`)
  const newOneHasAnswered = 'until set -- answers-*; [ $# -gt 1 ]; do sleep 0.1; done; sleep 3'
  const triggers = [['kill', '-HUP', '{pid}'], ['sh', '-c', newOneHasAnswered], ['true']]
  const document = await reload(t, {
    ...{command: ['node', file], cwd: dirname(file)},
    ...{triggers, triggerTimeoutSeconds: 60},
  })
  t.is(document.problem, undefined)
  const {at = [], answeredAfterSeconds} = document.trigger ?? {}
  t.true((answeredAfterSeconds ?? 999) < (at[2] ?? 0) - (at[0] ?? 0))
})

watching('a server that the trigger only ends is not safe: nobody answers any more', async (t) => {
  const command = ['node', program(t, 'server.mjs', httpServer)]
  const document = await reload(t, {command, triggers: [['kill', '{pid}']]})
  t.is(document.problem, undefined)
  t.false(document.trigger?.reloaded)
  t.false(document.safe)
  t.is(document.trigger?.answeredAfterSeconds, null)
  t.regex(document.advice.join('\n'), /No new process answered/)
})

watching(
  'the time without an answer counts up to the end, however late clients began',
  async (t) => {
    // The first one is what clients are to ask, the second one the idle connection that they wait for.
    const server = `
    import {createServer} from 'node:http'
    let requests = 0
    const answer = (request, response) =>
      setTimeout(() => response.end('hello'), ++requests === 2 ? 3000 : 0)
    createServer(answer).listen(process.env.PORT, '127.0.0.1')
  `
    const command = ['node', program(t, 'server.mjs', server)]
    const {traffic} = await reload(t, {command, triggers: [['kill', '{pid}']], idle: 1})
    // For as long it is watched, at least, that nobody of an ended server is left.
    t.true((traffic?.longestGapSeconds ?? 0) >= 1, `${traffic?.longestGapSeconds}`)
  },
)

watching(
  'a trigger that restarts nothing, or fails, or does not end, could not be measured',
  async (t) => {
    const command = ['node', program(t, 'server.mjs', httpServer)]
    const run = (trigger: string[], limits = {}) =>
      reload(t, {command, triggers: [trigger], ...limits})
    const [nothing, failed, endless] = await Promise.all([
      run(['true']),
      run(['sh', '-c', 'echo "error: no such app" >&2; exit 3']),
      run(['sleep', '60'], {triggerTimeoutSeconds: 0.5}),
    ])
    t.is(nothing.problem?.kind, 'nothing-restarted')
    t.is(failed.problem?.kind, 'trigger-failed')
    t.regex(failed.problem?.message ?? '', /exited with status 3.*no such app/)
    t.is(endless.problem?.kind, 'trigger-failed')
    t.regex(endless.problem?.message ?? '', /did not end within 0.5 s/)
    for (const {safe} of [nothing, failed, endless]) t.false(safe)
  },
)

watching('what was counted before a trigger is missing is kept', async (t) => {
  const command = ['node', program(t, 'server.mjs', httpServer)]
  const document = await reload(t, {command, triggers: [['true'], ['./no-such-program']]})
  t.is(document.problem?.kind, 'trigger-failed')
  t.regex(document.problem?.message ?? '', /could not be started: there is no program/)
  t.true((document.traffic?.new.answered ?? 0) > 0)
})

watching(
  'a server that says nothing is watched all the same, but nobody knows whether it accepts',
  async (t) => {
    const silent = `
    import {createServer} from 'node:net'
    createServer((socket) => socket.on('error', () => undefined)).listen(process.env.PORT, '127.0.0.1')
  `
    const file = program(t, 'silent.mjs', silent)
    const port = await freePort(t)
    const triggers = [['touch', file]]
    const options = {command: ['node', '--watch', file], triggers, port, maxLost: 1000}
    const document = checkSchema.parse(await checkReload(options))
    t.is(document.traffic?.asks, 'nothing')
    t.true(document.trigger?.reloaded)
    t.not(document.lossless, true)
  },
)

watching('a server that runs already is found by its port, and is left running', async (t) => {
  const port = await freePort(t)
  const server = spawn(process.execPath, [program(t, 'rolling.mjs', rolling)], {
    env: {...process.env, PORT: String(port)},
    stdio: 'ignore',
  })
  t.teardown(() => server.kill('SIGKILL'))
  const missing = await t.throwsAsync(checkReload({port: await freePort(t)}), {
    instanceOf: UsageError,
  })
  t.regex(missing?.message ?? '', /nobody listens on port/)
  while (!(await isAnswered(port))) await new Promise((resolve) => setTimeout(resolve, 20))
  const document = await reload(t, {port, triggers: [['kill', '-HUP', `${server.pid}`]]})
  t.is(document.problem, undefined)
  t.deepEqual(document.command, [])
  t.true(document.safe, JSON.stringify(document))
  t.true(await isAnswered(port), 'it was not ended')
  server.kill('SIGTERM')
  await once(server, 'exit')
})

async function isAnswered(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/`).then(
    ({ok}) => ok,
    () => false,
  )
}

needs(missingServer('nginx'), test.serial)(
  'nginx -s reload: the master stays, its workers are the generations',
  async (t) => {
    const port = await freePort(t)
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'logs'), {recursive: true})
    const configuration = join(folder, 'nginx.conf')
    writeFileSync(
      configuration,
      `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/logs/error.log; worker_processes 2;
    events {}
    http {
      access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
      fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      server { listen 127.0.0.1:${port}; location / { return 200 hello; } }
    }`,
    )
    // Debian has it in /usr/sbin, which the PATH of an ordinary user lacks.
    const command = [findProgram('nginx') ?? '', '-p', folder, '-c', configuration]
    const triggers = [[...command, '-s', 'reload']]
    const document = await reload(t, {port, command, triggers, inFlight: 2, idle: 2})
    t.is(document.problem, undefined)
    t.true(document.trigger?.reloaded)
    const [first = [], second = []] = generations(document)
    t.true(first.length > 0 && second.length > 0)
    t.false(first.some((pid) => second.includes(pid)))
    t.deepEqual(document.trigger?.withoutListenerSeconds, [0, 0])
    t.is(document.traffic?.new.refused, 0)
  },
)

watching('one more worker beside the old ones is not known to be a reload', async (t) => {
  const growing = rolling.replace('old.disconnect()', 'undefined')
  const command = ['node', program(t, 'growing.mjs', growing)]
  const triggers = [['kill', '-HUP', '{pid}']]
  const document = await reload(t, {command, triggers})
  t.true(document.trigger?.reloaded)
  t.is(document.problem?.kind, 'old-still-accepts')
  t.false(document.safe)
})

const python = needs(
  platform.readHolders === null ? 'processes cannot be seen here' : missingServer('python3'),
  test.serial,
)

python(
  'a server that forks for each client has not reloaded because new processes answer',
  async (t) => {
    const forking = `
import os, socketserver
class Greeting(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b'hi\\n')
        while self.request.recv(100):
            pass
class Server(socketserver.ForkingTCPServer):
    allow_reuse_address = True
Server(('127.0.0.1', int(os.environ['PORT'])), Greeting).serve_forever()
`
    const options = {
      ...{port: await freePort(t), command: ['python3', program(t, 'server.py', forking)]},
      triggers: [['true']],
    }
    const {problem, trigger, safe} = checkSchema.parse(await checkReload(options))
    t.is(problem?.kind, 'nothing-restarted')
    t.regex(problem?.message ?? '', /come and go all the time/)
    t.is(trigger?.generations.length, 1)
    t.false(safe)
  },
)

/** @param keeps whether it waits for the client to close, in Python: its successor has an argument */
const sharing = (keeps: string) => `
import os, signal, socket, subprocess, sys, threading
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
server.bind(('127.0.0.1', int(os.environ['PORT'])))
server.listen()
signal.signal(signal.SIGHUP, lambda *_: subprocess.Popen([sys.executable, __file__, 'successor']))
def greet(connection):
    with connection:
        connection.sendall(b'hi\\n')
        if ${keeps}:
            connection.recv(100)
while True:
    connection, _ = server.accept()
    threading.Thread(target=greet, args=[connection]).start()
`

for (const [title, keeps] of [
  ['an old server that goes on listening beside the new one is not safe', 'True'],
  ['nor is one that is never seen to have a client', 'len(sys.argv) > 1'],
] as const) {
  python(title, async (t) => {
    const options = {
      ...{port: await freePort(t), command: ['python3', program(t, 'server.py', sharing(keeps))]},
      triggers: [['kill', '-HUP', '{pid}']],
    }
    const document = checkSchema.parse(await checkReload(options))
    t.is(document.problem, undefined)
    t.true(document.trigger?.reloaded)
    t.is(document.trigger?.oldListeners?.length, 1)
    t.false(document.safe)
    t.regex(document.advice.join('\n'), /goes on taking clients/)
    t.notRegex(document.advice.join('\n'), /Nothing to do/)
  })
}

watching('what was counted before an interruption is in the document', async (t) => {
  const interruption = new AbortController()
  const server = createServer((_, response) => response.end('hello'))
  // Each client stays for two looks after its answer.
  let gone = 0
  server.on('connection', (socket) => {
    socket.once('close', () => {
      if (++gone === 20) interruption.abort('SIGINT')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as AddressInfo
  const document = checkSchema.parse(await checkReload({port, http: '/'}, {}, interruption.signal))
  t.is(document.problem?.kind, 'interrupted')
  t.true((document.traffic?.new.answered ?? 0) > 0)
  t.is(generations(document).length, 1)
  t.false(document.safe)
})

test('an interruption is not kept waiting by a server that does not answer', async (t) => {
  const interruption = new AbortController()
  let interruptedAt = 0
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined)
    interruptedAt = performance.now()
    interruption.abort('SIGINT')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as AddressInfo
  const document = await checkReload({port, http: '/'}, {}, interruption.signal)
  t.is(document.problem?.kind, 'interrupted')
  t.true(performance.now() - interruptedAt < 4500, 'it has not waited 5 s for an answer')
})

test('what cannot be is told before anything is started', async (t) => {
  const port = await freePort(t)
  const command = ['node', 'server.js']
  const complain = (options: Partial<ReloadOptions>) =>
    t.throwsAsync(checkReload({port, command, triggers: [['true']], ...options}), {
      instanceOf: UsageError,
    })
  t.regex((await complain({http: 'health'}))?.message ?? '', /begins with \//)
  t.regex(
    (await complain({http: '/', send: Buffer.from('x')}))?.message ?? '',
    /exclude each other/,
  )
  t.regex((await complain({triggers: []}))?.message ?? '', /--trigger/)
  const missing = await complain({triggers: [['true'], ['no-such-program']]})
  t.regex(missing?.message ?? '', /there is no program "no-such-program" in the PATH/)
})
