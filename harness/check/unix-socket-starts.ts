import type {Stats} from 'node:fs'
import {lstat} from 'node:fs/promises'
import {connect} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckDocument, Survivor} from '../documents/check-schema.ts'
import type {Platform} from '../platforms/platform.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {clearAway} from './clear-away.ts'
import {CouldNotMeasure, diedProblem} from './could-not-measure.ts'
import {endingWords} from './errors-seen.ts'
import {commandToStart, type FilledOptions} from './options.ts'
import {openPatience, secondsLike} from './patience.ts'
import {survivorsBeside} from './residue.ts'
import type {ServerHost, ServerStart} from './server.ts'

/** A server of a Unix socket, and where it is started. */
export interface Scene {
  options: FilledOptions
  path: string
  platform: Platform
  host: ServerHost
  signal: AbortSignal
}

export type SocketStart = NonNullable<CheckDocument['socket']>['starts'][number]

/** What became of a start, whatever went before it. */
type Seen = Pick<
  SocketStart,
  'verdict' | 'what' | 'status' | 'afterSeconds' | 'lines' | 'survivors'
>

const lookEveryMilliseconds = 20
const connectWithinMilliseconds = 1000
const answersWithinMilliseconds = 1000
const shortestWatchSeconds = 0.5

/** @throws CouldNotMeasure if it does not listen, and stay */
export async function startFirst(scene: Scene): Promise<{start: ServerStart; seconds: number}> {
  const {options, path} = scene
  const {start, seen} = await startAfter(scene, {fileLeft: false, firstSeconds: 0})
  if (seen.verdict === 'granted') return {start, seconds: seen.afterSeconds}
  const said = seen.lines.length === 0 ? '' : `; its output: ${seen.lines.join(' / ')}`
  throw new CouldNotMeasure({
    kind: start.ending() === undefined ? 'never-listened' : 'exited',
    message: `the server ${seen.what}; it was to listen on ${path} within ${options.startTimeoutSeconds} s${said}`,
    remedy: 'make it listen on {socket}, which stands for the path in its arguments, or on SOCKET',
  })
}

/** Without a port: it would be a real one, which a server that looks for PORT first would listen on. */
function startCommand({host, options}: Scene): Promise<ServerStart> {
  return host.start(commandToStart({...options, port: null}))
}

interface Before {
  fileLeft: boolean
  /** What the first start took; 0 for that itself. */
  firstSeconds: number
}

/**
 * Starts the command, and waits until a client is let in, it ends, or has had its time. One that lets a client in is
 * watched for as long as the first start took.
 */
export async function startAfter(
  scene: Scene,
  {fileLeft, firstSeconds}: Before,
): Promise<{start: ServerStart; seen: Seen}> {
  const {options, host, signal} = scene
  const start = await startCommand(scene)
  const survivors = await survivorsOf(scene, start)
  const seconds = Math.max(options.startTimeoutSeconds, 3 * firstSeconds)
  const isOver = openPatience(host, start, seconds, 'listen')
  const secondsSince = () => Math.max(0, monotonicSeconds() - start.startedAt)
  const seen = async (
    verdict: Seen['verdict'],
    what: string,
    afterSeconds = secondsSince(),
  ): Promise<{start: ServerStart; seen: Seen}> => {
    if (start.ending() !== undefined) await start.silent
    const said = verdict === 'granted' ? [] : start.lines.errorLines()
    const known = {verdict, what, status: start.ending()?.code ?? null, afterSeconds, lines: said}
    return {start, seen: {...known, ...(survivors.length === 0 ? {} : {survivors})}}
  }
  for (;;) {
    signal.throwIfAborted()
    const ending = start.ending()
    if (ending !== undefined) return seen('refused', endingWords(ending))
    const afterSeconds = secondsSince()
    if ((await letsIn(scene)) && (await isListenersOf(scene, start))) {
      const fault = await fallsAway(scene, start, Math.max(shortestWatchSeconds, firstSeconds))
      if (fault !== undefined) return seen(...fault)
      const what = fileLeft ? 'took the place of the file that was left' : 'listened'
      return seen('granted', what, afterSeconds)
    }
    if (isOver()) return seen('hangs', 'ran, but did not listen')
    await delay(lookEveryMilliseconds, undefined, {signal})
  }
}

/** What becomes of a start that listens, if it does not stay. */
async function fallsAway(
  scene: Scene,
  start: ServerStart,
  seconds: number,
): Promise<[verdict: Seen['verdict'], what: string] | undefined> {
  const {options, host, signal} = scene
  const until = monotonicSeconds() + seconds
  const isOver = openPatience(host, start, seconds + secondsLike(0), 'accept a second client')
  for (;;) {
    signal.throwIfAborted()
    const ending = start.ending()
    if (ending !== undefined) {
      // Without a signal to stop it, ending is what the server does, once it has served its client.
      const isItsWay = options.stop === 'none' && ending.code === 0
      return isItsWay ? undefined : ['refused', `listened, then ${endingWords(ending)}`]
    }
    if (monotonicSeconds() > until) {
      if (options.stop === 'none' || (await letsIn(scene))) return undefined
      if (isOver()) return ['hangs', 'listened, then stopped listening']
    }
    await delay(lookEveryMilliseconds, undefined, {signal})
  }
}

/** Starts the command a second time while the first one listens. */
export async function startBeside(
  scene: Scene,
  first: ServerStart,
  firstSeconds: number,
): Promise<SocketStart> {
  const {path, host, options, signal} = scene
  await assertRunning(options, first)
  const before = await lookAt(path)
  const second = await startCommand(scene)
  const isOver = openPatience(host, second, secondsLike(firstSeconds), 'listen or end')
  const seen = (
    verdict: SocketStart['verdict'],
    what: string,
    status: number | null = null,
  ): SocketStart => ({
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
        const isFirstThere = first.ending() === undefined && isSame && (await letsIn(scene))
        return isFirstThere ? seen('refused', endingWords(ending), ending.code) : takesOver()
      }
      if (!isSame && (await letsIn(scene))) return takesOver()
      if (isOver()) return seen('hangs', 'ran, and listened nowhere')
      await delay(lookEveryMilliseconds, undefined, {signal})
    }
  } finally {
    await clearAway({host, signal}, second)
  }
}

/** @throws CouldNotMeasure if the server has ended, and nobody told it to */
export async function assertRunning(
  {stop}: Pick<FilledOptions, 'stop'>,
  start: ServerStart,
): Promise<void> {
  const ending = start.ending()
  if (ending === undefined || stop === 'none') return
  await start.silent
  throw new CouldNotMeasure(diedProblem(ending, start))
}

/** Whether somebody accepts connections at the path. What it answers is read, for many a server dies of EPIPE. */
async function letsIn({path, platform}: Scene): Promise<boolean> {
  const socket = connect(path).resume()
  try {
    const isDone = await new Promise<boolean | undefined>((answer) => {
      let isIn = false
      socket.once('connect', () => {
        isIn = true
        socket.end()
        socket.setTimeout(answersWithinMilliseconds)
      })
      socket.once('error', () => answer(isIn))
      socket.once('close', () => answer(isIn))
      socket.once('timeout', () => answer(isIn ? undefined : false))
      socket.setTimeout(connectWithinMilliseconds)
    })
    // The kernel connects whoever is in the listener's queue, too.
    return isDone ?? ((await platform.readUnixSockets?.(path))?.queued ?? 0) === 0
  } finally {
    socket.destroy()
  }
}

/** Whether the start has the socket, as far as the system shows who has: nobody else was there before. */
async function isListenersOf(scene: Scene, start: ServerStart): Promise<boolean> {
  const holders = await holdersAt(scene)
  if (holders.length === 0) return true
  const {host} = scene
  host.processes()
  return holders.some(({pid}) => host.startOf(pid) === start.number)
}

/** The processes of earlier starts that are alive, and which of them has a socket at the path. */
async function survivorsOf(scene: Scene, start: ServerStart): Promise<Survivor[]> {
  const {host} = scene
  if (!host.processes().some((each) => each.start !== start.number)) return []
  return survivorsBeside(host, start, await holdersAt(scene))
}

async function holdersAt({platform, path}: Scene): Promise<Holder[]> {
  const bound = await platform.readUnixSockets?.(path)
  return bound?.sockets.flatMap(({listening, holders}) => (listening ? holders : [])) ?? []
}

export async function lookAt(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}

function isSameFile(a: Stats | undefined, b: Stats | undefined): boolean {
  return a !== undefined && b !== undefined && a.ino === b.ino && a.ctimeMs === b.ctimeMs
}
