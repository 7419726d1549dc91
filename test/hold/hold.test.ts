import {once} from 'node:events'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {createServer} from 'node:http'
import type {AddressInfo} from 'node:net'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import test, {type ExecutionContext} from 'ava'
import {readProcesses} from '../../harness/processes/process-table.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {openTraffic} from '../../harness/traffic/clients.ts'
import {freePort, missingServer} from '../check/servers.ts'
import {
  projectFolder,
  runCli,
  type Started,
  startCli,
  startProgram,
  temporaryFolder,
} from '../commands/cli.ts'
import {asNobody, nobodyProblem} from '../faults/machine.ts'
import {missingProgram, needs} from '../needs.ts'

const holding = needs(nativeOpenerProblem(), test.serial)

const server = `
  import {createServer} from 'node:http'
  const answers = createServer((request, response) => response.end(String(process.pid)))
  answers.listen(process.env.PORT, () => console.log('listens as ' + process.pid))
`

/** A folder with a server that is started by each of the commands. */
function project(t: ExecutionContext): string {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'server.mjs'), server)
  writeFileSync(join(folder, 'package.json'), '{"scripts": {"start": "node server.mjs"}}')
  return folder
}

function start(t: ExecutionContext, port: number, cwd: string, ...args: string[]): Started {
  return startCli(t, ['hold', '--listen', `${port}`, '--cwd', cwd, ...args])
}

async function pidThatAnswers(port: number): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}/`)).text())
}

const commands: [name: string, command: string[]][] = [
  ['node', ['node', 'server.mjs']],
  ['npm start', ['npm', 'start']],
  ['node --watch', ['node', '--watch', 'server.mjs']],
]
for (const [name, command] of commands) {
  holding(`${name} is restarted without a connection refused`, async (t) => {
    const port = await freePort(t)
    const held = start(t, port, project(t), '--', ...command)
    await held.shows(/listens as/, 'stdout')
    const first = await pidThatAnswers(port)
    const traffic = openTraffic({
      target: {host: '127.0.0.1', port, timeoutSeconds: 30},
      ...{ask: {kind: 'http', path: '/'}, rate: 50, idle: 0, inFlight: 0},
      ...{kept: () => delay(5), onFault: (error) => t.fail(error.message)},
    })
    t.teardown(() => traffic.end())
    await traffic.start()
    held.child.kill('SIGHUP')
    let second = first
    while (second === first || Number.isNaN(second)) {
      second = await pidThatAnswers(port).catch(() => first)
    }
    await traffic.stop()
    t.is(traffic.tally.lanes.new.refused, 0)
    t.true(traffic.tally.lanes.new.answered > 0)
    held.child.kill('SIGTERM')
    const {status} = await held.ended
    t.is(status, 143)
    await t.throwsAsync(pidThatAnswers(port), undefined, 'nobody is left')
  })
}

holding('a change of a file restarts it, and what node_modules changes does not', async (t) => {
  const port = await freePort(t)
  const folder = project(t)
  const held = start(t, port, folder, '--watch', folder, '--', 'node', 'server.mjs')
  await held.shows(/listens as/, 'stdout')
  writeFileSync(join(folder, 'server.mjs'), `${server}\n// changed`)
  await t.notThrowsAsync(held.shows(/restarted: server\.mjs has changed/, 'stderr'))
  held.child.kill('SIGTERM')
  await held.ended
})

holding('folders are watched as they come, go and are linked', async (t) => {
  const port = await freePort(t)
  const folder = project(t)
  const linked = temporaryFolder(t)
  symlinkSync(linked, join(folder, 'linked'))
  const held = start(t, port, folder, '--watch', folder, '--', 'node', 'server.mjs')
  await held.shows(/holds/, 'stderr')
  const changes = async (change: () => void, file: RegExp) => {
    change()
    await t.notThrowsAsync(held.shows(file, 'stderr'))
  }
  const write = (...path: string[]) => writeFileSync(join(folder, ...path), '')
  // Changes are seen in their order: who has seen the file has seen the folder.
  const comes = async (marker: string) => {
    mkdirSync(join(folder, 'new', 'below'), {recursive: true})
    await changes(() => write(marker), new RegExp(`restarted: ${marker} has changed`))
  }
  await comes('first')
  await changes(() => write('new', 'below', 'one.mjs'), /new\/below\/one\.mjs has changed/)
  rmSync(join(folder, 'new'), {recursive: true})
  await comes('second')
  await changes(() => write('new', 'below', 'two.mjs'), /new\/below\/two\.mjs has changed/)
  await changes(() => writeFileSync(join(linked, 'file'), ''), /linked has changed/)
  held.child.kill('SIGTERM')
  await held.ended
})

const isRoot = process.getuid?.() === 0
needs(nativeOpenerProblem() ?? (isRoot ? nobodyProblem : undefined), test.serial)(
  'a folder that may not be read is told, and all others are watched',
  async (t) => {
    const port = await freePort(t)
    const folder = project(t)
    const secret = (name: string) => {
      const path = join(folder, name)
      mkdirSync(path, {mode: 0})
      t.teardown(() => chmodSync(path, 0o700))
    }
    chmodSync(folder, 0o755)
    mkdirSync(join(folder, 'later'))
    secret('a')
    const args = ['hold', '--listen', `${port}`, '--cwd', folder, '--watch', folder]
    const command = ['--', process.execPath, 'server.mjs']
    const held = startCli(t, [...args, ...command], isRoot ? asNobody : {})
    await held.shows(/\/a cannot be watched \(EACCES\)/, 'stderr')
    await held.shows(/holds/, 'stderr')
    secret('b')
    await held.shows(/\/b cannot be watched \(EACCES\)/, 'stderr')
    writeFileSync(join(folder, 'later', 'new.mjs'), '')
    await t.notThrowsAsync(held.shows(/restarted: later\/new\.mjs has changed/, 'stderr'))
    held.child.kill('SIGTERM')
    await held.ended
  },
)

needs(nativeOpenerProblem() ?? missingServer('python3'), test.serial)(
  'a program that is no Node takes it as from systemd: fd 3, with its own pid in LISTEN_PID',
  async (t) => {
    const port = await freePort(t)
    const folder = temporaryFolder(t)
    writeFileSync(
      join(folder, 'server.py'),
      `import os, socket
assert os.environ['LISTEN_PID'] == str(os.getpid()) and os.environ['LISTEN_FDS'] == '1'
server = socket.socket(fileno=3)
print('takes', server.getsockname(), flush=True)
server.accept()[0].sendall(b'HTTP/1.0 200 OK\\r\\n\\r\\n' + str(os.getpid()).encode())
`,
    )
    const held = start(t, port, folder, '--', 'python3', 'server.py')
    await held.shows(/takes \('127\.0\.0\.1', \d+\)/, 'stdout')
    t.true((await pidThatAnswers(port)) > 0)
    await held.shows(/it exited with status 0/, 'stderr')
    held.child.kill('SIGINT')
    t.is((await held.ended).status, 130)
  },
)

holding('a command that ends within a second is not started again at once', async (t) => {
  const held = start(t, await freePort(t), temporaryFolder(t), '--', 'true')
  // Of its many starts, one is that quick on the slowest machine, too.
  await t.notThrowsAsync(held.shows(/exited with status 0; waits 1 s/, 'stderr'))
  held.child.kill('SIGTERM')
  await held.ended
})

/** Ends once it may, and once hold has answered: then hold knows what happened before. */
const slowlyEnding = `
  import {existsSync} from 'node:fs'
  import {connect} from 'node:net'
  const end = () => connect(JSON.parse(process.env.REBIND_HOLD).path).resume().on('close', () => process.exit())
  const lookAgain = () => existsSync('may-end') ? end() : setTimeout(lookAgain, 10)
  process.on('SIGTERM', () => console.log('asked') ?? lookAgain())
`

holding('a change while the server is stopped is in the one start that follows', async (t) => {
  const folder = project(t)
  writeFileSync(join(folder, 'server.mjs'), `${slowlyEnding}${server}`)
  const args = ['--stop-timeout', '60', '--', 'node', 'server.mjs']
  const held = start(t, await freePort(t), folder, ...args)
  await held.shows(/listens as/, 'stdout')
  held.child.kill('SIGHUP')
  await held.shows(/asked/, 'stdout')
  held.child.kill('SIGHUP')
  writeFileSync(join(folder, 'may-end'), '')
  await held.shows(/asked[\s\S]*listens as/, 'stdout')
  held.child.kill('SIGTERM')
  const {stderr} = await held.ended
  t.is(stderr.match(/restarted: SIGHUP/g)?.length, 1, stderr)
})

holding(
  'a port that is taken, and a folder that is not there, are told with the remedy',
  async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.teardown(() => other.close())
    const {port} = other.address() as AddressInfo
    const temporary = temporaryFolder(t)
    const env: Record<string, string> = {TMPDIR: temporary}
    const complain = async (...args: string[]) => {
      const {status, stderr} = await runCli(t, ['hold', ...args], {cwd: projectFolder, env})
      t.is(status, 2, stderr)
      return stderr
    }
    t.regex(await complain('--listen', `${port}`, '--', 'true'), /EADDRINUSE.*rebind why/)
    const free = `${await freePort(t)}`
    const nowhere = ['--watch', '/no/such/folder']
    t.regex(await complain('--listen', free, ...nowhere, '--', 'sleep', '9'), /cannot be watched/)
    t.regex(await complain('--listen', 'here', '--', 'true'), /0\.0\.0\.0:3000/)
    t.regex(
      await complain('--listen', free, '--', 'no-such-program'),
      /no program "no-such-program"/,
    )
    t.regex(await complain('--listen', free, '--', './no-such'), /no program "\.\/no-such"/)
    t.regex(await complain('--listen', free, '--', ''), /no program ""/)
    const where = ['--cwd', '/no/such/folder']
    t.regex(
      await complain('--listen', free, ...where, '--', 'true'),
      /^rebind: the folder \/no\/such\/folder does not exist/,
    )
    env.PATH = '/no/such/folder'
    t.regex(
      await complain('--listen', free, '--', process.execPath),
      /^rebind: there is no program "sh"/,
    )
    t.deepEqual(readdirSync(temporary), [])
  },
)

holding('no shell reads the words of the command', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(
    join(folder, 'words.mjs'),
    "import {writeFileSync} from 'node:fs'\nwriteFileSync('words', process.argv.slice(2).join())\nsetInterval(() => {}, 1000)",
  )
  const words = ['$(touch planted)', '`touch planted`', ';', '"', "it's", '*']
  const held = start(t, await freePort(t), folder, '--', 'node', 'words.mjs', ...words)
  await held.shows(/holds/, 'stderr')
  while (!readdirSync(folder).includes('words')) await delay(10)
  held.child.kill('SIGTERM')
  await held.ended
  t.is(readFileSync(join(folder, 'words'), 'utf8'), words.join())
  t.deepEqual(readdirSync(folder).sort(), ['words', 'words.mjs'])
})

holding('the command reads what hold would', async (t) => {
  const args = ['hold', '--listen', `${await freePort(t)}`, '--', 'sh', '-c', 'cat; sleep 9']
  const held = startCli(t, args, {stdin: 'pipe'})
  held.child.stdin?.end('what is piped')
  await t.notThrowsAsync(held.shows(/what is piped/, 'stdout'))
  held.child.kill('SIGTERM')
  await held.ended
})

needs(nativeOpenerProblem() ?? missingProgram('script'), test.serial)(
  'the command reads the terminal, and Ctrl-C ends hold',
  async (t) => {
    const folder = temporaryFolder(t)
    const program = `
      const {stdin} = process
      stdin.on('data', (typed) => console.log(['typed', String(typed).trim(), stdin.isTTY].join(' ')))
      console.log('ready')`
    writeFileSync(join(folder, 'program.cjs'), program)
    const cli = join(projectFolder, 'dist', 'harness', 'cli.js')
    const command = `exec ${process.execPath} ${cli} hold --listen ${await freePort(t)} -- ${process.execPath} program.cjs`
    const {child, ended, shows} = startProgram(t, ['script', '-qefc', command, '/dev/null'], {
      cwd: folder,
      stdin: 'pipe',
    })
    await shows(/ready/, 'stdout')
    child.stdin?.write('keys\n')
    await t.notThrowsAsync(shows(/typed keys true/, 'stdout'))
    child.stdin?.write('\u0003')
    t.is((await ended).status, 130)
  },
)

holding('the held socket can be fetched by its own user only', async (t) => {
  const temporary = temporaryFolder(t)
  const port = await freePort(t)
  const args = ['hold', '--listen', `${port}`, '--cwd', project(t), '--', 'node', 'server.mjs']
  const held = startCli(t, args, {env: {TMPDIR: temporary}})
  await held.shows(/listens as/, 'stdout')
  const folder = readdirSync(temporary).find((name) => name.startsWith('rebind-hold-')) ?? ''
  t.is(lstatSync(join(temporary, folder)).mode & 0o777, 0o700)
  t.is(lstatSync(join(temporary, folder, 'socket')).mode & 0o777, 0o600)
  held.child.kill('SIGTERM')
  await held.ended
  t.deepEqual(readdirSync(temporary), [])
})

holding('when hold is killed, no process of the command is left, and nobody listens', async (t) => {
  const port = await freePort(t)
  const held = start(t, port, project(t), '--', 'npm', 'start')
  await held.shows(/listens as/, 'stdout')
  const server = await pidThatAnswers(port)
  held.child.kill('SIGKILL')
  await held.ended
  while (readProcesses().some(({pid, zombie}) => pid === server && !zombie)) await delay(10)
  await t.throwsAsync(pidThatAnswers(port))
})
