import {once} from 'node:events'
import {chmodSync, existsSync, mkdirSync, readFileSync} from 'node:fs'
import {createServer} from 'node:net'
import {join} from 'node:path'
import test from 'ava'
import {checkRestart} from '../../harness/check/check.ts'
import {casesOfCheck} from '../../harness/feeds/cases/check.ts'
import {readProcesses} from '../../harness/processes/process-table.ts'
import {soon, temporaryFolder, testUnless, until} from '../commands/cli.ts'
import {check, freePort, httpServer, onlyRound, platform, program, shortWait} from './servers.ts'

const listens = `.listen(process.env.PORT, '127.0.0.1')`

function isAlive(pid: number): boolean {
  return readProcesses().some((each) => each.pid === pid && !each.zombie)
}

test('a server that ignores SIGTERM is killed after the timeout, which is said', async (t) => {
  const source = `
    import {createServer} from 'node:net'
    process.on('SIGTERM', () => {})
    createServer((socket) => socket.on('error', () => {}))${listens}
  `
  const command = ['node', program(t, 'server.mjs', source)]
  const document = await check(t, command, {stopTimeoutSeconds: 0.5})
  const round = onlyRound(t, document)
  t.is(round.exitedBy, 'SIGKILL')
  t.true(round.stopTimedOut)
  t.true(round.exitSeconds >= 0.5)
  t.regex(document.advice.join('\n'), /The server did not exit on SIGTERM within/)
})

test('a Node server that waits for its kept-alive connections is told how to close them', async (t) => {
  // close() ends idle connections by itself since Node 19, but not one with a stream of events.
  const source = `
    import {createServer} from 'node:http'
    const server = createServer((request, response) => response.write('data: hello\\n\\n'))
    server${listens}
    process.on('SIGTERM', () => server.close(() => process.exit()))
  `
  const document = await check(t, ['node', program(t, 'server.mjs', source)], {
    send: Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    stopTimeoutSeconds: 0.5,
  })
  const round = onlyRound(t, document)
  t.true(round.stopTimedOut)
  t.is(round.verdict, 'immediate')
  t.true(round.refusedConnections > 0)
  t.true((round.outageSeconds ?? 0) > 0.4, 'it stopped accepting long before it exited')
  t.regex(document.advice.join('\n'), /closeAllConnections/)
})

test('a server that exits at once cannot be measured, and its words are passed on', async (t) => {
  const document = await check(t, [
    'node',
    '-e',
    'console.error("error: no licence"); process.exit(4)',
  ])
  t.false(document.safe)
  t.is(document.problem?.kind, 'exited')
  t.regex(document.problem?.message ?? '', /exited with status 4.*error: no licence/)
  t.deepEqual(document.rounds, [])
})

const leavesLock = (then: string) => `
  import {createServer} from 'node:http'
  import {spawn} from 'node:child_process'
  import {existsSync, rmSync, writeFileSync, writeSync} from 'node:fs'
  const lock = new URL('lock', import.meta.url)
  if (existsSync(lock)) { console.log('error: the lock exists'); ${then}; process.exit(7) }
  writeFileSync(lock, '')
  createServer()${listens}
`

test('a server that crashes on the second start is blocked, and it is said that the port is not why', async (t) => {
  const document = await check(t, ['node', program(t, 'server.mjs', leavesLock(''))], {
    limitSeconds: 1.5,
  })
  const round = onlyRound(t, document)
  t.is(round.verdict, 'blocked')
  t.is(round.errors[0]?.code, null)
  t.is(round.errors[0]?.exitStatus, 7)
  t.deepEqual(round.errors[0]?.lines, ['error: the lock exists'])
  t.is(document.reuseaddr.set, null)
  t.regex(document.advice.join('\n'), /nothing to do with port/)
})

test('a server that fails once it listens has not stayed up because a client keeps it alive', async (t) => {
  const failing = `
    import {existsSync, writeFileSync} from 'node:fs'
    import {createServer} from 'node:net'
    const lock = new URL('lock', import.meta.url)
    const isLocked = existsSync(lock)
    writeFileSync(lock, '')
    const server = createServer((socket) => {
      socket.on('error', () => {})
      if (isLocked) server.close(() => process.exit(1))
    })
    server${listens}
  `
  const command = ['node', program(t, 'server.mjs', failing)]
  const document = await check(t, command, {limitSeconds: 1.5})
  const {verdict, errors} = onlyRound(t, document)
  t.is(verdict, 'blocked')
  t.regex(errors[0]?.what ?? '', /stopped listening/)
  t.false(document.safe)
})

test('a server that is refused another port, while its own has residue, is not taken for one without SO_REUSEADDR', async (t) => {
  const other = await freePort(t)
  const source = `
    import {spawn} from 'node:child_process'
    import {createServer} from 'node:net'
    const fail = (error) => { console.log(error.message); process.exit(1) }
    const keep = \`require('net').createServer().listen(${other}, '127.0.0.1', () => console.log('kept'))\`
    const admin = createServer().on('error', fail).listen(${other}, '127.0.0.1', () => admin.close(() => {
      const helper = spawn('node', ['-e', keep], {detached: true, stdio: ['ignore', 'pipe', 'ignore']})
      helper.stdout.once('data', () => {
        createServer((socket) => socket.on('error', () => {}))${listens}
      })
    }))
  `
  const document = await check(t, ['node', program(t, 'server.mjs', source)], shortWait)
  const round = onlyRound(t, document)
  t.is(round.verdict, 'blocked')
  t.is(round.errors[0]?.code, null)
  t.true(round.errors[0]?.lines.join().includes(`:${other}`))
  t.is(document.reuseaddr.set, null)
  t.is(document.reuseaddr.because, 'the restart failed for a reason other than the port')
})

test('what a refused server wrote last is heard, however much it wrote before, and whoever keeps its output open', async (t) => {
  const source = leavesLock(
    `spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {stdio: 'inherit'})
    for (let line = 0; line < 80; line++) writeSync(2, 'x'.repeat(1000) + '\\n')
    writeSync(2, 'listen EADDRINUSE: address already in use\\n')
    process.exit(7)`,
  )
  const command = ['node', program(t, 'server.mjs', source)]
  const round = onlyRound(t, await check(t, command, {limitSeconds: 1.5}))
  t.deepEqual(
    round.errors.map(({code}) => code),
    ['EADDRINUSE'],
  )
})

test('a restart that is interrupted while it is tried is told with what was seen until then', async (t) => {
  const interruption = new AbortController()
  const options = {
    command: ['node', program(t, 'server.mjs', leavesLock(''))],
    port: await freePort(t),
  }
  const onWaiting = () => interruption.abort('SIGINT')
  const document = await checkRestart(options, {onWaiting}, interruption.signal)
  t.is(document.problem?.kind, 'interrupted')
  t.false(document.safe)
  const [round] = document.rounds
  t.like(round, {verdict: 'blocked', interrupted: true, waitSeconds: null, outageSeconds: null})
  t.deepEqual(round?.errors[0]?.lines, ['error: the lock exists'])
  const cases = casesOfCheck(document)
  t.deepEqual(
    cases.map(({name, status}) => `${name} ${status}`),
    ['round 1 skipped'],
  )
})

test('a server that comes up at the second attempt is delayed, by the time that this took', async (t) => {
  const source = leavesLock('rmSync(lock)')
  const command = ['node', program(t, 'server.mjs', source)]
  const document = await check(t, command)
  const round = onlyRound(t, document)
  t.false(document.safe)
  t.is(round.verdict, 'delayed')
  t.is(round.attempts, 2)
  t.is(round.errors.length, 1)
  t.true((round.waitSeconds ?? 0) > 0)
  t.true((round.outageSeconds ?? 0) >= (round.waitSeconds ?? 0))
})

test('an old process that outlives its parent and listens on is found, and named', async (t) => {
  const server = program(t, 'server.mjs', httpServer)
  const wrapper = `require('child_process').spawn('node', [${JSON.stringify(server)}], {stdio: 'inherit'}).on('exit', (code) => process.exit(code))`
  const document = await check(t, ['node', '-e', wrapper], shortWait)
  const round = onlyRound(t, document)
  t.is(round.verdict, 'blocked')
  t.true(round.errors.every(({code}) => code === 'EADDRINUSE'))
  t.is(document.reuseaddr.set, null)
  if (platform.readHolders === null) return
  const [survivor] = round.survivors.filter(({listening}) => listening)
  t.true(survivor?.command.includes(server))
  t.true(document.advice.join('\n').includes(`still running and listening: pid ${survivor?.pid}`))
  t.false(isAlive(survivor?.pid ?? 0), 'it was ended with the check')
})

test('a server that moves to the next port when its own is refused is found out', async (t) => {
  const moving = program(
    t,
    'moving.mjs',
    `import {createServer} from 'node:net'
    const server = createServer((socket) => socket.on('error', () => {}))
    let port = Number(process.env.PORT)
    server.on('error', () => server.listen(++port, '127.0.0.1')).listen(port, '127.0.0.1')`,
  )
  const wrapper = `require('child_process').spawn('node', [${JSON.stringify(moving)}], {stdio: 'inherit'})`
  const document = await check(t, ['node', '-e', wrapper], shortWait)
  const round = onlyRound(t, document)
  t.is(round.verdict, 'blocked')
  t.regex(round.errors[0]?.what ?? '', /listened on port \d+ instead/)
  t.regex(document.advice.join('\n'), /Make it fail instead/)
})

testUnless(
  platform.readHolders === null ? 'nobody tells whose a listener is here' : undefined,
  'a server that listens on another port is recognised',
  async (t) => {
    const other = await freePort(t)
    const source = `require('net').createServer().listen(${other}, '127.0.0.1')`
    const {problem} = await check(t, ['node', '-e', source])
    t.is(problem?.kind, 'other-port')
    t.true(problem?.message.includes(`listens on port ${other}, not on`))
  },
)

testUnless(
  platform.stack === 'linux' ? undefined : 'only Linux has all of 127.0.0.0/8',
  'a server that listens on another address is recognised',
  async (t) => {
    const source = "require('net').createServer().listen(process.env.PORT, '127.0.0.2')"
    const {problem} = await check(t, ['node', '-e', source])
    t.is(problem?.kind, 'other-address')
    t.regex(problem?.message ?? '', /listens on 127\.0\.0\.2:\d+/)
    t.regex(problem?.remedy ?? '', /--host/)
  },
)

test('a server that never listens is given up after the start timeout', async (t) => {
  const {problem} = await check(t, ['sleep', '60'], {startTimeoutSeconds: 0.5})
  t.is(problem?.kind, 'never-listened')
  t.regex(problem?.remedy ?? '', /PORT/)
})

testUnless(
  platform.stack === 'linux' ? undefined : 'only Linux keeps orphans below a subreaper',
  'a server that puts itself into the background is recognised, and ended all the same',
  async (t) => {
    const server = program(t, 'server.mjs', httpServer)
    const start = `require('child_process').spawn('node', [${JSON.stringify(server)}], {detached: true, stdio: 'ignore'}).unref()`
    const {problem} = await check(t, ['node', '-e', start])
    t.is(problem?.kind, 'daemonised')
    const pid = Number(/pid (\d+)/.exec(problem?.message ?? '')?.[1])
    t.true(pid > 0)
    t.false(isAlive(pid))
  },
)

test('a port that somebody listens on is bad input, and it is said who', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const {port} = server.address() as {port: number}
  const error = await t.throwsAsync(check(t, ['true'], {port}), {name: 'UsageError'})
  if (platform.readHolders !== null) t.true(error?.message.includes(`pid ${process.pid}`))
  t.true(error?.message.includes(`rebind why ${port}`))
})

test('a program that is missing at a later start is no bad usage: the rounds before it are kept', async (t) => {
  const source = `#!${process.execPath}
    import {existsSync, rmSync, writeFileSync} from 'node:fs'
    import {createServer} from 'node:net'
    const started = new URL('started', import.meta.url)
    if (existsSync(started)) rmSync(new URL(import.meta.url))
    else writeFileSync(started, '')
    createServer((socket) => socket.on('error', () => {}))${listens}
  `
  const server = program(t, 'server.mjs', source)
  chmodSync(server, 0o755)
  const {rounds, problem, safe} = await check(t, [server], {rounds: 3})
  t.false(safe)
  t.deepEqual(
    rounds.map(({verdict}) => verdict),
    ['immediate'],
  )
  t.is(problem?.message, `the command could not be started: there is no program "${server}"`)
})

const unusable: [
  what: string,
  options: {command?: string[]; address?: string; cwd?: string},
  complaint: RegExp,
][] = [
  ['a command that does not exist', {command: ['no-such-program']}, /no program "no-such-program"/],
  ['no command', {command: []}, /no command/],
  ['a file that is no program', {command: ['/etc/passwd']}, /may not be executed/],
  ['a host name', {address: 'localhost'}, /"localhost" is not an IP address/],
  ['an address of another machine', {address: '192.0.2.1'}, /not an address of this machine/],
  ['a folder that does not exist', {cwd: '/no/such/folder'}, /no\/such\/folder does not exist/],
]
for (const [what, options, complaint] of unusable) {
  test(`${what} is bad usage`, async (t) => {
    const port = await freePort(t)
    const given = {command: ['true'], port, ...options}
    await t.throwsAsync(checkRestart(given), {name: 'UsageError', message: complaint})
  })
}

testUnless(
  process.getuid?.() === 0 ? 'root may look into every folder' : undefined,
  'a command that is nowhere is so, too, where one folder of the PATH may not be looked into',
  async (t) => {
    const closed = temporaryFolder(t)
    mkdirSync(closed, {recursive: true})
    chmodSync(closed, 0)
    t.teardown(() => chmodSync(closed, 0o700))
    const given = {command: ['no-such-program'], port: await freePort(t), env: {PATH: closed}}
    const message = /no program "no-such-program" in the PATH/
    await t.throwsAsync(checkRestart(given), {name: 'UsageError', message})
  },
)

test('the server gets PATH, HOME, PORT and what was asked for, and no other variable', async (t) => {
  const folder = temporaryFolder(t)
  const source = `require('fs').writeFileSync('seen.json', JSON.stringify({env: process.env, argv: process.argv.slice(1)}))`
  const port = await freePort(t)
  await check(t, ['node', '-e', source, '--', 'at-{port}'], {port, cwd: folder, env: {MINE: 'a=b'}})
  const {env, argv} = JSON.parse(readFileSync(join(folder, 'seen.json'), 'utf8'))
  const {PATH, HOME} = process.env
  // macOS adds __CF_USER_TEXT_ENCODING to every process.
  const seen = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('__CF')))
  t.deepEqual(seen, {PATH, ...(HOME === undefined ? {} : {HOME}), PORT: String(port), MINE: 'a=b'})
  t.deepEqual(argv, [`at-${port}`])
})

test('every connection sends what was asked for, and stays half-open with hold', async (t) => {
  const folder = temporaryFolder(t)
  const source = `
    const {appendFileSync} = require('fs')
    require('net').createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => { appendFileSync('received', data); socket.write('ok') })
    })${listens}
  `
  const document = await check(t, ['node', '-e', source], {
    cwd: folder,
    connections: 5,
    send: Buffer.from('ping\n'),
    hold: true,
    rounds: 2,
  })
  t.is(document.problem, undefined)
  t.deepEqual(
    document.rounds.map(({verdict}) => verdict),
    ['immediate', 'immediate'],
  )
  t.is(document.rounds[0]?.connections.open, 5)
  t.is(readFileSync(join(folder, 'received'), 'utf8'), 'ping\n'.repeat(10))
  if (platform.stack === 'linux') {
    t.deepEqual(document.rounds[0]?.residue, [
      {endpoint: 'server', state: 'FIN_WAIT2', count: 5},
      {endpoint: 'client', state: 'CLOSE_WAIT', count: 5},
    ])
  }
})

test('with stop "none" the server is waited for until it exits by itself', async (t) => {
  const source = `
      const server = require('net').createServer((socket) => { socket.end('bye'); server.close() })${listens}
    `
  const document = await check(t, ['node', '-e', source], {stop: 'none'})
  const round = onlyRound(t, document)
  t.is(round.exitedBy, 'itself')
  t.is(round.exitStatus, 0)
  t.is(round.verdict, 'immediate')
})

test('a server that floods its output, without a line end and in binary, is checked like any other', async (t) => {
  const source = `
    require('net').createServer((socket) => socket.on('error', () => {}))${listens}
    const noise = Buffer.alloc(65536, 0xfe)
    const write = () => process.stdout.write(noise, write)
    write()
  `
  let characters = 0
  const document = await check(
    t,
    ['node', '-e', source],
    {},
    {
      onOutput: ({text}) => {
        characters += text.length
      },
    },
  )
  t.is(onlyRound(t, document).verdict, 'immediate')
  t.true(characters < 500_000, `${characters} characters were passed on`)
})

test('whatever the server started is gone after the check, even in a session of its own', async (t) => {
  const folder = temporaryFolder(t)
  const source = `
    const {pid} = require('child_process').spawn('sleep', ['300'], {detached: true, stdio: 'ignore'})
    require('fs').writeFileSync('pid', String(pid))
    require('net').createServer()${listens}
  `
  await check(t, ['node', '-e', source], {cwd: folder})
  t.true(existsSync(join(folder, 'pid')))
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
  if (platform.stack === 'linux') t.false(isAlive(pid))
  else if (isAlive(pid)) process.kill(pid, 'SIGKILL')
})

test('a server whose guardian is killed is ended, and the check fails', async (t) => {
  let pid = 0
  const checking = check(
    t,
    ['node', program(t, 'server.mjs', httpServer)],
    {stop: 'none'},
    {
      onEvent: (event, fields) => {
        if (event === 'process' && pid === 0) pid = Number(fields.pid)
        if (event !== 'step') return
        const guardian = readProcesses().find((each) => each.pid === pid)?.parent ?? 0
        process.kill(guardian, 'SIGKILL')
      },
    },
  )
  await t.throwsAsync(checking, {message: /guardian/})
  await until(() => !isAlive(pid), soon, 'the end of the server')
  t.pass()
})
