import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {readFileSync} from 'node:fs'
import test from 'ava'
import {
  commandLineOf,
  livingBelow,
  ProcessGroups,
  parseProcStat,
  parsePs,
  psArguments,
  readProcess,
  readProcesses,
  signalProcess,
} from '../../harness/processes/process-table.ts'
import {missingProgram, soon, testUnless, until} from '../commands/cli.ts'

test('a process is found below its parent and by its group, until it has ended', async (t) => {
  const child = spawn('sleep', ['60'], {detached: true, stdio: 'ignore'})
  const pid = child.pid ?? 0
  t.teardown(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  t.true(livingBelow(process.pid).includes(pid))
  const groups = new ProcessGroups()
  groups.add(pid)
  t.deepEqual(livingBelow(pid, groups), [])
  t.is(groups.size, 1)
  t.regex(commandLineOf(pid) ?? '', /sleep 60$/)
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.false(livingBelow(process.pid, groups).includes(pid))
  t.is(groups.size, 0, 'the number may come to mean another group')
  t.is(commandLineOf(pid), undefined)
})

test('a signal reaches the process that is meant, and no later one with its pid', async (t) => {
  const child = spawn('sleep', ['60'], {stdio: 'ignore'})
  t.teardown(() => void child.kill('SIGKILL'))
  await once(child, 'spawn')
  const entry = readProcess(child.pid ?? 0)
  if (entry === undefined) return t.fail()
  t.false(signalProcess({...entry, started: 'before'}))
  t.true(signalProcess(entry, 'SIGTERM'))
  t.deepEqual(await once(child, 'exit'), [null, 'SIGTERM'])
  t.false(signalProcess(entry))
})

testUnless(
  missingProgram('python3') ??
    (process.platform === 'linux' ? undefined : 'only Linux shows such a process as a zombie'),
  'a process whose main thread has ended lives while another one does, and can be ended',
  async (t) => {
    const script = `
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).pthread_exit(None)
`
    const child = spawn('python3', ['-c', script], {stdio: 'ignore'})
    t.teardown(() => void child.kill('SIGKILL'))
    await once(child, 'spawn')
    const {pid = 0} = child
    const state = () =>
      readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .charAt(0)
    await until(() => state() === 'Z', soon, 'the end of the main thread')
    const entry = readProcess(pid)
    if (entry === undefined) return t.fail()
    t.false(entry.zombie)
    t.true(livingBelow(process.pid).includes(pid))
    t.true(signalProcess(entry))
    t.deepEqual(await once(child, 'exit'), [null, 'SIGKILL'])
  },
)

test('this process is in the table, with its parent', (t) => {
  const own = readProcesses().find(({pid}) => pid === process.pid)
  t.is(own?.parent, process.ppid)
  t.false(own?.zombie)
})

test('a name with spaces and parentheses does not confuse the reading of /proc/PID/stat', (t) => {
  const rest = '40 0 -1 4194560 9 8 7 6 5 4 3 2 20 0 1 0 98765 11 12'
  t.deepEqual(parseProcStat(`42 (a) Z 1 (b) S 7 40 ${rest}`), {
    pid: 42,
    parent: 7,
    group: 40,
    zombie: false,
    started: '98765',
  })
  t.true(parseProcStat(`42 (x) Z 7 40 ${rest}`)?.zombie)
  t.is(parseProcStat('nonsense'), undefined)
})

testUnless(
  missingProgram('ps'),
  "ps tells of this process what the machine's own table does",
  (t) => {
    const env = {...process.env, LC_ALL: 'C'}
    const text = execFileSync('ps', psArguments, {encoding: 'latin1', env})
    const isOwn = ({pid}: {pid: number}) => pid === process.pid
    const {started, ...told} = parsePs(text).find(isOwn) ?? {}
    t.like(readProcesses().find(isOwn), told)
    t.regex(started ?? '', /^\w{3} \w{3} +\d+ [\d:]{8} \d{4}$/)
  },
)

test('a process that has ended and is not waited for is a zombie to ps, too', (t) => {
  t.deepEqual(parsePs('   42     7    40 Z+   Thu Nov 26 22:13:23 2026\nnonsense\n'), [
    {pid: 42, parent: 7, group: 40, zombie: true, started: 'Thu Nov 26 22:13:23 2026'},
  ])
})

testUnless(
  process.platform === 'linux' ? undefined : 'the command line is read from /proc',
  'of a very long command line the beginning is told',
  async (t) => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()', 'x'.repeat(100_000)])
    t.teardown(() => void child.kill('SIGKILL'))
    await once(child, 'spawn')
    t.is(commandLineOf(child.pid ?? 0)?.length, 4096)
  },
)
