import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {build} from 'esbuild'
import {compileActor} from '../../harness/processes/compile.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {missingProgram, projectFolder, startProgram, testUnless} from '../commands/cli.ts'

let program = ''
let dispose = async () => {}

test.before(async () => {
  const compiled = await compileActor()
  program = compiled.path
  dispose = compiled.dispose
})
test.after.always(() => dispose())

const source = `
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {Worker} from 'node:worker_threads'
import {offerToEndOrphans} from './harness/processes/orphans.ts'
import {readProcess} from './harness/processes/process-table.ts'
import {launch} from './harness/processes/launch.ts'

const [, , who, program] = process.argv
if (who === 'offers') offerToEndOrphans()
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
const guardian = await launch(program, 'guardian', {onCommandOutput})
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
      const node = [process.execPath, await bundled(t), argument, program]
      const {stdout, stderr} = await startProgram(t, node).ended
      t.is(stderr, '')
      t.deepEqual(JSON.parse(stdout), {
        ...{ownIsAlive: true, detachedIsAlive: true, workersIsAlive: true},
        daemonIsAlive,
      })
    },
  )
}

/** One file of plain JavaScript: a loader of TypeScript would start processes of its own before. */
async function bundled(t: ExecutionContext): Promise<string> {
  const cache = join(projectFolder, 'node_modules', '.cache')
  mkdirSync(cache, {recursive: true})
  // Where what is not bundled is found.
  const folder = mkdtempSync(join(cache, 'rebind-orphans-test-'))
  t.teardown(() => rmSync(folder, {recursive: true, force: true}))
  const {outputFiles} = await build({
    stdin: {contents: source, resolveDir: projectFolder},
    ...{bundle: true, write: false, platform: 'node', format: 'esm', packages: 'external'},
  })
  const file = join(folder, 'program.mjs')
  writeFileSync(file, outputFiles[0]?.contents ?? '')
  return file
}
