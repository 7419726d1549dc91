import {existsSync} from 'node:fs'
import {rm} from 'node:fs/promises'
import {dirname, resolve} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import {UsageError} from '../errors.ts'
import {clearAway} from './clear-away.ts'
import type {CheckListeners} from './context.ts'
import {recogniseRuntime} from './fixes.ts'
import {type CheckOptions, type FilledOptions, fillOptions} from './options.ts'
import {isSafeStart} from './safe.ts'
import type {ServerStart} from './server.ts'
import {describeMachine, problemOf, withHost} from './stage.ts'
import {sendStop} from './stop.ts'
import {socketAdvice} from './unix-socket-advice.ts'
import {
  assertRunning,
  lookAt,
  type Scene,
  type SocketStart,
  startAfter,
  startBeside,
  startFirst,
} from './unix-socket-starts.ts'

export interface SocketCheckOptions
  extends Pick<
    CheckOptions,
    'command' | 'stop' | 'stopTimeoutSeconds' | 'startTimeoutSeconds' | 'env' | 'cwd'
  > {
  /** The path of the Unix socket; `{socket}` in an argument stands for it. */
  socket: string
}

/**
 * Restarts a server of a Unix socket: after it was stopped, after it was killed, and beside itself. There is no
 * TIME_WAIT; what is in the way there is the file, which bind(2) makes, and only unlink(2) removes (unix(7)).
 * @throws UsageError for options that cannot be, a command that cannot be started, a path at which something is
 */
export async function checkUnixSocket(
  {socket, ...rest}: SocketCheckOptions,
  listeners: CheckListeners = {},
  signal: AbortSignal = new AbortController().signal,
): Promise<CheckDocument> {
  const options = atPath(fillOptions({...rest, port: 1}), socket)
  const path = resolve(options.cwd, socket)
  assertNothingThere(path)
  const because = 'a Unix socket has no use for it'
  const unmeasured = {reuseaddr: {set: null, because}, port: null, address: path}
  const advised = (document: CheckDocument) => ({...document, advice: socketAdvice(document)})
  const stage = {options, listeners, signal, unmeasured, advised}
  const bare = await describeMachine(stage)
  try {
    return await withHost(stage, bare, (host) =>
      play({options, path, host, platform: bare.platform, signal}, bare.blank),
    )
  } finally {
    // The server made it, and nobody of it is left.
    if ((await lookAt(path))?.isSocket() === true) await rm(path, {force: true})
  }
}

/** The command with the path in place of `{socket}`, and in the variable SOCKET. */
function atPath(options: FilledOptions, path: string): FilledOptions {
  return {
    ...options,
    command: options.command.map((word) => word.replaceAll('{socket}', path)),
    env: {SOCKET: path, ...options.env},
  }
}

function assertNothingThere(path: string): void {
  if (!existsSync(dirname(path))) {
    throw new UsageError(
      `the folder ${dirname(path)} does not exist; make it, or name another path`,
    )
  }
  if (!existsSync(path)) return
  throw new UsageError(
    `there is something at ${path} already; remove it if nobody uses it (rebind why ${path} shows who does), or choose another path`,
  )
}

async function play(scene: Scene, blank: CheckDocument): Promise<CheckDocument> {
  const {options, host, signal} = scene
  const starts: SocketStart[] = []
  let problem: CheckProblem | undefined
  try {
    await playStarts(scene, starts)
  } catch (error) {
    problem = problemOf(error, signal)
  }
  const commands = [...host.processes().flatMap(({pid}) => host.commandOf(pid) ?? [])]
  return {
    ...blank,
    safe: problem === undefined && starts.every(isSafeStart),
    ...(problem === undefined ? {} : {problem}),
    runtime: recogniseRuntime([...commands, options.command.join(' ')])?.name ?? null,
    ...(problem !== undefined && starts.length === 0 ? {} : {socket: {path: scene.path, starts}}),
  }
}

/** @param starts what is known of them, also if one of them cannot be measured */
async function playStarts(scene: Scene, starts: SocketStart[]): Promise<void> {
  const {host, signal, path} = scene
  const first = await startFirst(scene)
  let running = first.start
  for (const situation of ['stopped', 'killed'] as const) {
    const stopTimedOut = await end(scene, running, situation)
    const fileLeft = (await lookAt(path)) !== undefined
    const next = await startAfter(scene, {fileLeft, firstSeconds: first.seconds})
    starts.push({situation, fileLeft, ...(stopTimedOut ? {stopTimedOut} : {}), ...next.seen})
    // Whoever outlived the stop was there for this start, as in real life.
    await clearAway({host, signal}, running)
    running = next.start
    if (next.seen.verdict !== 'granted') {
      await clearAway({host, signal}, next.start)
      // What is refused because of it would be refused again.
      await rm(path, {force: true})
      running = (await startFirst(scene)).start
    }
  }
  starts.push(await startBeside(scene, running, first.seconds))
}

/**
 * Stops the server as it was asked for, of which only the process that was started hears, or kills all of it.
 * @returns whether it had to be killed, because it did not obey in time
 * @throws CouldNotMeasure if it has ended already, may not be sent signals, or survives SIGKILL
 */
async function end(
  {host, options, signal}: Scene,
  start: ServerStart,
  situation: 'stopped' | 'killed',
): Promise<boolean> {
  const {stop, stopTimeoutSeconds} = options
  await assertRunning(options, start)
  if (situation === 'stopped') {
    if (stop !== 'none') await sendStop({host}, start, stop)
    const timer = new AbortController()
    const hasEnded = await Promise.race([
      start.ended.then(() => true),
      delay(stopTimeoutSeconds * 1000, false, {signal: AbortSignal.any([signal, timer.signal])}),
    ]).finally(() => timer.abort())
    if (hasEnded) return false
  }
  await clearAway({host, signal}, start)
  return situation === 'stopped'
}
