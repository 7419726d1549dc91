import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {existsSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import test, {type ExecutionContext} from 'ava'
import {checkReload} from '../../harness/check/reload.ts'
import {readProcess, signalProcess} from '../../harness/processes/process-table.ts'
import {startCli, temporaryFolder} from '../commands/cli.ts'
import {needs} from '../needs.ts'
import {freePort, platform} from './servers.ts'

/** Says where it is once it listens, and writes a line for each request. */
const talking = `
  import {writeFileSync} from 'node:fs'
  import {createServer} from 'node:http'
  createServer((request, response) => {
    process.stdout.write('a request\\n', (error) => {
      if (error) process.exit(1)
    })
    response.end(String(process.pid))
  }).listen(process.env.PORT, '127.0.0.1', () => writeFileSync('pid', String(process.pid)))
`

/** Ends the server whose pid is in the file and, when told to go on, leaves another one running, with its own output. */
const restarting = `
  import {spawn} from 'node:child_process'
import {once} from 'node:events'
  import {existsSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
  process.kill(Number(readFileSync('pid', 'utf8')))
  rmSync('pid')
  writeFileSync('half-done', String(process.pid))
  const waiting = setInterval(() => {
    if (!existsSync('go-on')) return
    clearInterval(waiting)
    spawn(process.execPath, ['server.mjs'], {detached: true, stdio: 'inherit'}).unref()
  }, 20)
`

const attaching = needs(
  platform.readHolders === null ? 'processes cannot be seen here' : undefined,
  test.serial,
)

interface Running {
  port: number
  folder: string
}

/** A server of the user's, in a folder with what restarts it. */
async function running(t: ExecutionContext): Promise<Running> {
  const port = await freePort(t)
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'server.mjs'), talking)
  writeFileSync(join(folder, 'restart.mjs'), restarting)
  const server = spawn(process.execPath, ['server.mjs'], {
    ...{cwd: folder, env: {...process.env, PORT: String(port)}, stdio: 'ignore'},
  })
  t.teardown(() => server.kill('SIGKILL'))
  await until(() => existsSync(join(folder, 'pid')))
  return {port, folder}
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(20)
}

/** The pid of whoever answers, which is ended when the test is over. */
async function answeringPid(t: ExecutionContext, {port}: Running): Promise<number> {
  const pid = Number(await (await fetch(`http://127.0.0.1:${port}/`)).text())
  const entry = readProcess(pid)
  if (entry === undefined) throw new Error(`process ${pid} has ended`)
  t.teardown(() => signalProcess(entry))
  return pid
}

/** Begins to check it, while it is restarted. What is left running keeps stderr open: the end is that of the process. */
function startAttached(t: ExecutionContext, {port, folder}: Running) {
  const {child} = startCli(t, [
    ...['check', '--attach', '--port', String(port), '--http', '/', '--cwd', folder],
    ...['--out', temporaryFolder(t), '--trigger', `${process.execPath} restart.mjs`],
  ])
  return {child, ended: once(child, 'exit')}
}

attaching('what the trigger leaves running is left running, and may go on writing', async (t) => {
  const server = await running(t)
  const {folder: cwd} = server
  writeFileSync(join(cwd, 'go-on'), '')
  await startAttached(t, server).ended
  await until(() => existsSync(join(cwd, 'pid')))
  const pid = await answeringPid(t, server)
  t.is(String(pid), readFileSync(join(cwd, 'pid'), 'utf8'))
  // It has written again, after the check had gone.
  t.is(await answeringPid(t, server), pid)
})

attaching('an interruption, or a kill, does not end a trigger that is half done', async (t) => {
  const server = await running(t)
  const {folder: cwd} = server
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const halfDone = join(cwd, 'half-done')
    const pidFile = join(cwd, 'pid')
    const {child, ended} = startAttached(t, server)
    await until(() => existsSync(halfDone))
    child.kill(signal)
    await ended
    writeFileSync(join(cwd, 'go-on'), '')
    await until(() => existsSync(pidFile))
    t.is(String(await answeringPid(t, server)), readFileSync(pidFile, 'utf8'))
    for (const name of ['half-done', 'go-on']) rmSync(join(cwd, name))
  }
})

attaching('only a trigger that does not end in time is ended', async (t) => {
  const server = await running(t)
  const {port, folder: cwd} = server
  const triggers = [[process.execPath, 'restart.mjs']]
  writeFileSync(join(cwd, 'restart.mjs'), restarting.replace(/process.kill.*|rmSync\('pid'\)/g, ''))
  const document = await checkReload({
    ...{port, http: '/', triggers, cwd, triggerTimeoutSeconds: 6},
  })
  t.is(document.problem?.kind, 'trigger-failed')
  const trigger = Number(readFileSync(join(cwd, 'half-done'), 'utf8'))
  await until(() => readProcess(trigger)?.zombie !== false)
  t.is(String(await answeringPid(t, server)), readFileSync(join(cwd, 'pid'), 'utf8'))
})
