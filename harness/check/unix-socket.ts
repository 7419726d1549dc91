import {existsSync, type Stats} from 'node:fs'
import {lstat, rm} from 'node:fs/promises'
import {connect} from 'node:net'
import {dirname, resolve} from 'node:path'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckDocument} from '../documents/check-schema.ts'
import {UsageError} from '../errors.ts'
import type {Platform} from '../platforms/platform.ts'
import {clearAway} from './clear-away.ts'
import type {CheckListeners} from './context.ts'
import {CouldNotMeasure, notEndedProblem} from './could-not-measure.ts'
import {endingWords} from './errors-seen.ts'
import {recogniseRuntime} from './fixes.ts'
import {type CheckOptions, commandToStart, type FilledOptions, fillOptions} from './options.ts'
import type {ServerHost, ServerStart} from './server.ts'
import {describeMachine, withHost} from './stage.ts'
import {socketAdvice} from './unix-socket-advice.ts'

export interface SocketCheckOptions
  extends Pick<
    CheckOptions,
    'command' | 'stop' | 'stopTimeoutSeconds' | 'startTimeoutSeconds' | 'env' | 'cwd'
  > {
  /** The path of the Unix socket; `{socket}` in an argument stands for it. */
  socket: string
}

type Start = NonNullable<CheckDocument['socket']>['starts'][number]

const lookEveryMilliseconds = 20
const connectWithinMilliseconds = 1000
const answersWithinMilliseconds = 1000
/** A second instance that runs on for so long, and has not taken the path, listens nowhere. */
const besideSeconds = 5

interface Scene {
  options: FilledOptions
  path: string
  platform: Platform
  host: ServerHost
  signal: AbortSignal
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
  const {options, host} = scene
  const starts: Start[] = []
  let running = await startFirst(scene)
  for (const situation of ['stopped', 'killed'] as const) {
    await end(scene, running, situation)
    const fileLeft = await lookAt(scene.path).then((file) => file !== undefined)
    const next = await startAfter(scene, fileLeft)
    starts.push({situation, fileLeft, ...next.seen})
    if (next.seen.verdict !== 'granted') {
      await clearAway({host, signal: scene.signal}, next.start)
      // What is refused because of it would be refused again.
      await rm(scene.path, {force: true})
      running = await startFirst(scene)
    } else running = next.start
  }
  starts.push(await startBeside(scene, running))
  const safe = starts.every(({situation, verdict}) =>
    situation === 'beside' ? verdict === 'refused' : verdict === 'granted',
  )
  const commands = [...host.processes().flatMap(({pid}) => host.commandOf(pid) ?? [])]
  const runtime = recogniseRuntime([...commands, options.command.join(' ')])?.name ?? null
  return {...blank, safe, runtime, socket: {path: scene.path, starts}}
}

async function startFirst(scene: Scene): Promise<ServerStart> {
  const {options, path} = scene
  const {start, seen} = await startAfter(scene, false)
  if (seen.verdict === 'granted') return start
  const said = seen.lines.length === 0 ? '' : `; its output: ${seen.lines.join(' / ')}`
  throw new CouldNotMeasure({
    kind: start.ending() === undefined ? 'never-listened' : 'exited',
    message: `the server ${seen.what} instead of listening on ${path} within ${options.startTimeoutSeconds} s${said}`,
    remedy: 'make it listen on {socket}, which stands for the path in its arguments, or on SOCKET',
  })
}

interface Seen {
  verdict: Start['verdict']
  what: string
  status: number | null
  afterSeconds: number
  lines: string[]
}

/** Starts the command, and waits until a client is let in, it ends, or has had its time. */
async function startAfter(
  scene: Scene,
  fileLeft: boolean,
): Promise<{start: ServerStart; seen: Seen}> {
  const {options, path, host, signal} = scene
  const start = await host.start(commandToStart(options))
  const deadline = start.startedAt + options.startTimeoutSeconds
  for (;;) {
    signal.throwIfAborted()
    const ending = start.ending()
    const now = monotonicSeconds()
    const afterSeconds = Math.max(0, now - start.startedAt)
    if (ending !== undefined) {
      await start.silent
      const said = {status: ending.code, lines: start.lines.errorLines()}
      return {start, seen: {verdict: 'refused', what: endingWords(ending), afterSeconds, ...said}}
    }
    if ((await letsIn(path)) && (await isListenersOf(scene, start))) {
      const what = fileLeft ? 'took the place of the file that was left' : 'listened'
      return {start, seen: {verdict: 'granted', what, status: null, afterSeconds, lines: []}}
    }
    if (now > deadline) {
      const said = {status: null, lines: start.lines.errorLines()}
      return {
        start,
        seen: {verdict: 'hangs', what: 'ran, but did not listen', afterSeconds, ...said},
      }
    }
    await delay(lookEveryMilliseconds, undefined, {signal})
  }
}

/** Starts the command a second time while the first one listens. */
async function startBeside(scene: Scene, first: ServerStart): Promise<Start> {
  const {options, path, host, signal} = scene
  const before = await lookAt(path)
  const second = await host.start(commandToStart(options))
  const seen = (verdict: Start['verdict'], what: string, status: number | null = null): Start => ({
    ...{situation: 'beside', fileLeft: true, verdict, what, status},
    afterSeconds: Math.max(0, monotonicSeconds() - second.startedAt),
    lines: second.lines.errorLines(),
  })
  const takesOver = () =>
    seen(
      'takes-over',
      first.ending() === undefined
        ? 'removed the path of the first, which no client reaches any more'
        : 'ended, and so did the first',
    )
  try {
    for (;;) {
      signal.throwIfAborted()
      const ending = second.ending()
      const isSame = isSameFile(before, await lookAt(path))
      if (ending !== undefined) {
        await second.silent
        const isFirstThere = first.ending() === undefined && isSame && (await letsIn(path))
        return isFirstThere ? seen('refused', endingWords(ending), ending.code) : takesOver()
      }
      if (!isSame && (await letsIn(path))) return takesOver()
      if (monotonicSeconds() - second.startedAt > besideSeconds) {
        return seen('hangs', 'ran, and listened nowhere')
      }
      await delay(lookEveryMilliseconds, undefined, {signal})
    }
  } finally {
    await clearAway({host, signal}, second)
  }
}

/** Stops the server as it was asked for, or kills it; all its processes are ended then. */
async function end(
  {host, options, signal}: Scene,
  start: ServerStart,
  situation: 'stopped' | 'killed',
): Promise<void> {
  const {stop, stopTimeoutSeconds} = options
  if (situation === 'stopped' && stop !== 'none') await host.signal(start, stop)
  if (situation === 'killed') host.kill(host.processes().map(({pid}) => pid))
  const timer = new AbortController()
  const isOver = await Promise.race([
    start.ended.then(() => true),
    delay(stopTimeoutSeconds * 1000, false, {signal: timer.signal}),
  ]).finally(() => timer.abort())
  signal.throwIfAborted()
  if (!isOver && situation === 'killed')
    throw new CouldNotMeasure(notEndedProblem({host}, [start.pid]))
  await clearAway({host, signal}, start)
}

/** Whether somebody accepts connections at the path. What it answers is read, for many a server dies of EPIPE. */
async function letsIn(path: string): Promise<boolean> {
  const socket = connect(path).resume()
  try {
    return await new Promise<boolean>((answer) => {
      let isIn = false
      socket.once('connect', () => {
        isIn = true
        socket.end()
        socket.setTimeout(answersWithinMilliseconds, () => answer(true))
      })
      socket.once('error', () => answer(isIn))
      socket.once('close', () => answer(isIn))
      socket.setTimeout(connectWithinMilliseconds, () => answer(isIn))
    })
  } finally {
    socket.destroy()
  }
}

/** Whether the start has the socket, as far as the system shows who has: nobody else was there before. */
async function isListenersOf({platform, path, host}: Scene, start: ServerStart): Promise<boolean> {
  const bound = await platform.readUnixSockets?.(path)
  const holders = bound?.sockets.flatMap((each) => each.holders) ?? []
  if (holders.length === 0) return true
  host.processes()
  return holders.some(({pid}) => host.startOf(pid) === start.number)
}

async function lookAt(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

function isSameFile(a: Stats | undefined, b: Stats | undefined): boolean {
  return a !== undefined && b !== undefined && a.ino === b.ino && a.ctimeMs === b.ctimeMs
}
