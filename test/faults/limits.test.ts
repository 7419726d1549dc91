import {execFileSync} from 'node:child_process'
import {mkdirSync, readFileSync, rmdirSync, writeFileSync} from 'node:fs'
import {chmod} from 'node:fs/promises'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import type {Result} from '../../harness/reports/schema.ts'
import {
  isActorRunning,
  missingProgram,
  readEvents,
  readReport,
  runCli,
  stackTrace,
  startCli,
  startedPids,
  temporaryFolder,
  testUnless,
} from '../commands/cli.ts'
import {after} from './machine.ts'

const isRoot = process.getuid?.() === 0
const nobody = 65_534
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

/** Every scenario has a result: as expected, or failed for the reason that was injected. */
function complete(t: ExecutionContext, out: string, reason: RegExp): Result[] {
  const {results} = readReport(out)
  t.deepEqual(results.map(({scenario}) => scenario).sort(), [...waiting].sort())
  const failed = results.filter(({status}) => status === 'failed')
  for (const result of failed) t.regex(result.reason ?? '', reason, result.scenario)
  const others = results.filter(({status}) => status !== 'failed')
  t.true(others.every(({status}) => status === 'as-expected'))
  t.deepEqual(startedPids(readEvents(out)).filter(isActorRunning), [])
  return failed
}

testUnless(
  missingProgram('prlimit') ??
    missingProgram('setpriv') ??
    (isRoot ? undefined : 'only root can become a user who has no other process'),
  'scenarios that the limit of processes leaves no room for fail with a reason that names it',
  async (t) => {
    const out = temporaryFolder(t)
    await chmod(out, 0o777)
    const user = [`--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups']
    const asNobody = ['setpriv', ...user]
    const cli = startCli(t, ['run', '--limit', '2', ...waiting, '--out', out], {launcher: asNobody})
    await cli.shows(/\n/)
    const [command = '', ...args] = [...asNobody, 'prlimit', '--nproc=1:1', '--pid', `${cli.pid}`]
    execFileSync(command, args)
    const {status, stderr} = await cli.ended
    t.is(status, 3, stderr)
    t.notRegex(stderr, stackTrace)
    const failed = complete(
      t,
      out,
      /the process limit is reached; raise it \(ulimit -u\)|nothing for/,
    )
    t.true(failed.some(({reason}) => reason?.includes('ulimit -u')))
  },
)

interface MemoryGroup {
  /** Where a process writes its pid to be in it. */
  processes: string
  remove(): void
}

/** A memory cgroup, of version 1 or 2, that is left no more than so much; undefined where none can be made. */
function memoryGroup(megabytes: number): MemoryGroup | undefined {
  const name = `rebind-test-${process.pid}`
  const versions: [folder: string, limit: string][] = [
    ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'],
    ['/sys/fs/cgroup', 'memory.max'],
  ]
  for (const [parent, limit] of versions) {
    const folder = join(parent, name)
    try {
      mkdirSync(folder)
    } catch {
      continue
    }
    try {
      writeFileSync(join(folder, limit), String(megabytes * 1024 * 1024))
      return {processes: join(folder, 'cgroup.procs'), remove: () => rmdirSync(folder)}
    } catch {
      rmdirSync(folder)
    }
  }
  return undefined
}

const group = memoryGroup(200)
group?.remove()

testUnless(
  group === undefined ? 'no memory cgroup can be made' : undefined,
  'with 200 MB of memory the kernel ends processes of scenarios, which fail, and not the run',
  async (t) => {
    const out = temporaryFolder(t)
    const {processes, remove} = memoryGroup(200) ?? t.fail()
    const cli = runCli(t, ['run', '--limit', '4', ...waiting, '--out', out], {
      launcher: after('echo $$ >"$1"', processes),
    })
    const {status, signal, stderr} = await cli
    t.is(signal, null, stderr)
    t.is(readFileSync(processes, 'utf8'), '')
    remove()
    const failed = complete(t, out, /was ended by SIGKILL/)
    t.is(status, failed.length > 0 ? 3 : 0, stderr)
  },
)
