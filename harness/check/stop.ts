import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckRound} from '../documents/check-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import {openEndingTime} from './clear-away.ts'
import type {CheckContext} from './context.ts'
import {
  CouldNotMeasure,
  diedProblem,
  notEndedProblem,
  notPermittedProblem,
} from './could-not-measure.ts'
import type {Listened} from './listened.ts'
import {openListenerJudge, socketKey} from './listeners.ts'
import type {Prober} from './prober.ts'
import type {ServerStart} from './server.ts'

export type Stop =
  | {kind: 'daemonised'; holders: Holder[]}
  | {
      kind: 'stopped'
      /** When the signal was sent; with `none`, when the wait began. Monotonic, as are the others. */
      stoppedAt: number
      stoppedAcceptingAt: number
      /** It listened no longer though nothing had told it to stop, as one that takes a single client and has it. */
      tookLastClient: boolean
      /** The last look before the command had ended still showed a listener. */
      listenedToTheEnd: boolean
      ending: CommandEnding
      exitedBy: CheckRound['exitedBy']
      timedOut: boolean
    }

const lookEveryMilliseconds = 10
/** A server that does not listen any more may be about to end: that is not the work of the stop signal. */
const endsByItselfWithinSeconds = 0.5

/**
 * Has the server exit, with SIGKILL to all of its processes if it does not in time.
 * @throws CouldNotMeasure if it ended before, may not be sent signals, or survives SIGKILL
 */
export async function stopServer(
  context: CheckContext,
  server: ServerStart,
  {prober, listened}: {prober: Prober; listened: Listened},
): Promise<Stop> {
  const {options, look, host, signal, onEvent} = context
  const {stop, stopTimeoutSeconds} = options
  const judge = openListenerJudge(context, server, listened)
  const lookedAt = monotonicSeconds()
  const before = await look()
  const {ours} = await judge.judge(before, lookedAt)
  if (ours.length === 0) await endOrPass(server, endsByItselfWithinSeconds)
  // The process table knows of an end before the guardian does.
  if (server.ending() !== undefined || !host.processes().some(({pid}) => pid === server.pid)) {
    const ending = await hearOfEnd(context, server)
    // By a look that began after the end: the one before may have seen the listener that ended with it.
    const left = await judge.judge(await look(), monotonicSeconds())
    if (ending.code === 0 && left.ours.length > 0) {
      return {kind: 'daemonised', holders: left.ours}
    }
    if (stop !== 'none') {
      await server.silent
      throw new CouldNotMeasure(diedProblem(ending, server))
    }
  }
  const sockets = new Set(before.listeners.map(socketKey))
  const stoppedAt = monotonicSeconds()
  const deadline = stoppedAt + stopTimeoutSeconds
  if (stop !== 'none') await sendStop(context, server, stop)
  onEvent?.('step', {at: stoppedAt, step: `stop ${stop}`})
  let stoppedAcceptingAt: number | undefined
  let isNotEnding: (() => boolean) | undefined
  while (server.ending() === undefined) {
    signal.throwIfAborted()
    const at = monotonicSeconds()
    if (stoppedAcceptingAt === undefined) {
      const view = await look()
      if (view.listeners.length > 0) {
        // The socket that they had is still there.
        if (view.listeners.some((entry) => sockets.has(socketKey(entry)))) listened.note(ours, at)
      } else {
        stoppedAcceptingAt = at
        prober.resume()
      }
    }
    if (at > deadline && isNotEnding === undefined) {
      isNotEnding = openEndingTime(() => [server.pid])
      killAll(context)
    }
    if (isNotEnding?.() === true) {
      throw new CouldNotMeasure(notEndedProblem(context, [server.pid]))
    }
    await nextLook(server)
  }
  const ending = await server.ended
  onEvent?.('process', {
    at: ending.seconds,
    role: 'predecessor',
    pid: server.pid,
    change: 'ended',
    status: ending.code,
    signal: ending.signal,
  })
  const timedOut = isNotEnding !== undefined
  return {
    kind: 'stopped',
    stoppedAt,
    tookLastClient:
      before.listeners.length === 0 || (stop === 'none' && stoppedAcceptingAt !== undefined),
    listenedToTheEnd: stoppedAcceptingAt === undefined,
    stoppedAcceptingAt: Math.min(stoppedAcceptingAt ?? ending.seconds, ending.seconds),
    ending,
    exitedBy: timedOut ? 'SIGKILL' : stop === 'none' ? 'itself' : stop,
    timedOut,
  }
}

/**
 * The end of a process that is not in the table any more, of which the guardian tells a moment later.
 * @throws CouldNotMeasure if it does not; the reason of the signal when that is aborted
 */
async function hearOfEnd(context: CheckContext, server: ServerStart): Promise<CommandEnding> {
  const isOver = openEndingTime(() => [server.pid])
  for (;;) {
    context.signal.throwIfAborted()
    const ending = server.ending()
    if (ending !== undefined) return ending
    if (isOver()) throw new CouldNotMeasure(notEndedProblem(context, [server.pid]))
    await nextLook(server)
  }
}

function nextLook(server: ServerStart): Promise<void> {
  return endOrPass(server, lookEveryMilliseconds / 1000)
}

/** Waits until the server has ended, or so much time has passed. */
async function endOrPass(server: ServerStart, seconds: number): Promise<void> {
  const wake = new AbortController()
  await Promise.race([
    server.ended,
    delay(seconds * 1000, undefined, {signal: wake.signal}),
  ]).finally(() => wake.abort())
}

/** @throws CouldNotMeasure if the server is another user's */
export async function sendStop(
  context: Pick<CheckContext, 'host'>,
  server: ServerStart,
  stop: NodeJS.Signals,
): Promise<void> {
  try {
    await context.host.signal(server, stop)
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException
    // It has just ended.
    if (code === 'ESRCH') return
    if (code !== 'EPERM') throw error
    throw new CouldNotMeasure(notPermittedProblem(context, [server.pid], stop))
  }
}

function killAll(context: CheckContext): void {
  const {host} = context
  const forbidden = host.kill(host.processes().map(({pid}) => pid))
  if (forbidden.length > 0) {
    throw new CouldNotMeasure(notPermittedProblem(context, forbidden, 'SIGKILL'))
  }
}
