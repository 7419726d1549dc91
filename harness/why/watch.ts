import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Holder, HoldersOfSockets} from '../platforms/socket-holders.ts'
import type {SocketEntry} from '../platforms/socket-table.ts'
import type {Address} from '../sockets/address.ts'
import {plainBindRefusal} from './bind-trials.ts'
import {type Remaining, remainingOf} from './remaining.ts'
import {followSockets, type SocketChange} from './socket-changes.ts'

/** A socket of the port, at the time of the last reading. */
export interface WatchedSocket {
  entry: SocketEntry
  holders: Holder[]
  remaining: Remaining | null
}

export interface WatchReading {
  /** When the table was read, monotonic seconds. */
  at: number
  sockets: WatchedSocket[]
  changes: SocketChange[]
}

export interface WatchOptions {
  port: number
  platform: Platform
  settings: Settings
  /** Where a plain bind is to be granted before the watch ends; undefined if it is not to end by itself. */
  untilFreeOn: readonly Address[] | undefined
  timeoutSeconds: number | undefined
  signal: AbortSignal
  onReading(reading: WatchReading): void
  /** Why the sockets cannot be looked at, told once; only where binds are tried, and the watch goes on. */
  onUnreadable(why: string): void
}

const readEverySeconds = 0.5
/** A large table costs a tenth of a second: then it is read less often, to cost no more than this share. */
const mostOfOneCore = 0.05
const readAtLeastEverySeconds = 5
/** A refused bind costs microseconds, so the grant can be seen sooner than the next reading. */
const tryEverySeconds = 0.1

/**
 * Watches a port until it is interrupted, or times out, or a plain bind is granted where that is asked for.
 * Without that, nothing is tried, and the port is only looked at.
 * @throws Error if a bind is refused for a reason that waiting does not cure; if the sockets cannot be looked
 * at, and no bind is tried
 */
export async function watchPort(
  options: WatchOptions,
): Promise<'free' | 'timed-out' | 'interrupted'> {
  const {port, untilFreeOn, timeoutSeconds, signal} = options
  const read = reader(options)
  const began = monotonicSeconds()
  let readAgainAt = began
  while (!signal.aborted) {
    const now = monotonicSeconds()
    if (now >= readAgainAt) {
      const before = process.cpuUsage()
      await read()
      const {user, system} = process.cpuUsage(before)
      const cost = (user + system) / 1e6
      readAgainAt =
        now + Math.min(readAtLeastEverySeconds, Math.max(readEverySeconds, cost / mostOfOneCore))
    }
    const refusal = untilFreeOn === undefined ? undefined : plainBindRefusal(port, untilFreeOn)
    if (untilFreeOn !== undefined && refusal === undefined) {
      // The last change, of which the table tells now, belongs to the story.
      await read()
      return 'free'
    }
    if (refusal !== undefined && refusal !== 'EADDRINUSE') {
      throw new Error(
        `port ${port} is refused with ${refusal}, which does not pass by waiting; rebind why ${port} says more`,
      )
    }
    const left = timeoutSeconds === undefined ? Infinity : began + timeoutSeconds - now
    if (left <= 0) return 'timed-out'
    const pause = untilFreeOn === undefined ? readAgainAt - monotonicSeconds() : tryEverySeconds
    await delay(Math.max(0, Math.min(pause, left)) * 1000, undefined, {signal}).catch(
      () => undefined,
    )
  }
  return 'interrupted'
}

function reader({port, platform, settings, untilFreeOn, onReading, onUnreadable}: WatchOptions) {
  const follow = followSockets()
  let holders: HoldersOfSockets | undefined
  let told: string | undefined
  const readTable = async () => {
    try {
      return await platform.readSockets?.()
    } catch (error) {
      if (untilFreeOn === undefined) throw error
      const {message} = error as Error
      if (told !== message) onUnreadable(message)
      told = message
      return undefined
    }
  }
  return async () => {
    const table = await readTable()
    // Not the same as one in which the port has no socket.
    if (table === undefined) return
    const entries = table.filter(({local}) => local.port === port)
    const at = monotonicSeconds()
    const changes = follow(entries)
    // Who has a socket is looked up when there is a new one only: that goes through all processes.
    if (changes.some(({change}) => change !== 'gone')) {
      holders = await platform.readHolders?.(port, entries).catch(() => undefined)
    }
    onReading({
      at,
      changes,
      sockets: entries.map((entry) => {
        const held = {entry, holders: holders?.of(entry) ?? []}
        return {...held, remaining: remainingOf(held, platform, settings)}
      }),
    })
  }
}
