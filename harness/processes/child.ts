import {type ChildProcess, fork} from 'node:child_process'
import type {Socket} from 'node:net'
import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import {watchStarvation} from '../starvation.ts'
import {TooSlow} from '../too-slow.ts'
import {type Channel, openChannel} from './channel.ts'
import {adoptOrphans, endOrphans} from './orphans.ts'
import {readProcess, signalProcess} from './process-table.ts'
import {type Notice, type RequestMessage, soleActor} from './protocol.ts'
import {countSilence} from './silence.ts'

/** What a process of the harness is started as. */
export type Role =
  | 'predecessor'
  | 'successor'
  | 'client'
  | 'holder'
  | 'other-server'
  | 'guardian'
  | 'keeper'
  | 'namespace'
  | 'capture'
  | 'settings-keeper'

/**
 * Processes that play many actors each. Clients and successors are kept apart, as a dense successor would widen the
 * brackets of other scenarios' clients; those in namespaces are few, and have one host. Who may set a namespace up is
 * kept apart from who plays in it, and who may see all packets there from both.
 */
export type HostKind =
  | ('client-host' | 'successor-host')
  | ('namespace-host' | 'keeper-host' | 'capture-host')

export interface LaunchOptions {
  /** A socket that the process gets as its file descriptor 3 (`inheritedFd`). */
  inherits?: number
  /** It gets our own stdin, stdout and stderr, too, behind that socket, for programs that it starts. */
  passesStreams?: boolean
  /** Of a guardian: all that it starts is left alone, also what becomes an orphan; it writes to our stderr, which outlives us. */
  leaves?: boolean
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

/** A process of ours died or hung: the scenario has failed for a reason of its own. */
export class ActorFailed extends Error {
  override name = 'ActorFailed'
}

export interface ChildListeners {
  /** @returns false for what this process may not say */
  onNotice(actor: number, notice: Notice, handle: unknown): boolean
  onOutput(stream: 'stdout' | 'stderr', text: string): void
  /** This actor has owed an answer for too long; the process itself goes on talking. */
  onSilent?(actor: number, seconds: number, starved: boolean): void
  /** Nothing that was asked will be answered any more. */
  onFault(error: Error): void
}

/** A running process of the harness. */
export interface Child {
  pid: number
  channel: Channel
  ended: Promise<Ending>
  /** The error that says how the process ended, with what it wrote to stderr. */
  failure(ending: Ending): Error
  /** Sends SIGKILL, unless the process has ended already. */
  kill(): void
}

const keptOutputCharacters = 4096
const shownCharacters = 120
const processLimitReached = 'the process limit is reached; raise it (ulimit -u)'

/** A guardian ends the commands that it started; a settings keeper sets the machine's settings back. */
const undoesItsWork: readonly string[] = ['guardian', 'settings-keeper']

/** Nobody waits for its answer. */
const exit: RequestMessage = {id: 0, actor: soleActor, role: '', request: 'exit', params: null}

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

/** Starts a process of the compiled program; resolved when it is ready for requests. */
export async function startChild(
  program: string,
  role: Role | HostKind,
  listeners: ChildListeners,
  {inherits, leaves = false, passesStreams = leaves, through}: LaunchOptions = {},
): Promise<Child> {
  if (role === 'guardian' && !leaves) adoptOrphans()
  const inherited: ('ignore' | number)[] = passesStreams
    ? [inherits ?? 'ignore', 0, 1, 2]
    : inherits === undefined
      ? []
      : [inherits]
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

  const errors = outputOf(child, listeners)
  const ready = deferred<void>()
  let isReady = false
  let exitedAt: number | undefined
  /** Why the process was ended by us. */
  let fault: Error | undefined

  const fail = (error: Error) => {
    ready.reject(error)
    channel.fail(error)
    listeners.onFault(error)
  }
  const failure = ({code, signal}: Ending): Error => {
    if (fault !== undefined) return fault
    const how = signal === null ? `exited with status ${code}` : `was ended by ${signal}`
    // Node itself asserts that its threads can be made, and aborts with a native stack trace.
    if (/(uv_thread|pthread)_create/.test(errors())) {
      return new ActorFailed(`the ${role} could not be started: ${processLimitReached}`)
    }
    const stderr = errors().trim()
    const said = stderr === '' ? '' : `; its stderr: ${stderr}`
    return new ActorFailed(`the ${role} (pid ${pid}) ${how}${said}`)
  }
  /** What it has told up to now stands; it tells nothing more, and what it was to do has failed. */
  const giveUp = (why: string, starved = false) => {
    const words = `the ${role} (pid ${pid}) ${why}`
    fault = starved ? new TooSlow(words) : new ActorFailed(words)
    fail(fault)
    if (undoesItsWork.includes(role)) child.send(exit, () => undefined)
    else kill()
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
      resolve(ending)
    })
  })

  const channel = openChannel(
    {
      send: (message, connection, sent) => {
        if (!child.connected && connection === undefined) sent(new Error('the channel is closed'))
        else child.send(message, connection, {}, sent)
      },
    },
    {
      onNotice(actor, notice, handle) {
        if (notice.notice !== 'ready') return listeners.onNotice(actor, notice, handle)
        // Where sudo waits in between, only the process itself knows its pid.
        if (through?.[0] !== 'sudo' && (notice.pid ?? child.pid) !== child.pid) return false
        pid = notice.pid ?? pid
        if (pid !== child.pid) started = readProcess(pid)?.started
        isReady = true
        ready.resolve()
        return true
      },
      onHeard: (actor) => silence.heard(actor),
      onNonsense: (message) => giveUp(`sent an unexpected message: ${shown(message)}`),
      onBroken: (reject) => ended.then((ending) => reject(failure(ending))),
    },
  )
  child.on('message', (message: unknown, handle) => {
    silence.heard()
    if (fault === undefined) channel.receive(message, handle as Socket | undefined)
  })

  const silence = watchSilence({
    owing: () => channel.owing(),
    isStarting: () => !isReady,
    onSilent: (told, actor) => {
      if (actor === undefined) giveUp(`has been silent for ${told.seconds} s`, told.starved)
      else listeners.onSilent?.(actor, told.seconds, told.starved)
    },
  })
  ended.then(silence.end)

  await ready.promise
  return {pid, channel, ended, failure, kill}
}

/** Passes on what it writes. @returns a function that gives the end of its stderr */
function outputOf(child: ChildProcess, listeners: ChildListeners): () => string {
  let errors = ''
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => {
      if (stream === 'stderr') errors = (errors + text).slice(-keptOutputCharacters)
      listeners.onOutput(stream, text)
    })
  }
  return () => errors
}

interface SilenceOptions {
  /** The actors that have been asked and have not answered. */
  owing(): ReadonlySet<number>
  /** A process that is starting owes its greeting. */
  isStarting(): boolean
  /** Without an actor: the whole process is silent. */
  onSilent(told: {seconds: number; starved: boolean}, actor?: number): void
}

/** Counts the seconds for which the process, and each of its actors, owes an answer and is silent. */
function watchSilence({owing, isStarting, onSilent}: SilenceOptions) {
  const whole = countSilence(isStarved)
  const each = new Map<number, ReturnType<typeof countSilence>>()
  const timer = setInterval(() => {
    const asked = owing()
    const told = whole.tick(isStarting() || asked.size > 0)
    if (told !== undefined) return onSilent(told)
    for (const actor of each.keys()) if (!asked.has(actor)) each.delete(actor)
    for (const actor of asked) {
      const counted = each.get(actor) ?? countSilence(isStarved)
      each.set(actor, counted)
      const silent = counted.tick(true)
      if (silent !== undefined) onSilent(silent, actor)
    }
  }, 1000)
  timer.unref()
  return {
    /** The process has said something; with a number, that actor has, or was asked. */
    heard: (actor?: number) => (actor === undefined ? whole : each.get(actor))?.heard(),
    end: () => clearInterval(timer),
  }
}

function environmentOf(role: string): NodeJS.ProcessEnv {
  // Node parses the certificates at every start, which costs as much CPU as the rest of it; nobody here uses TLS.
  const {NODE_OPTIONS: _, NODE_EXTRA_CA_CERTS: __, ...env} = process.env
  if (role !== 'guardian') return env
  return Object.fromEntries(
    guardianVariables.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
}

/** As much of a message as fits into a reason. */
function shown(message: unknown): string {
  const text = JSON.stringify(message) ?? ''
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}...` : text
}

function launchProblem(role: string, error: NodeJS.ErrnoException): ActorFailed {
  const remedy: Record<string, string> = {
    EAGAIN: processLimitReached,
    EMFILE: 'too many open files; raise the limit (ulimit -n)',
    ENFILE: 'the system has too many open files',
    ENOMEM: 'out of memory',
  }
  const why = remedy[error.code ?? ''] ?? error.message
  return new ActorFailed(`the ${role} could not be started: ${why}`)
}
