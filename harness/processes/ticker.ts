import {monotonicSeconds} from '../clock.ts'

/** Who waits, and until when. */
interface Waiting {
  at: number
  ring(): void
}

/**
 * Slept between two turns while somebody's moment is near: too short for a timer of Node's. A process that never
 * sleeps gets its share of a busy machine in whole time slices, and misses tens of milliseconds at a time.
 */
const restMilliseconds = 1
/** Node's timers are whole milliseconds, and late by up to one. */
const nearMilliseconds = 1.5
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/**
 * The one clock of a process that many wait by, each for a moment of its own: all that are due are rung in one
 * turn. A timer for each would add its millisecond to everybody's uncertainty.
 */
export interface Ticker {
  /** Calls `ring` once, at that moment (monotonic seconds) or as soon after it as can be. */
  ringAt(at: number, ring: () => void): void
  /** It shall not be rung any more. */
  forget(ring: () => void): void
}

export function openTicker(): Ticker {
  let waiting: Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  let immediate: NodeJS.Immediate | undefined

  function turn(): void {
    immediate = undefined
    timer = undefined
    const now = monotonicSeconds()
    const due = waiting.filter(({at}) => at <= now).sort((one, other) => one.at - other.at)
    if (due.length > 0) waiting = waiting.filter(({at}) => at > now)
    for (const {ring} of due) ring()
    schedule()
  }

  function schedule(): void {
    if (immediate !== undefined) return
    clearTimeout(timer)
    timer = undefined
    if (waiting.length === 0) return
    const next = waiting.reduce((least, {at}) => Math.min(least, at), Number.POSITIVE_INFINITY)
    const left = (next - monotonicSeconds()) * 1000
    if (left > nearMilliseconds) {
      timer = setTimeout(turn, left - 1)
      return
    }
    immediate = setImmediate(() => {
      const rest = Math.min(restMilliseconds, (next - monotonicSeconds()) * 1000)
      if (rest > 0) Atomics.wait(sleeper, 0, 0, rest)
      turn()
    })
  }

  return {
    ringAt(at, ring) {
      waiting.push({at, ring})
      schedule()
    },
    forget(ring) {
      waiting = waiting.filter((each) => each.ring !== ring)
      schedule()
    },
  }
}
