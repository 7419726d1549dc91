import {spawn} from 'node:child_process'
import {once} from 'node:events'
import test, {type ExecutionContext} from 'ava'
import {openProcess} from '../../harness/processes/process-handle.ts'
import {readProcess} from '../../harness/processes/process-table.ts'

async function sleeper(t: ExecutionContext) {
  const child = spawn('sleep', ['600'], {stdio: 'ignore'})
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
