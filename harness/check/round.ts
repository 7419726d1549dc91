import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {CheckProblem, CheckRound} from '../documents/check-schema.ts'
import {resetSocket} from '../sockets/reset.ts'
import {isOutOfFiles} from '../sockets/system-error.ts'
import {type OpenConnection, openConnections, openOne} from './connections.ts'
import type {CheckContext, RunningServer} from './context.ts'
import {diedProblem} from './could-not-measure.ts'
import {openListened} from './listened.ts'
import type {FilledOptions} from './options.ts'
import {openProber, type Prober} from './prober.ts'
import {daemonProblem, unreachableProblem} from './problems.ts'
import {restart} from './restart.ts'
import {stopServer} from './stop.ts'

const endsWithinMilliseconds = 500

type PlayedRound =
  | {round: CheckRound; successor: RunningServer | undefined}
  | {problem: CheckProblem}

/** One restart: connections are open, the server is stopped, and started again until it listens. */
export async function playRound(
  context: CheckContext,
  number: number,
  server: RunningServer,
): Promise<PlayedRound> {
  const {options, look, signal} = context
  const {address, port, hold, connections: count, send} = options
  const {start} = server
  let opened: {connections: OpenConnection[]; accepted: number | null}
  try {
    opened = await openConnections({
      count,
      host: address,
      port,
      hold,
      send,
      look,
      have: server.waiting === undefined ? [] : [server.waiting],
      signal,
    })
  } catch (error) {
    signal.throwIfAborted()
    if (isOutOfFiles(error)) throw error
    // A server that ends as soon as it has a client may be gone before the client's connect has returned.
    const ending = await Promise.race([
      start.ended,
      delay(endsWithinMilliseconds, undefined, {signal}),
    ])
    if (ending !== undefined) {
      await start.silent
      return {problem: diedProblem(ending, start)}
    }
    return {problem: unreachableProblem(error as Error, options, start)}
  }
  const {connections, accepted} = opened
  const others = await openToOtherPorts(options)
  for (const {localPort} of connections) context.usedPorts.add(localPort)
  const prober = proberFor(context)
  const listened = openListened(server.spans)
  let successor: RunningServer | undefined
  try {
    const stop = await stopServer(context, start, {prober, listened})
    if (stop.kind === 'daemonised') return {problem: daemonProblem(stop.holders)}
    const {listenedToTheEnd, tookLastClient} = stop
    const restarted = await restart(number, {
      ...{context, predecessor: server, connections, prober, listened},
      ...{listenedToTheEnd, tookLastClient},
    })
    successor = restarted.successor
    const {attempts, errors, firstAttemptAt, grantedAt, acceptedAt, survivors} = restarted
    const waited = grantedAt === null ? null : Math.max(0, grantedAt - firstAttemptAt)
    const verdict = grantedAt === null ? 'blocked' : errors.length === 0 ? 'immediate' : 'delayed'
    const round: CheckRound = {
      startupSeconds: server.startupSeconds,
      exitSeconds: Math.max(0, stop.ending.seconds - stop.stoppedAt),
      exitedBy: stop.exitedBy,
      exitStatus: stop.ending.code,
      exitSignal: stop.ending.signal,
      stopTimedOut: stop.timedOut,
      connections: {
        open: connections.length,
        accepted,
        endedByServer: connections.filter((each) => each.endedByServer()).length,
        reset: connections.filter((each) => each.wasReset()).length,
      },
      residue: restarted.residue,
      verdict,
      ...(grantedAt === null && signal.aborted ? {interrupted: true} : {}),
      attempts,
      outageSeconds: acceptedAt === null ? null : Math.max(0, acceptedAt - stop.stoppedAcceptingAt),
      waitSeconds: verdict === 'immediate' ? 0 : waited,
      refusedConnections: prober.counts.refused,
      failedConnections: prober.counts.failed,
      errors,
      survivors,
      listened: listened.spans.map(({pid, from, to}) => ({
        pid,
        from: Math.max(0, from - server.first.startedAt),
        to: Math.max(0, to - server.first.startedAt),
      })),
    }
    context.onEvent?.('result', {at: monotonicSeconds(), scenario: `round-${number}`, ...round})
    return {round, successor}
  } finally {
    prober.pause()
    // Nobody else ends a connection that came about between two attempts.
    if (successor === undefined) prober.reject()
    for (const used of prober.ports) context.usedPorts.add(used)
    for (const {client} of [...connections, ...others]) resetSocket(client.socket)
  }
}

/** A client on each other port, so that a stop leaves on them what it leaves on the checked one. */
async function openToOtherPorts({address, alsoPorts, hold}: FilledOptions) {
  const opened = await Promise.allSettled(alsoPorts.map((port) => openOne(address, port, hold)))
  // A debugger may listen on another address than the server does.
  return opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
}

/** The client that tries to connect during a restart. */
function proberFor({options, platform, settings, usedPorts}: CheckContext): Prober {
  const {address, port, hold} = options
  const ephemeralPorts = platform.ephemeralPorts(settings)
  return openProber({host: address, port, hold, ephemeralPorts, avoid: usedPorts})
}
