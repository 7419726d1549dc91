import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import type {CompiledProgram} from '../processes/compile.ts'
import {type Actor, type LaunchOptions, launch} from '../processes/launch.ts'
import {
  commandLineOf,
  entriesBelow,
  ProcessGroups,
  type ProcessIdentity,
  readProcesses,
  signalProcess,
} from '../processes/process-table.ts'
import type {CommandEnding, CommandToStart} from '../processes/protocol.ts'
import type {NotEnded} from '../processes/subreaper.ts'
import {longestProcessorWaits} from '../starvation.ts'
import {type Lineage, type Member, openLineage} from './lineage.ts'
import {collectLines, type OutputLines} from './output-lines.ts'
import {startFailure} from './start-failure.ts'

/** One start of the command under test. */
export interface ServerStart {
  /** Counted from 0. */
  number: number
  pid: number
  /** When it was started, monotonic seconds. */
  startedAt: number
  lines: OutputLines
  /** Undefined while it runs. */
  ending(): CommandEnding | undefined
  ended: Promise<CommandEnding>
  /** Resolved soon after the end, when all that it wrote has arrived. */
  silent: Promise<void>
}

/** What a server wrote. */
export interface ServerOutput {
  pid: number
  stream: 'stdout' | 'stderr'
  text: string
}

/** Where servers are started, and from where every process of theirs can be found and ended. */
export interface ServerHost {
  /**
   * @param usual lines about a port in use that its starts print when nothing is wrong
   * @throws UsageError if the first command cannot be started, CouldNotMeasure if a later one cannot
   */
  start(command: CommandToStart, usual?: ReadonlySet<string>): Promise<ServerStart>
  /**
   * Sends a signal to the process that was started, as `kill PID` does.
   * @throws SystemError-like Error with the code EPERM if it is another user's
   */
  signal(server: ServerStart, signal: NodeJS.Signals): Promise<void>
  /** The living processes of all servers started here, and which start each descends from. */
  processes(): Member[]
  /** By the latest reading of the process table, as {@link processes} takes it. */
  startOf: Lineage['startOf']
  /** The command line of one of them; undefined if it has ended. */
  commandOf(pid: number): string | undefined
  /**
   * Sends SIGKILL to the processes, unless they are none of these servers' (any more).
   * @returns the pids of those that are another user's, so that they may not be killed
   */
  kill(pids: readonly number[]): number[]
  /** Makes a temporary folder that is gone when the harness ends, however it ends. */
  makeFolder(prefix: string): Promise<string>
  /** Removes such a folder before that, with the rights of whoever owns it by then. */
  removeFolder(folder: string): Promise<void>
  /**
   * Ends all servers with all their processes, and waits until they have ended.
   * @returns the pids of those that could not be ended
   */
  close(): Promise<Readonly<NotEnded>>
}

interface RunningServer {
  start: ServerStart
  end(ending: CommandEnding): void
  fallSilent(): void
}

/**
 * Starts the guardian, the process that all servers are children of. It ends them when the harness is
 * gone, even by SIGKILL.
 * @param options a socket that commands may get, whether they may read and write where we do, and whether they are left alone
 */
export async function openServerHost(
  program: CompiledProgram,
  onOutput: (output: ServerOutput) => void,
  onSilent: (pid: number) => void = () => undefined,
  options: Pick<LaunchOptions, 'inherits' | 'passesStreams' | 'leaves'> = {},
): Promise<ServerHost> {
  const servers = new Map<number, RunningServer>()
  const leaving = options.leaves === true ? {leaves: true} : {}
  const groups = new ProcessGroups()
  // A server may write, and end, before the answer that tells its pid has been dealt with.
  const early: (() => void)[] = []
  let starting = 0

  const whenKnown = (act: () => void) => {
    if (starting > 0) early.push(act)
    else act()
  }
  const guardian: Actor = await launch(
    program.path,
    'guardian',
    {
      onCommandOutput({pid, stream, text}) {
        const at = monotonicSeconds()
        whenKnown(() => {
          servers.get(pid)?.start.lines.add(text, at)
          onOutput({pid, stream, text})
        })
      },
      onCommandEnded: ({pid, code, signal, seconds}) =>
        whenKnown(() => servers.get(pid)?.end({code, signal, seconds})),
      onCommandSilent: ({pid}) =>
        whenKnown(() => {
          servers.get(pid)?.fallSilent()
          // A restart may be tried hundreds of times; what has ended is no longer needed here.
          servers.delete(pid)
          onSilent(pid)
        }),
    },
    options,
  )
  let closing = false
  guardian.ended.then((ending) => {
    if (closing) return
    // Nobody is left to end them but us. A killed guardian is not a reason to leave a server running.
    for (const entry of entriesBelow(guardian.pid, groups)) killIfOurs(entry)
    for (const {end, fallSilent} of servers.values()) {
      end(ending)
      fallSilent()
    }
  })

  const lineage = openLineage(guardian.pid)
  const processes = () => lineage.observe(readProcesses())
  let started = 0
  return {
    async start(command, usual) {
      // Whatever has been left without a parent up to now is not the new start's.
      processes()
      starting++
      try {
        const {pid, seconds} = await guardian.request('start-command', {...command, ...leaving})
        const ended = deferred<CommandEnding>()
        const silent = deferred<void>()
        let ending: CommandEnding | undefined
        const number = started++
        lineage.begin(number, pid)
        processes()
        const start: ServerStart = {
          number,
          pid,
          startedAt: seconds,
          lines: collectLines(usual),
          ending: () => ending,
          ended: ended.promise,
          silent: silent.promise,
        }
        const end = (how: CommandEnding) => {
          ending ??= how
          ended.resolve(how)
        }
        servers.set(pid, {start, end, fallSilent: silent.resolve})
        if (options.leaves !== true) groups.add(pid)
        return start
      } catch (error) {
        throw startFailure(error, command, started === 0)
      } finally {
        starting--
        if (starting === 0) for (const act of early.splice(0)) act()
      }
    },
    async signal({pid}, signal) {
      await guardian.request('signal-command', {pid, signal})
    },
    processes,
    startOf: lineage.startOf,
    commandOf: commandLineOf,
    kill(pids) {
      const forbidden: number[] = []
      for (const member of processes()) {
        if (!pids.includes(member.pid)) continue
        try {
          signalProcess(member, 'SIGKILL')
        } catch {
          forbidden.push(member.pid)
        }
      }
      return forbidden
    },
    async makeFolder(prefix) {
      const {folder} = await guardian.request('make-folder', {prefix})
      return folder
    },
    async removeFolder(folder) {
      await guardian.request('remove-folder', {folder})
    },
    async close() {
      closing = true
      const answer = await guardian.request('exit', null).catch(() => undefined)
      await guardian.ended
      return {refused: answer?.left ?? [], late: answer?.late ?? []}
    },
  }
}

function killIfOurs(process: ProcessIdentity): void {
  try {
    signalProcess(process)
  } catch {
    // It has become another user's.
  }
}

/** What the processes of a start have waited for a processor, in seconds: what they needed is not known better. */
export function starvedSeconds(host: Pick<ServerHost, 'processes'>, {number}: ServerStart): number {
  const pids = host.processes().flatMap((each) => (each.start === number ? each.pid : []))
  return longestProcessorWaits(pids).reduce((sum, seconds) => sum + seconds, 0)
}
