/**
 * Runs in a pid namespace of its own: a command's process group ends, another program's gets its number, and
 * then the guardian ends. Prints what was signalled.
 */
import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {copyFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {deferred} from '../../harness/deferred.ts'
import {compileActor} from '../../harness/processes/compile.ts'
import {launch} from '../../harness/processes/launch.ts'
import {livingBelow, ProcessGroups, readProcess} from '../../harness/processes/process-table.ts'

const [folder = ''] = process.argv.slice(2)

/** Not below any guardian, and leader of a group, as a shell's job is. */
async function bystander(): Promise<ChildProcess> {
  const child = spawn('sleep', ['60'], {detached: true, stdio: 'ignore'})
  await once(child, 'spawn')
  return child
}

async function bystanderWithPid(wanted: number): Promise<ChildProcess> {
  // Start times are in hundredths of a second. No pid comes round that soon by itself.
  await delay(20)
  for (;;) {
    // Threads take numbers, too, so that a first try may miss.
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(wanted - 1))
    const child = await bystander()
    if (child.pid === wanted) return child
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

async function isSparedByGuardian(program: string): Promise<boolean> {
  const ended = deferred<void>()
  const orphan = deferred<number>()
  const guardian = await launch(program, 'guardian', {
    onCommandOutput: ({text}) => orphan.resolve(Number(text)),
    onCommandSilent: () => ended.resolve(),
  })
  const {pid} = await guardian.request('start-command', {
    command: 'sh',
    args: ['-c', 'sleep 60 & echo $!'],
    env: {PATH: process.env.PATH ?? ''},
    cwd: '/',
  })
  // The group outlives its leader, and ends then.
  const member = await orphan.promise
  await ended.promise
  process.kill(member, 'SIGKILL')
  while (readProcess(member) !== undefined) await delay(1)
  const other = await bystanderWithPid(pid)
  const otherEnded = once(other, 'exit')
  await guardian.request('exit', null)
  await guardian.ended
  const isSpared = other.kill(0)
  other.kill('SIGTERM')
  return (await otherEnded)[1] === 'SIGTERM' && isSpared
}

async function isSparedByGroups(): Promise<boolean> {
  const groups = new ProcessGroups()
  const leader = await bystander()
  const pid = leader.pid ?? 0
  groups.add(pid)
  leader.kill('SIGKILL')
  await once(leader, 'exit')
  const other = await bystanderWithPid(pid)
  const found = livingBelow(pid, groups)
  other.kill('SIGKILL')
  await once(other, 'exit')
  return found.length === 0 && groups.size === 0
}

const {path} = await compileActor()
// Without the native library there is no subreaper, and the groups are all that the guardian knows.
const alone = join(folder, 'alone.mjs')
copyFileSync(path, alone)
process.stdout.write(
  JSON.stringify({
    groups: await isSparedByGroups(),
    guardian: await isSparedByGuardian(path),
    guardianWithoutSubreaper: await isSparedByGuardian(alone),
  }),
)
