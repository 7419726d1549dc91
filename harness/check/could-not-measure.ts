import type {CheckProblem} from '../documents/check-schema.ts'
import type {Platform} from '../platforms/platform.ts'
import {readProcesses} from '../processes/process-table.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import {isOutOfFiles} from '../sockets/system-error.ts'
import {printable} from '../text.ts'
import {tooSlow} from '../too-slow.ts'
import type {CheckContext} from './context.ts'
import {endingWords} from './errors-seen.ts'
import type {Starts} from './late-start.ts'
import {endWords} from './port-view.ts'
import {processWords} from './problems.ts'
import type {ServerStart} from './server.ts'
import type {StartOutcome} from './start-outcome.ts'

/** What the check rests on cannot be established, so that there is no verdict. */
export class CouldNotMeasure extends Error {
  override name = 'CouldNotMeasure'
  readonly problem: CheckProblem

  constructor(problem: CheckProblem) {
    super(problem.message)
    this.problem = problem
  }
}

/**
 * Makes sure that who listens can be seen at all: sockets, processes, and who has which.
 * @returns what is missing; undefined if nothing is
 */
export async function blindnessOf(
  {readSockets, readHolders, title}: Platform,
  port: number,
): Promise<CheckProblem | undefined> {
  const unseen = (kind: CheckProblem['kind'], what: string, remedy: string, error?: unknown) => ({
    kind,
    message: `${what} cannot be read${error === undefined ? '' : `: ${(error as Error).message}`}`,
    remedy,
  })
  const withProc = 'run the check where /proc is mounted, and shows at least your own processes'
  const remedy =
    process.platform === 'linux' ? withProc : 'install the program it names, or correct PATH'
  if (readSockets === null || readHolders === null) {
    const message = `${title} does not show which process listens on a port`
    return {kind: 'no-socket-table', message, remedy: 'run the check on Linux or macOS'}
  }
  try {
    if (!readProcesses().some(({pid}) => pid === process.pid)) {
      return unseen('no-process-table', 'the list of processes', remedy)
    }
  } catch (error) {
    return unseen('no-process-table', 'the list of processes', remedy, error)
  }
  try {
    await readSockets()
  } catch (error) {
    if (isOutOfFiles(error)) return outOfFilesProblem(error)
    return unseen('no-socket-table', 'the list of sockets', remedy, error)
  }
  try {
    await readHolders(port, [])
  } catch (error) {
    return unseen('unseen', 'which process has a socket', remedy, error)
  }
  return undefined
}

/** There is a listener, and none of the processes that we may look into has it. */
export function unseenProblem(
  {host, options: {port}}: Pick<CheckContext, 'host' | 'options'>,
  {number}: ServerStart,
  {sockets}: Extract<StartOutcome, {kind: 'unseen'}>,
): CheckProblem {
  const ours = host.processes().filter(({start}) => start === number)
  const forbidden = ours.filter(({pid}) => !isPermitted(pid)).map(({pid}) => pid)
  if (forbidden.length > 0) return notPermittedProblem({host}, forbidden, 'a signal')
  const where = sockets.map(({local}) => endWords(local)).join(', ')
  return {
    kind: 'unseen',
    message: `something listens on ${where}, but the process that has the socket is not visible`,
    remedy: `run the check as the server's user, or as root (rebind why ${port} shows more); programs with file capabilities hide their sockets, too`,
  }
}

function isPermitted(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EPERM'
  }
}

/** A server that was started through sudo, or is setuid: we can neither stop it nor end what is left of it. */
export function notPermittedProblem(
  {host}: Pick<CheckContext, 'host'>,
  pids: readonly number[],
  what: string,
): CheckProblem {
  const who = pids.map((pid) => processWords({pid, command: host.commandOf(pid) ?? '?'}))
  return {
    kind: 'not-permitted',
    message: `the server runs as another user, who may not be sent ${what} by you: ${who.join(', ')}`,
    remedy: `it may still run: end it as that user (sudo kill ${pids.join(' ')}); run the check itself as that user, or as root, with a command that does not change the user`,
  }
}

export function notEndedProblem(
  {host}: {host: Pick<CheckContext['host'], 'commandOf'>},
  pids: readonly number[],
): CheckProblem {
  const who = pids.map((pid) => processWords({pid, command: host.commandOf(pid) ?? '?'}))
  return {
    kind: 'not-ended',
    message: `SIGKILL did not end ${who.join(', ')}`,
    remedy:
      'it hangs in a system call, e.g. on a disk or a network file system that does not answer',
  }
}

/** It was not the stop that ended it, so its restart was not measured. */
export function diedProblem(ending: CommandEnding, {lines}: ServerStart): CheckProblem {
  const said = lines.errorLines().map(printable)
  const output = said.length === 0 ? '' : `; its output: ${said.join(' / ')}`
  return {
    kind: 'exited',
    message: `the server ${endingWords(ending)} by itself, before it was told to stop${output}`,
    remedy:
      'see its output in server.log: a connecting client may have ended it; if the server is meant to exit after its first client, use --stop none',
  }
}

/** It took long to listen, and what was in its way is gone: it was refused, or had no processor. */
export function tooSlowProblem({
  first,
  tookSeconds,
  unknownSeconds,
}: Omit<Starts, 'afterWordsSeconds'>): CheckProblem {
  const firstUnknown = first.startupSeconds - first.atLeastSeconds
  const times = `${unknownSeconds.toFixed(1)} of ${tookSeconds.toFixed(1)} s (and ${firstUnknown.toFixed(1)} of ${first.startupSeconds.toFixed(1)} s in its first start)`
  return {
    kind: 'too-slow',
    message: tooSlow(
      `the restarted server or the check waited for a CPU for ${times} before the server was seen listening, so whether the port was refused meanwhile is unknown`,
    ),
    remedy: 'repeat the check when this machine is less busy',
  }
}

export function outOfFilesProblem(error: unknown): CheckProblem {
  return {
    kind: 'too-many-open-files',
    message: `too many open files (${(error as NodeJS.ErrnoException).code})`,
    remedy:
      'raise the limit (ulimit -n), or use fewer --connections: each needs one open file here',
  }
}
