import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {inheritedFd} from '../sockets/opener.ts'
import {BoundedOutput} from './bounded-output.ts'
import {entriesBelow, ProcessGroups, signalProcess} from './process-table.ts'
import {type CommandToStart, type Handlers, type Notice, soleActor} from './protocol.ts'
import {removeFolder} from './remove-folder.ts'
import {becomeSubreaper, type NotEnded, notEnded, type Subreaper} from './subreaper.ts'

const reapEveryMilliseconds = 100
/** Looking through all processes is expensive: on some systems ps(1) has to do it. */
const lookEveryMilliseconds = 1000
/** What a process that has ended wrote is in the pipe already; a child of its own may keep that open. */
const lastWordsMilliseconds = 100
/** A killed process that is still there then hangs in a system call. */
const endWithinSeconds = 5
/** Where the harness' own stdin, stdout and stderr are, if it passes them (`passesStreams`). */
const streamFds = [inheritedFd + 1, inheritedFd + 2, inheritedFd + 3] as const

const running = new Map<number, ChildProcess>()
/** Of commands that have ended. While one runs, its group is surely its own. */
const groups = new ProcessGroups()
/** What lies in temporary folders, and nobody wants when the harness is gone. */
const folders = new Set<string>()

/**
 * The parent of the commands that `check` starts. It has one more duty than to start them: however it
 * ends itself, and it ends as soon as the harness does, all their processes end with it.
 */
export const guardianHandlers = {
  async 'start-command'(asked: CommandToStart) {
    const {command, args, env, cwd, leaves = false} = asked
    // Its children may be what the user wants to run from now on: they become init's, as ever.
    if (!leaves) watchOverTree()
    const seconds = monotonicSeconds()
    const child = spawn(command, args, {
      env,
      cwd,
      // A group of its own, so that a terminal's Ctrl-C does not stop the server before the harness does.
      detached: true,
      stdio: streamsOf(asked),
    })
    const {pid} = child
    if (pid !== undefined) {
      running.set(pid, child)
      const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
      const outputs = (['stdout', 'stderr'] as const).map((stream) => {
        const output = new BoundedOutput((text) =>
          notify({notice: 'command-output', pid, stream, text}),
        )
        child[stream]?.on('data', (bytes: Buffer) => output.add(bytes))
        return output
      })
      child.once('exit', async (code, signal) => {
        notify({notice: 'command-ended', pid, code, signal, seconds: monotonicSeconds()})
        running.delete(pid)
        if (watching && subreaper === undefined) groups.add(pid)
        await Promise.race([closed, delay(lastWordsMilliseconds)])
        for (const output of outputs) output.end()
        notify({notice: 'command-silent', pid})
      })
    }
    await once(child, 'spawn')
    return {pid: pid ?? 0, seconds}
  },

  async 'signal-command'({pid, signal}: {pid: number; signal: NodeJS.Signals}) {
    // Only a child that nobody has reaped yet is surely the one that is meant. It may have become
    // another user's: then the answer is EPERM.
    if (running.has(pid)) process.kill(pid, signal)
    return null
  },

  async 'make-folder'({prefix}: {prefix: string}) {
    watchOverTree()
    // Made here, and at once: a kill of the harness finds a folder that is watched over, or none.
    const folder = mkdtempSync(join(tmpdir(), prefix))
    folders.add(folder)
    return {folder}
  },

  async 'remove-folder'({folder}: {folder: string}) {
    if (folders.delete(folder)) removeFolder(folder)
    return null
  },

  async exit() {
    const {refused, late} = endTree()
    return {
      openConnections: 0,
      ...(refused.length > 0 ? {left: refused} : {}),
      ...(late.length > 0 ? {late} : {}),
    }
  },
} satisfies Handlers

function notify(notice: Notice): void {
  if (process.connected) process.send?.({actor: soleActor, tells: notice})
}

let watching = false
let subreaper: Subreaper | undefined

function streamsOf(asked: CommandToStart): ('ignore' | 'pipe' | number)[] {
  const {inherits, leaves, readsThrough, writesThrough} = asked
  const [stdin, stdout, stderr] = streamFds
  // Not a pipe: who writes into one that nobody reads any more is ended by SIGPIPE.
  if (leaves === true) return ['ignore', stderr, stderr]
  return [
    readsThrough === true ? stdin : 'ignore',
    ...(writesThrough === true ? [stdout, stderr] : (['pipe', 'pipe'] as const)),
    ...(inherits === true ? [inheritedFd] : []),
  ]
}

function watchOverTree(): void {
  if (watching) return
  watching = true
  process.once('exit', () => {
    endTree()
    for (const folder of folders) removeFolder(folder)
  })
  subreaper = becomeSubreaper()
  if (subreaper !== undefined) {
    setInterval(() => subreaper?.reap(new Set(running.keys())), reapEveryMilliseconds).unref()
  } else {
    setInterval(() => groups.size > 0 && groups.look(), lookEveryMilliseconds).unref()
  }
}

/**
 * Kills until nothing is left: a process may start another one while it is being looked for. What was started to be left
 * alone is never below a guardian that watches.
 */
function endTree(): NotEnded {
  if (!watching) return {refused: [], late: []}
  // The groups of commands that still run are surely ours, and need no table of processes.
  for (const pid of running.keys()) killGroup(pid)
  // Nobody waits for the commands any more, and not every container has an init that would.
  const left = subreaper?.endAll(endWithinSeconds) ?? endWhatIsFound()
  running.clear()
  return left
}

/** Without a subreaper: an orphan is found by its group, unless it has left that, too. */
function endWhatIsFound(): NotEnded {
  const deadline = monotonicSeconds() + endWithinSeconds
  for (const pid of running.keys()) groups.add(pid)
  for (;;) {
    // All members at once: a process that starts the next one and ends is never seen.
    for (const leader of groups.look()) killGroup(leader)
    const left = entriesBelow(process.pid, groups)
    const ending = left.filter((entry) => {
      try {
        return signalProcess(entry)
      } catch {
        return false
      }
    })
    if (ending.length === 0 || monotonicSeconds() > deadline) {
      return notEnded(left.map(({pid}) => pid))
    }
  }
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // It has just ended, or is another user's.
  }
}
