import {spawn} from 'node:child_process'
import {once} from 'node:events'
import test, {type ExecutionContext} from 'ava'
import {openProcess, sessionOf} from '../../harness/processes/process-handle.ts'
import {readProcess} from '../../harness/processes/process-table.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {testUnless} from '../needs.ts'

async function sleeper(t: ExecutionContext, detached = false) {
  const child = spawn('sleep', ['600'], {stdio: 'ignore', detached})
  t.teardown(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  const entry = readProcess(child.pid ?? 0)
  if (entry === undefined) throw new Error('it is not in the table')
  return {child, entry}
}

test('a handle signals its process, and nobody once that has ended', async (t) => {
  const {child, entry} = await sleeper(t)
  const handle = openProcess(entry)
  t.true(handle?.isAlive())
  t.true(handle?.signal('SIGTERM'))
  const [, signal] = await once(child, 'exit')
  t.is(signal, 'SIGTERM')
  t.false(handle?.isAlive())
  t.false(handle?.signal('SIGKILL'))
  handle?.close()
  t.is(openProcess(entry), undefined)
})

test('a process that was started at another time is another one, and is not taken', async (t) => {
  const {child, entry} = await sleeper(t)
  t.is(openProcess({...entry, started: `${entry.started}0`}), undefined)
  t.is(child.exitCode, null)
  t.is(child.signalCode, null)
})

testUnless(
  nativeOpenerProblem(),
  'a process of a session of its own has another session',
  async (t) => {
    const [same, own] = [await sleeper(t), await sleeper(t, true)]
    t.is(sessionOf(same.entry.pid), sessionOf(process.pid))
    t.is(sessionOf(own.entry.pid), own.entry.pid)
  },
)
