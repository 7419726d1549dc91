import {type ChildProcess, spawn} from 'node:child_process'
import {once} from 'node:events'
import {mkdtempSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {BoundedOutput} from './bounded-output.ts'
import type {CommandToStart, Handlers, Notice} from './messages.ts'
import {livingBelow} from './process-table.ts'
import {removeFolder} from './remove-folder.ts'
import {becomeSubreaper} from './subreaper.ts'

const reapEveryMilliseconds = 100
/** What a process that has ended wrote is in the pipe already; a child of its own may keep that open. */
const lastWordsMilliseconds = 100
const endWithinSeconds = 1

const running = new Map<number, ChildProcess>()
const groups = new Set<number>()
/** What lies in temporary folders, and nobody wants when the harness is gone. */
const folders = new Set<string>()

/**
 * The parent of the commands that `check` starts. It has one more duty than to start them: however it
 * ends itself, and it ends as soon as the harness does, all their processes end with it.
 */
export const guardianHandlers = {
  async 'start-command'({command, args, env, cwd}: CommandToStart) {
    watchOverTree()
    const seconds = monotonicSeconds()
    const child = spawn(command, args, {
      env,
      cwd,
      // A group of its own, so that a terminal's Ctrl-C does not stop the server before the harness does.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const {pid} = child
    if (pid !== undefined) {
      running.set(pid, child)
      groups.add(pid)
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

  async exit() {
    endTree()
    return {openConnections: 0}
  },
} satisfies Handlers

function notify(notice: Notice): void {
  if (process.connected) process.send?.(notice)
}

let watching = false
let reap: (own: ReadonlySet<number>) => void = () => undefined

function watchOverTree(): void {
  if (watching) return
  watching = true
  process.once('exit', () => {
    endTree()
    for (const folder of folders) removeFolder(folder)
  })
  reap = becomeSubreaper() ?? reap
  setInterval(() => reap(new Set(running.keys())), reapEveryMilliseconds).unref()
}

/** Kills until nothing is left: a process may start another one while it is being looked for. */
function endTree(): void {
  const deadline = monotonicSeconds() + endWithinSeconds
  // The groups of commands that still run are surely ours, and need no table of processes.
  for (const pid of running.keys()) kill(-pid)
  running.clear()
  while (monotonicSeconds() < deadline) {
    // Orphans are found below a subreaper; elsewhere by their group, unless they have left that, too.
    const pids = livingBelow(process.pid, groups)
    // Nobody waits for the commands any more, and not every container has an init that would.
    reap(new Set())
    if (pids.length === 0) return
    for (const pid of pids) kill(pid)
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}
