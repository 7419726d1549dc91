import {chmodSync, existsSync, readFileSync, writeFileSync} from 'node:fs'
import {delimiter, join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {describeHost} from '../../harness/documents/host.ts'
import {detectPlatform} from '../../harness/platforms/detect.ts'
import {readLsofHolders} from '../../harness/platforms/lsof.ts'
import {runProgram, usualLimits} from '../../harness/platforms/run-program.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {explainPort} from '../../harness/why/explain.ts'
import {lookAtPort} from '../../harness/why/port-picture.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {needs} from '../needs.ts'
import {listenOn, takePort} from '../why/residue.ts'

/** A program of this name, first in the PATH, that does not end and has started another with the same stdout. */
function stuck(t: ExecutionContext, name: string) {
  const folder = temporaryFolder(t)
  const pids = join(folder, 'pids')
  const program = join(folder, name)
  writeFileSync(program, `#!/bin/sh\nsleep 100 &\necho $$ $! > ${pids}\nexec sleep 100\n`)
  chmodSync(program, 0o755)
  const {PATH} = process.env
  process.env.PATH = `${folder}${delimiter}${PATH}`
  const started = () => {
    const [own, other] = existsSync(pids) ? readFileSync(pids, 'utf8').split(' ').map(Number) : []
    return own === undefined || other === undefined ? undefined : {own, other}
  }
  t.teardown(() => {
    process.env.PATH = PATH
    // The one that the stuck one has started is not ours to end, but the test's.
    const {other} = started() ?? {}
    if (other !== undefined) process.kill(other, 'SIGKILL')
  })
  return {program, started}
}

/** Gives it longer and longer, until the stuck one has had the time to start the other: a busy machine takes its time. */
async function forLong(
  {started}: ReturnType<typeof stuck>,
  run: (seconds: number) => Promise<void>,
): Promise<{own: number; other: number}> {
  for (let seconds = 2; ; seconds *= 4) {
    await run(seconds)
    const pids = started()
    if (pids !== undefined) return pids
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test.serial(
  'a program that does not end is ended, and not waited for, nor what it has started',
  async (t) => {
    const one = stuck(t, 'stuck')
    const {own, other} = await forLong(one, async (seconds) => {
      const waiting = runProgram(one.program, [], process.env, {...usualLimits, seconds})
      await t.throwsAsync(waiting, {message: `${one.program} has not answered within ${seconds} s`})
    })
    t.true(isRunning(other))
    const deadline = performance.now() + 5000
    while (isRunning(own) && performance.now() < deadline) await new Promise(setImmediate)
    t.false(isRunning(own))
  },
)

test.serial('what a program writes is bounded', async (t) => {
  const endless = [
    '-e',
    "const write = () => process.stdout.write('x'.repeat(65536), write); write()",
  ]
  await t.throwsAsync(
    runProgram(process.execPath, endless, process.env, {...usualLimits, outputBytes: 1_000_000}),
    {message: /has written more than 1000000 bytes$/},
  )
})

test.serial('a program that is not there says so, and one that ends has a status', async (t) => {
  await t.throwsAsync(runProgram('/no/such/program', []), {
    message: /cannot be started \(ENOENT\)$/,
  })
  const says = "process.stdout.write('é'); process.stderr.write('b'); process.exitCode = 3"
  const answer = await runProgram(process.execPath, ['-e', says])
  t.deepEqual(answer, {status: 3, stdout: 'é', stderr: 'b'})
})

const unless = (problem: string | undefined) => needs(problem, test.serial)

unless(
  nativeOpenerProblem() ?? (detectPlatform().readSockets === null ? 'no socket table' : undefined),
)(
  'a stuck lsof does not keep why from answering, which says that it was asked in vain',
  async (t) => {
    const port = await takePort(t)
    await listenOn(t, port)
    await forLong(stuck(t, 'lsof'), async (seconds) => {
      const platform = {
        ...detectPlatform(),
        readHolders: (wanted: number | undefined) =>
          readLsofHolders(wanted, [], {...usualLimits, seconds}),
      }
      const settings = await platform.readSettings()
      const picture = await lookAtPort(port, ['127.0.0.1'], platform, settings)
      const {causes, unseen} = explainPort(picture, describeHost(platform, settings))
      t.deepEqual(
        causes.map(({kind}) => kind),
        ['listener'],
      )
      t.deepEqual(unseen, [
        `Which process has it could not be looked up: lsof has not answered within ${seconds} s.`,
      ])
    })
  },
)
