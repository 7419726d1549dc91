import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import {wasAccepted} from './connections.ts'
import type {CheckContext} from './context.ts'
import type {ListenerJudge} from './listeners.ts'
import {openPatience} from './patience.ts'
import type {Prober} from './prober.ts'
import type {ServerStart} from './server.ts'
import type {StartOutcome} from './start-outcome.ts'
import {unseenSeconds} from './start-state.ts'

/** How long a client is given to get in, once the table shows a listener. */
const connectWithinSeconds = 5
const acceptedEveryMilliseconds = 10
/** How soon after its handshake a client is looked for, on a machine that keeps up. */
const promptSeconds = 0.25
const lookEveryMilliseconds = 50
const shortestWatchSeconds = 0.5
/** How long a server may still run after it has closed its listener, if it is ending. */
const endsWithinSeconds = 1
/** The same for one that ends by itself, once it has served its client. */
const servesWithinSeconds = 5

export interface Watch {
  context: Pick<CheckContext, 'options' | 'look' | 'host' | 'signal'>
  server: ServerStart
  judge: ListenerJudge
  prober: Prober
  /** How long the command took to listen when it was first started. */
  usualSeconds: number
  /** Whether the client was accepted. */
  isLetIn: boolean
  /** Whether it may listen no longer once it has its client, as the stopped server did. */
  mayTakeLastClient: boolean
}

/**
 * A server that listens is not yet one that is there: it may end when its second port is refused, or let
 * nobody in. So a client has to have got in, and the server is watched for as long as its first start took.
 * @returns what became of it instead; undefined if it stayed up
 * @throws the reason of the signal when that is aborted
 */
export async function staysUp(watch: Watch): Promise<StartOutcome | undefined> {
  const {context, server, judge, prober, usualSeconds, isLetIn, mayTakeLastClient} = watch
  const {options, look, signal} = context
  const client = prober.connection()?.client.socket
  let until = monotonicSeconds() + Math.max(shortestWatchSeconds, usualSeconds)
  let unseenSince: number | undefined
  let closedSince: number | undefined
  for (;;) {
    signal.throwIfAborted()
    const ending = server.ending()
    if (ending !== undefined) {
      // Without a signal to stop it, ending is what the server does, once it has served its client.
      const isItsWay = options.stop === 'none' && ending.code === 0 && isLetIn
      return isItsWay ? undefined : {kind: 'ended-after-listening', ending}
    }
    if (client === undefined || !isLetIn) return {kind: 'not-let-in'}
    const at = monotonicSeconds()
    const {ours, old, others, unseen} = await judge.judge(await look(), at)
    if (others.length > 0) return {kind: 'other-process', holders: others}
    if (old.length > 0) return {kind: 'beside-old', holders: old}
    if (unseen.length > 0) {
      unseenSince ??= at
      if (at - unseenSince > unseenSeconds) return {kind: 'unseen', sockets: unseen}
      until = Math.max(until, at + lookEveryMilliseconds / 1000)
    } else unseenSince = undefined
    // One that takes a single client listens no longer once it has it. Any other that does is about to end, and our
    // client may be all that keeps it.
    const hasClient = mayTakeLastClient && !client.destroyed && !client.readableEnded
    if (ours.length === 0 && unseen.length === 0 && !hasClient) {
      closedSince ??= at
      // Whoever ends closes its listener a moment before that is reported.
      const grace = options.stop === 'none' ? servesWithinSeconds : endsWithinSeconds
      if (at - closedSince > grace) return {kind: 'stopped-listening'}
    } else if (at >= until) return undefined
    const wake = new AbortController()
    await Promise.race([
      server.ended,
      delay(lookEveryMilliseconds, undefined, {signal: wake.signal}),
    ]).finally(() => wake.abort())
  }
}

/**
 * The outage ends when a client is let in, which neither the listener proves nor a handshake. What the server waited
 * for a processor does not count.
 * @returns when it was accepted, as far as that shows, monotonic; undefined if it was not
 * @throws the reason of the signal when that is aborted
 */
export async function letClientIn({
  context: {look, host, signal},
  server,
  prober,
}: Pick<Watch, 'context' | 'server' | 'prober'>): Promise<number | undefined> {
  const isOver = openPatience(host, server, connectWithinSeconds, 'accept a client')
  let waited = false
  prober.resume()
  try {
    for (;;) {
      signal.throwIfAborted()
      const had = prober.connection()
      if (had !== undefined && wasAccepted(had.client, had.localPort, await look())) {
        const seenAt = monotonicSeconds()
        // Where all was held up since the handshake, only that it was accepted by now is sure.
        return waited || seenAt - had.at > promptSeconds ? seenAt : had.at
      }
      waited = had !== undefined
      if (server.ending() !== undefined || isOver()) return undefined
      const wake = new AbortController()
      await Promise.race([
        server.ended,
        delay(acceptedEveryMilliseconds, undefined, {signal: wake.signal}),
      ]).finally(() => wake.abort())
    }
  } finally {
    prober.pause()
  }
}
