import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {chmodSync, existsSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import test from 'ava'
import {livingBelow, readProcess, signalProcess} from '../../harness/processes/process-table.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {freePort} from '../check/servers.ts'
import {soon, startCli, temporaryFolder, testUnless, until} from '../commands/cli.ts'
import {problemOf} from '../survey/available.ts'

/** A process that has ended, but that nobody has reaped yet, holds nothing any more. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return (
      process.platform !== 'linux' || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
    )
  } catch {
    return false
  }
}

testUnless(
  nativeOpenerProblem() ?? problemOf('python3-raw'),
  'a killed survey leaves neither a server nor a temporary folder behind',
  async (t) => {
    const tmp = temporaryFolder(t)
    // Where the survey is root, its servers are not.
    chmodSync(tmp, 0o711)
    const out = join(tmp, 'runs')
    const args = ['survey', '--only', 'python3-raw', '--limit', '30', '--out', out]
    const cli = startCli(t, args, {env: {TMPDIR: tmp}})
    await cli.shows(/python3-raw: EADDRINUSE/)
    const folders = () => readdirSync(tmp).filter((name) => name.startsWith('rebind-survey-'))
    t.is(folders().length, 1)
    const processes = livingBelow(cli.pid)
    t.true(processes.length >= 2, 'guardians, at least')
    process.kill(cli.pid, 'SIGKILL')
    await cli.ended
    await until(() => !processes.some(isRunning), soon, `the end of the processes ${processes}`)
    t.deepEqual(folders(), [])
  },
)

test('a program that was compiled for one run only is gone when the harness is killed', async (t) => {
  const tmp = temporaryFolder(t)
  const noFolder = join(tmp, 'a-file')
  writeFileSync(noFolder, '')
  const module = (path: string) => JSON.stringify(new URL(`../../harness/${path}`, import.meta.url))
  const source = `
    const {compileActor} = await import(${module('processes/compile.ts')})
    const {launch} = await import(${module('processes/launch.ts')})
    const {path} = await compileActor(${JSON.stringify(join(noFolder, 'cache'))})
    const {pid} = await launch(path, 'client')
    process.stdout.write(JSON.stringify({path, pid}))`
  const harness = spawn(
    process.execPath,
    ['--import=tsx', '--input-type=module', '--eval', source],
    {env: {...process.env, TMPDIR: tmp}, stdio: ['ignore', 'pipe', 'inherit']},
  )
  t.teardown(() => harness.kill('SIGKILL'))
  const [said] = await once(harness.stdout, 'data')
  const {path, pid} = JSON.parse(String(said))
  t.is(dirname(dirname(path)), tmp)
  t.true(existsSync(path))
  harness.kill('SIGKILL')
  await until(() => !isRunning(pid), soon, `the end of process ${pid}`)
  t.false(existsSync(dirname(path)))
})

/** The daemon is in a session of its own, and nobody's child: only the guardian still knew of it. */
const serverWithDaemon = `
import {spawn} from 'node:child_process'
import {renameSync, writeFileSync} from 'node:fs'
import {createServer} from 'node:net'
const [port, file] = process.argv.slice(2)
createServer(() => {}).listen(Number(port), '127.0.0.1', () => {
  const stdio = ['ignore', 'pipe', 'ignore']
  const shell = spawn('sh', ['-c', 'sleep 60 > /dev/null & echo $!'], {detached: true, stdio})
  let daemon = ''
  shell.stdout.on('data', (text) => daemon += text)
  shell.on('close', () => {
    const pids = {guardian: process.ppid, server: process.pid, daemon: Number(daemon)}
    writeFileSync(file + '.new', JSON.stringify(pids))
    renameSync(file + '.new', file)
  })
})
`

testUnless(
  process.platform === 'linux' ? nativeOpenerProblem() : 'only Linux has subreapers',
  'a check whose guardian is killed leaves no process of the server behind, whatever its session',
  async (t) => {
    const folder = temporaryFolder(t)
    const [program, file] = [join(folder, 'server.mjs'), join(folder, 'pids')]
    writeFileSync(program, serverWithDaemon)
    const port = await freePort(t)
    // The server does not end when asked, so that the check still waits.
    const args = [
      '--port',
      String(port),
      '--out',
      join(folder, 'runs'),
      '--stop',
      'none',
      '--stop-timeout',
      '60',
    ]
    const command = [process.execPath, program, String(port), file]
    const cli = startCli(t, ['check', ...args, '--', ...command])
    while (!existsSync(file)) {
      t.is(cli.child.exitCode, null)
      await delay(20)
    }
    const {guardian, server, daemon} = JSON.parse(readFileSync(file, 'utf8'))
    const entries = [server, daemon].flatMap((pid: number) => readProcess(pid) ?? [])
    t.is(entries.length, 2)
    t.teardown(() => entries.forEach((entry) => void signalProcess(entry)))
    process.kill(guardian, 'SIGKILL')
    const {status} = await cli.ended
    t.is(status, 3)
    t.deepEqual([server, daemon].filter(isRunning), [])
  },
)
