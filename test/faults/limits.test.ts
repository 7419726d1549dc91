import {existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync} from 'node:fs'
import {chmod} from 'node:fs/promises'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import type {Result} from '../../harness/documents/report-schema.ts'
import {
  isActorRunning,
  missingProgram,
  readEvents,
  readReport,
  stackTrace,
  startCli,
  startedPids,
  startProgram,
  temporaryFolder,
  testUnless,
} from '../commands/cli.ts'
import {after, asNobody, nobodyProblem, runAsNobody} from './machine.ts'

/** They wait, and keep their processes. */
const waiting = [
  'server-closes-first',
  'reuseaddr-added-late',
  'reuseaddr-dropped',
  'reuseport-added-late',
  'wildcard-over-time-wait',
  'client-never-closes',
  'server-killed',
  'connection-outlives-server',
]

/** So many that most have still to be started when the first one has something to tell. */
const many = [
  ...waiting,
  'cluster-primary-killed',
  'server-aborts',
  'client-aborts',
  'client-closes-first',
  'server-closes-unread',
  'reuseport-only',
  'client-never-closes-reuseaddr',
  'connection-outlives-server-reuseaddr',
]

/** Every scenario has a result: as expected, or failed for the reason that was injected. */
function complete(t: ExecutionContext, out: string, reason: RegExp, ids = waiting): Result[] {
  const {results} = readReport(out)
  t.deepEqual(results.map(({scenario}) => scenario).sort(), [...ids].sort())
  const failed = results.filter(({status}) => status === 'failed')
  for (const result of failed) t.regex(result.reason ?? '', reason, result.scenario)
  const others = results.filter(({status}) => status !== 'failed')
  t.true(others.every(({status}) => status === 'as-expected'))
  t.deepEqual(startedPids(readEvents(out)).filter(isActorRunning), [])
  return failed
}

testUnless(
  nobodyProblem ?? missingProgram('prlimit'),
  'scenarios that the limit of processes leaves no room for fail with a reason that names it',
  async (t) => {
    const out = temporaryFolder(t)
    await chmod(out, 0o777)
    const cli = startCli(t, ['run', '--limit', '2', ...many, '--out', out], asNobody)
    await cli.shows(/\n/)
    // Stopped, so that it does not start everything before the limit holds.
    process.kill(cli.pid, 'SIGSTOP')
    t.is(runAsNobody(['prlimit', '--nproc=1:1', '--pid', `${cli.pid}`]), 0)
    process.kill(cli.pid, 'SIGCONT')
    const {status, stderr} = await cli.ended
    t.is(status, 3, stderr)
    t.notRegex(stderr, stackTrace)
    const failed = complete(
      t,
      out,
      /the process limit is reached; raise it \(ulimit -u\)|nothing for/,
      many,
    )
    t.true(failed.some(({reason}) => reason?.includes('ulimit -u')))
  },
)

const endedCount = /^oom_kill (\d+)$/m

interface MemoryGroup {
  /** Where a process writes its pid to be in it. */
  processes: string
  /** Where the kernel counts what it does to the group. */
  events: string
  /** How many the kernel has ended for want of memory; null if it does not count them. */
  killed(): number | null
  limitTo(megabytes: number): void
  remove(): void
}

/** The files of version 1 and of version 2; what may be swapped out is not missing, so nothing may be. */
const memoryGroups = [
  {
    parent: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    events: 'memory.oom_control',
    swap: 'memory.swappiness',
  },
  {
    parent: '/sys/fs/cgroup',
    limit: 'memory.max',
    events: 'memory.events',
    swap: 'memory.swap.max',
  },
]

/** A memory cgroup that is left no more than so much; undefined where none can be created. */
function memoryGroup(megabytes: number): MemoryGroup | undefined {
  const name = `rebind-test-${process.pid}`
  for (const {parent, limit, events, swap} of memoryGroups) {
    const folder = join(parent, name)
    try {
      mkdirSync(folder)
    } catch {
      continue
    }
    try {
      writeFileSync(join(folder, limit), String(megabytes * 1024 * 1024))
      // A kernel without swap has no such file.
      const swapFile = join(folder, swap)
      if (existsSync(swapFile)) writeFileSync(swapFile, '0')
      return {
        processes: join(folder, 'cgroup.procs'),
        events: join(folder, events),
        killed: () => {
          const count = endedCount.exec(readFileSync(join(folder, events), 'utf8'))?.[1]
          return count === undefined ? null : Number(count)
        },
        limitTo: (less) => writeFileSync(join(folder, limit), String(less * 1024 * 1024)),
        remove: () => rmdirSync(folder),
      }
    } catch {
      rmdirSync(folder)
    }
  }
  return undefined
}

/** A run of these scenarios needs some 90 while it sets them up. */
const limitMegabytes = 120
/**
 * And some 45 once they wait. With more, the hog could become larger than what a process of a scenario counts as, which
 * has asked to be ended first.
 */
const waitingMegabytes = 95

function memoryProblem(): string | undefined {
  const group = memoryGroup(limitMegabytes)
  if (group === undefined) return 'a memory cgroup cannot be created'
  const counts = group.killed() !== null
  group.remove()
  return counts ? undefined : 'this kernel does not count what it ends for want of memory'
}

/**
 * A program that needs more and more memory until the kernel has ended a process because of it. If it went on, only
 * itself and the harness would be left, and the kernel ends the larger of the two.
 */
const hog = `
  const {readFileSync} = require('node:fs')
  const ended = () => Number(${endedCount}.exec(readFileSync(process.argv[1], 'utf8'))[1])
  const kept = []
  for (let mb = 0; mb < 100 && ended() === 0; mb++) kept.push(Buffer.alloc(1 << 20, 1))
`

testUnless(
  memoryProblem(),
  'where memory runs out the kernel ends processes of scenarios, which fail, and not the run',
  async (t) => {
    const out = temporaryFolder(t)
    const {processes, events, killed, limitTo, remove} = memoryGroup(limitMegabytes) ?? t.fail()
    t.teardown(remove)
    const inGroup = after('echo $$ >"$1"', processes)
    const cli = startCli(t, ['run', '--limit', '40', ...waiting, '--out', out], {launcher: inGroup})
    await Promise.all(waiting.map((id) => cli.shows(new RegExp(`${id}: EADDRINUSE`))))
    limitTo(waitingMegabytes)
    await startProgram(t, [...inGroup, process.execPath, '-e', hog, events]).ended
    const {status, signal, stderr} = await cli.ended
    t.is(signal, null, stderr)
    t.is(readFileSync(processes, 'utf8'), '')
    t.true((killed() ?? 0) > 0, 'the kernel has ended processes')
    t.true(complete(t, out, /was ended by SIGKILL/).length > 0)
    t.is(status, 3, stderr)
  },
)
