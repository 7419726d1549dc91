import {setMaxListeners} from 'node:events'
import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Ask} from './ask.ts'
import {type Connection, connect, Failed, type Target} from './connection.ts'
import {type Lane, type Loss, openTally, type Tally} from './tally.ts'

export interface TrafficOptions {
  target: Target
  ask: Ask
  /** New connections a second. */
  rate: number
  /** Connections that were asked once and then stand open. */
  idle: number
  /** Connections on each of which one request follows another, so that so many are always being answered. */
  inFlight: number
  /** How long a connection that was answered stays, e.g. until its owner has been looked up. */
  kept(): Promise<void>
  /** Told what the server has not caused, e.g. that no file may be opened any more. */
  onFault(error: Error): void
}

/** Clients that come, stay and ask while a server restarts. */
export interface Traffic {
  tally: Tally
  /** Opens the idle connections and those with requests, and resolves when each was answered once; then new ones begin. */
  start(): Promise<void>
  /**
   * Local ports of connections that are open now and on which requests are answered, the idle ones left out, and when
   * each connection was begun.
   */
  answeredPorts(): ReadonlyMap<number, number>
  /** How many new connections have come to their end. */
  closedVisits(): number
  /** How much later than planned new connections were, or would have been, begun at worst, in seconds. */
  latestSeconds(): number
  /** No more new ones; resolves when all that are under way have come to an end, and the idle ones were looked at again. */
  stop(): Promise<void>
  /** Closes all that is open. */
  end(): void
}

/** Timers are not more precise; what is due is begun together. */
const tickMilliseconds = 5
/** If this process was held up, this much is made up for: clients that come later are others. */
const madeUpForSeconds = 0.25
/** A server that answers at once is not to be kept busy by its answers alone. */
const requestsEverySeconds = 0.005
/** Pause of a client that was refused, before it comes again. */
const comesAgainMilliseconds = 20

export function openTraffic(options: TrafficOptions): Traffic {
  const {target, rate, idle: idleCount, inFlight, onFault} = options
  const tally = openTally()
  const answered = new Map<number, number>()
  const underWay = new Set<Promise<void>>()
  const idle: Connection[] = []
  const stopping = new AbortController()
  const over = new AbortController()
  // Every client waits for it.
  setMaxListeners(0, stopping.signal, over.signal)
  let timer: NodeJS.Timeout | undefined
  let latest = 0
  let closedVisits = 0
  let isOver = false

  async function opened(lane: Lane): Promise<Connection> {
    tally.opened(lane)
    return connect({...target, signal: over.signal})
  }

  /** Counts what became of it. */
  function failed(
    lane: Lane,
    error: unknown,
    {from, localPort = 0, reused = false}: {from: number; localPort?: number; reused?: boolean},
  ): void {
    if (isOver) return
    if (!(error instanceof Failed)) onFault(error as Error)
    else if (error.failure === 'no-port') tally.noPort()
    else lost(lane, error.failure, {from, localPort, reused})
  }

  function lost(
    lane: Lane,
    failure: Loss['failure'],
    {from, localPort, reused}: Pick<Loss, 'from' | 'localPort' | 'reused'>,
  ): void {
    tally.lost({lane, failure, from, at: monotonicSeconds(), localPort, reused})
  }

  async function askOn(connection: Connection, lane: Lane): Promise<{isLast: boolean}> {
    const askedAt = monotonicSeconds()
    const {status, isLast = false} = await connection.ask(options.ask)
    const at = monotonicSeconds()
    // Where nothing is asked, being connected is all that there is to count.
    if (options.ask.kind !== 'nothing') {
      tally.answered(lane, {askedAt, at, ...(status === undefined ? {} : {status})})
    }
    return {isLast}
  }

  async function visit(): Promise<void> {
    const from = monotonicSeconds()
    let connection: Connection | undefined
    try {
      connection = await opened('new')
      await askOn(connection, 'new')
      answered.set(connection.localPort, from)
      await options.kept()
      if (options.ask.kind === 'nothing' && connection.ended() === 'reset') {
        throw new Failed('reset', 'the connection was reset')
      }
    } catch (error) {
      failed('new', error, {from, ...portOf(connection)})
    } finally {
      if (connection !== undefined) answered.delete(connection.localPort)
      connection?.close()
      closedVisits++
    }
  }

  function track(client: Promise<void>): void {
    const tracked = client.finally(() => underWay.delete(tracked))
    underWay.add(tracked)
  }

  function beginVisits(): void {
    const startedAt = monotonicSeconds()
    let tickedAt = startedAt
    let begun = 0
    // With a low rate, too, at least the next one is to come.
    const most = Math.max(1, rate * madeUpForSeconds)
    timer = setInterval(() => {
      const now = monotonicSeconds()
      // Whether or not a client was due: whoever else looks in this process was held up, too.
      latest = Math.max(latest, now - tickedAt - tickMilliseconds / 1000)
      tickedAt = now
      const due = (now - startedAt) * rate
      // What was missed is left out, not begun in one crowd.
      if (due - begun > most) begun = due - most
      for (; due - begun >= 1; begun++) track(visit())
    }, tickMilliseconds)
  }

  /** One request after the other, on one connection for as long as the server keeps it. */
  async function keepAsking(onFirst: () => void): Promise<void> {
    let connection: Connection | undefined
    let reused = false
    while (!stopping.signal.aborted && !isOver) {
      const from = monotonicSeconds()
      try {
        if (connection === undefined || connection.ended() !== undefined) {
          connection?.close()
          reused = false
          connection = await opened('in-flight')
          const {localPort, socket} = connection
          answered.set(localPort, from)
          socket.once('close', () => answered.delete(localPort))
        }
        const {isLast} = await askOn(connection, 'in-flight')
        const early = requestsEverySeconds - (monotonicSeconds() - from)
        onFirst()
        reused = true
        if (isLast || options.ask.kind !== 'http') {
          connection.close()
          connection = undefined
        }
        if (early > 0) await delay(early * 1000)
      } catch (error) {
        failed('in-flight', error, {from, ...portOf(connection), reused})
        connection?.close()
        connection = undefined
        await delay(comesAgainMilliseconds, undefined, {signal: stopping.signal}).catch(
          () => undefined,
        )
      }
    }
    connection?.close()
  }

  async function openIdle(): Promise<void> {
    const from = monotonicSeconds()
    try {
      const connection = await opened('idle')
      idle.push(connection)
      await askOn(connection, 'idle')
    } catch (error) {
      failed('idle', error, {from})
    }
  }

  /**
   * Whoever has stood open asks again: that is when an application finds out. Not where it is unknown whether the server
   * would answer a second time: a protocol of one question would be taken for a loss.
   */
  async function askIdleAgain(connection: Connection): Promise<void> {
    const from = monotonicSeconds()
    const ended = connection.ended()
    if (ended === 'closed') return tally.closedWhileIdle()
    try {
      if (ended === 'reset') throw new Failed('reset', 'the connection was reset')
      if (options.ask.kind === 'http') await askOn(connection, 'idle')
    } catch (error) {
      failed('idle', error, {from, ...portOf(connection), reused: true})
    } finally {
      connection.close()
    }
  }

  return {
    tally,
    async start() {
      await Promise.all(Array.from({length: idleCount}, openIdle))
      const firsts = Array.from(
        {length: inFlight},
        () =>
          new Promise<void>((resolve) => {
            const asking = keepAsking(resolve)
            track(asking)
            asking.then(resolve)
          }),
      )
      const {signal} = stopping
      const late = delay(target.timeoutSeconds * 1000, undefined, {signal}).catch(() => undefined)
      await Promise.race([Promise.all(firsts), late])
      if (!isOver) beginVisits()
    },
    answeredPorts: () => answered,
    closedVisits: () => closedVisits,
    latestSeconds: () => latest,
    async stop() {
      clearInterval(timer)
      stopping.abort()
      await Promise.all(underWay)
      await Promise.all(idle.map(askIdleAgain))
    },
    end() {
      isOver = true
      clearInterval(timer)
      stopping.abort()
      over.abort()
    },
  }
}

function portOf(connection: Connection | undefined): {localPort?: number} {
  return connection === undefined ? {} : {localPort: connection.localPort}
}
