import {type ChildProcess, fork} from 'node:child_process'
import {Socket} from 'node:net'
import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import {watchStarvation} from '../starvation.ts'
import {TooSlow} from '../too-slow.ts'
import type {SystemErrorFields} from './errors.ts'
import {isAnswer, isNotice, requestShapes} from './message-shapes.ts'
import type {
  Answer,
  BindAttempt,
  Notice,
  PaceMessage,
  RequestMessage,
  RequestName,
  Requests,
} from './messages.ts'
import {adoptOrphans, endOrphans} from './orphans.ts'
import {readProcess, signalProcess} from './process-table.ts'
import {countSilence} from './silence.ts'

export type Role =
  | 'predecessor'
  | 'successor'
  | 'client'
  | 'holder'
  | 'other-server'
  | 'guardian'
  | 'keeper'
  | 'settings-keeper'

export interface LaunchOptions {
  /** A socket that the process gets as its file descriptor 3 (`inheritedFd`). */
  inherits?: number
  /**
   * A program, with its arguments, that becomes the process or starts it, e.g. nsenter(1). The channel is
   * then file descriptor 0, because sudo closes all but the first three.
   */
  through?: readonly [command: string, ...args: string[]]
}

export interface Ending {
  code: number | null
  signal: NodeJS.Signals | null
  /** When the harness learnt of it, monotonic seconds. */
  seconds: number
}

type NoticeOf<Name extends Notice['notice']> = Extract<Notice, {notice: Name}>

/** What a process tells by itself. */
export interface Listeners {
  onAttempts?(attempts: BindAttempt[]): void
  onOutput?(stream: 'stdout' | 'stderr', text: string): void
  onEnd?(ending: Ending): void
  onCommandOutput?(output: NoticeOf<'command-output'>): void
  onCommandEnded?(ending: NoticeOf<'command-ended'>): void
  /** All that an ended command wrote has been told. */
  onCommandSilent?(command: NoticeOf<'command-silent'>): void
}

interface PendingRequest {
  name: RequestName
  resolve(value: unknown): void
  reject(error: Error): void
}

/** A running process of a scenario. */
export interface Actor {
  role: Role
  pid: number
  /**
   * Asks the process to do something and waits for the answer.
   * @throws SystemError-like Error as the process reports it; ActorFailed if the process ends before it
   * answers, or says nothing for half a minute; TooSlow if it was kept from running meanwhile.
   */
  request<Name extends RequestName>(
    name: Name,
    takes: Requests[Name]['takes'],
    connection?: Socket,
  ): Promise<Requests[Name]['gives']>
  /** Tells a successor its new pacing. */
  pace(message: PaceMessage['pace']): void
  /** The connection that a predecessor hands over. */
  connection: Promise<Socket>
  ended: Promise<Ending>
  /** The error that says how the process ended, with what it wrote to stderr. */
  failure(ending: Ending): Error
  /** Sends SIGKILL, unless the process has ended already. */
  kill(): void
}

/** A process of ours died or hung: the scenario has failed for a reason of its own. */
export class ActorFailed extends Error {
  override name = 'ActorFailed'
}

const keptOutputCharacters = 4096
const shownCharacters = 120
const processLimitReached = 'the process limit is reached; raise it (ulimit -u)'

/** A guardian ends the commands that it started; a settings keeper sets the machine's settings back. */
const undoesItsWork: readonly Role[] = ['guardian', 'settings-keeper']

/** Nobody waits for its answer. */
const exit: RequestMessage = {id: 0, request: 'exit', takes: null}

/**
 * All that a guardian needs of the environment: a server that it starts may read the guardian's
 * (/proc/PPID/environ), and gets one of its own.
 */
const guardianVariables = ['PATH', 'HOME', 'TMPDIR', 'TMP', 'TEMP', 'LD_LIBRARY_PATH']

const running = new Map<ChildProcess, () => void>()
const isStarved = watchStarvation(() => [
  process.pid,
  ...[...running.keys()].flatMap(({pid}) => pid ?? []),
])
// The channel's end already ends the children; this also covers one that hangs and cannot notice.
process.once('exit', () => {
  for (const kill of running.values()) kill()
})

/** Starts a process in the given role; resolved when it is ready for requests. */
export async function launch(
  program: string,
  role: Role,
  listeners: Listeners = {},
  {inherits, through}: LaunchOptions = {},
): Promise<Actor> {
  if (role === 'guardian') adoptOrphans()
  const inherited = inherits === undefined ? [] : [inherits]
  const [execPath = process.execPath, ...throughArgs] = through ?? []
  const child = fork(program, [role], {
    execPath,
    execArgv: through === undefined ? [] : [...throughArgs, process.execPath],
    env: environmentOf(role),
    // A kill of the harness's whole process group must leave these to undo what they did.
    // What sudo starts is root's and out of its reach; and sudo -v holds for processes of our session only.
    detached: undoesItsWork.includes(role) && through?.[0] !== 'sudo',
    stdio:
      through === undefined
        ? ['ignore', 'pipe', 'pipe', ...inherited, 'ipc']
        : ['ipc', 'pipe', 'pipe', ...inherited],
  })
  /** The process's own pid, which is not the child's where sudo waits in between. */
  let pid = child.pid ?? 0
  /** Of that other process, because nothing but its start time tells it from a later one with its pid. */
  let started: string | undefined
  const kill = () => {
    if (pid === child.pid) return void child.kill('SIGKILL')
    if (child.exitCode !== null || child.signalCode !== null) return
    try {
      if (started !== undefined) return void signalProcess({pid, started})
    } catch {
      // It runs as root.
    }
    // (After a disconnect() of ours Node would never tell that it has ended.)
    if (child.connected) child.send(exit, () => undefined)
  }
  // One that undoes what it did is never killed: it does so when the channel closes.
  if (!undoesItsWork.includes(role)) running.set(child, kill)

  let errors = ''
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      if (stream === 'stderr') errors = (errors + text).slice(-keptOutputCharacters)
      listeners.onOutput?.(stream, text)
    })
  }

  const pending = new Map<number, PendingRequest>()
  let requests = 0
  const ready = deferred<void>()
  const connection = deferred<Socket>()
  const silence = countSilence(isStarved)
  let isReady = false
  let exitedAt: number | undefined
  /** Why the process was ended by us. */
  let fault: Error | undefined

  const fail = (error: Error) => {
    ready.reject(error)
    connection.reject(error)
    for (const {reject} of pending.values()) reject(error)
    pending.clear()
  }
  const failure = ({code, signal}: Ending): Error => {
    if (fault !== undefined) return fault
    const how = signal === null ? `exited with status ${code}` : `was ended by ${signal}`
    // Node itself asserts that its threads can be made, and aborts with a native stack trace.
    if (/(uv_thread|pthread)_create/.test(errors)) {
      return new ActorFailed(`the ${role} could not be started: ${processLimitReached}`)
    }
    const said = errors.trim() === '' ? '' : `; its stderr: ${errors.trim()}`
    return new ActorFailed(`the ${role} (pid ${pid}) ${how}${said}`)
  }
  const ended = new Promise<Ending>((resolve) => {
    child.once('error', (error) => {
      running.delete(child)
      fail(launchProblem(role, error))
    })
    child.once('exit', () => {
      exitedAt = monotonicSeconds()
    })
    // Only `close` means that everything the process said has arrived.
    child.once('close', (code, signal) => {
      running.delete(child)
      if (role === 'guardian' && code !== 0) endOrphans()
      const ending = {code, signal, seconds: exitedAt ?? monotonicSeconds()}
      fail(failure(ending))
      listeners.onEnd?.(ending)
      resolve(ending)
    })
  })

  /** What it has told up to now stands; it tells nothing more, and what it was to do has failed. */
  const distrust = (message: unknown) => {
    fault = new ActorFailed(
      `the ${role} (pid ${pid}) sent what no process of ours sends: ${shown(message)}`,
    )
    fail(fault)
    if (undoesItsWork.includes(role)) child.send(exit, () => undefined)
    else kill()
  }
  const answered = (answer: Answer): boolean => {
    const request = pending.get(answer.answerTo)
    // Whoever asked may have given up.
    if (request === undefined) return answer.answerTo <= requests
    if ('error' in answer) request.reject(remoteError(answer.error))
    else if (requestShapes[request.name].gives(answer.gives)) request.resolve(answer.gives)
    else return false
    pending.delete(answer.answerTo)
    return true
  }
  const noticed = (message: Notice, handle: unknown): boolean => {
    if (message.notice === 'ready') {
      // Where sudo waits in between, only the process itself knows its pid.
      if (through?.[0] !== 'sudo' && (message.pid ?? child.pid) !== child.pid) return false
      pid = message.pid ?? pid
      if (pid !== child.pid) started = readProcess(pid)?.started
      isReady = true
      ready.resolve()
    } else if (message.notice === 'attempts') listeners.onAttempts?.(message.attempts)
    else if (message.notice === 'connection') {
      if (!(handle instanceof Socket)) return false
      connection.resolve(handle)
    } else if (message.notice === 'command-output') listeners.onCommandOutput?.(message)
    else if (message.notice === 'command-ended') listeners.onCommandEnded?.(message)
    else listeners.onCommandSilent?.(message)
    return true
  }
  child.on('message', (message: unknown, handle) => {
    silence.heard()
    if (fault !== undefined) return
    const isKnown = isAnswer(message)
      ? answered(message)
      : isNotice(message) && noticed(message, handle)
    if (!isKnown) distrust(message)
  })

  const watchdog = setInterval(() => {
    const told = silence.tick(!isReady || pending.size > 0)
    if (told === undefined) return
    const words = `the ${role} (pid ${pid}) has said nothing for ${told.seconds} s`
    fault = told.starved ? new TooSlow(words) : new ActorFailed(words)
    fail(fault)
    kill()
  }, 1000)
  watchdog.unref()
  ended.then(() => clearInterval(watchdog))

  await ready.promise
  return {
    role,
    pid,
    connection: connection.promise,
    ended,
    failure,
    kill,
    pace: (pace) => {
      if (child.connected) child.send({pace} satisfies PaceMessage, () => undefined)
    },
    request: (name, takes, connection) => {
      const id = ++requests
      silence.heard()
      return new Promise((resolve, reject) => {
        pending.set(id, {name, resolve: resolve as (value: unknown) => void, reject})
        const message = {id, request: name, takes} as RequestMessage
        child.send(message, connection, {}, (error) => {
          // The channel is closed: the process has ended, or is about to.
          if (error !== null) ended.then((ending) => pending.get(id)?.reject(failure(ending)))
        })
      })
    },
  }
}

function environmentOf(role: Role): NodeJS.ProcessEnv {
  const {NODE_OPTIONS: _, ...env} = process.env
  if (role !== 'guardian') return env
  return Object.fromEntries(
    guardianVariables.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
}

function remoteError(fields: SystemErrorFields | {message: string}): Error {
  return Object.assign(new Error(fields.message), fields)
}

/** As much of a message as fits into a reason. */
function shown(message: unknown): string {
  const text = JSON.stringify(message) ?? ''
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text
}

function launchProblem(role: Role, error: NodeJS.ErrnoException): Error {
  const remedy: Record<string, string> = {
    EAGAIN: processLimitReached,
    EMFILE: 'too many open files; raise the limit (ulimit -n)',
    ENFILE: 'the system has too many open files',
    ENOMEM: 'out of memory',
  }
  const why = remedy[error.code ?? ''] ?? error.message
  return new ActorFailed(`the ${role} could not be started: ${why}`)
}
