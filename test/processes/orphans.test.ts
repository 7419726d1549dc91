import {join} from 'node:path'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {missingProgram, projectFolder, startProgram, testUnless} from '../commands/cli.ts'

/** Of the package as it is installed, because a loader would start processes of its own before. */
const module = (path: string) =>
  JSON.stringify(join(projectFolder, 'dist', 'harness', 'processes', path))

const source = `
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {Worker} from 'node:worker_threads'
const {offerToEndOrphans} = await import(${module('orphans.js')})
const {readProcess} = await import(${module('process-table.js')})
const {compileActor} = await import(${module('compile.js')})
const {launch} = await import(${module('launch.js')})

if (process.argv[1] === 'offers') offerToEndOrphans()
const isAlive = (pid) => readProcess(pid)?.zombie === false
const own = spawn('sleep', ['60'], {stdio: 'ignore'})
const detached = spawn('sleep', ['60'], {stdio: 'ignore', detached: true})
process.once('exit', () => { own.kill('SIGKILL'); detached.kill('SIGKILL') })
const ofWorkerSource =
  "Promise.all([import('node:child_process'), import('node:worker_threads')])" +
  ".then(([{spawn}, {parentPort}]) => {" +
  "  parentPort.postMessage(spawn('sleep', ['60'], {stdio: 'ignore'}).pid); setInterval(() => {}, 60_000) })"
const worker = new Worker(ofWorkerSource, {eval: true})
const [ofWorker] = await once(worker, 'message')
let told
const daemon = new Promise((resolve) => { told = resolve })
const onCommandOutput = ({text}) => told(Number(text))
const guardian = await launch((await compileActor()).path, 'guardian', {onCommandOutput})
await guardian.request('start-command', {
  command: 'setsid',
  args: ['sh', '-c', 'sleep 60 & echo $!'],
  env: {PATH: process.env.PATH},
  cwd: '/',
})
const pid = await daemon
process.kill(guardian.pid, 'SIGKILL')
await guardian.ended
process.stdout.write(JSON.stringify({
  ownIsAlive: isAlive(own.pid),
  detachedIsAlive: isAlive(detached.pid),
  workersIsAlive: isAlive(ofWorker),
  daemonIsAlive: isAlive(pid),
}))
for (const each of [ofWorker, pid]) if (isAlive(each)) process.kill(each, 'SIGKILL')
process.exit()
`

for (const [who, argument, daemonIsAlive] of [
  ['the command line', 'offers', false],
  ['another program', 'does not', true],
] as const) {
  testUnless(
    nativeOpenerProblem() ?? missingProgram('setsid'),
    `of what a killed guardian leaves, ${who} ends ${daemonIsAlive ? 'nothing' : 'all, and nothing else'}`,
    async (t) => {
      const node = [process.execPath, '--input-type=module', '--eval', source, argument]
      const {stdout, stderr} = await startProgram(t, node).ended
      t.is(stderr, '')
      t.deepEqual(JSON.parse(stdout), {
        ...{ownIsAlive: true, detachedIsAlive: true, workersIsAlive: true},
        daemonIsAlive,
      })
    },
  )
}
