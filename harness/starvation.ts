import {readdirSync, readFileSync} from 'node:fs'
import {monotonicSeconds} from './clock.ts'

/** Of a processor's time, what a process may have to wait for before it counts as starved. */
const starvedShare = 0.5
const sampleSeconds = 0.9
/** For how long somebody is waited for in seconds that do not count, because a process of ours was starved. */
export const starvedAtMostSeconds = 300

/**
 * How long each process has waited for a processor since it began, in seconds by pid: the second field of
 * /proc/PID/schedstat (Documentation/scheduler/sched-stats.rst), which also counts what a limit on its
 * processor time costs it. Empty where there is none.
 */
function processorWaits(pids: Iterable<number>): Map<number, number> {
  const waits = new Map<number, number>()
  for (const pid of pids) {
    const seconds = processorWait(`/proc/${pid}`)
    if (seconds !== undefined) waits.set(pid, seconds)
  }
  return waits
}

/** The same of each process' thread that waited longest: the first one may do nothing but wait for the others. */
export function longestProcessorWaits(pids: readonly number[]): number[] {
  return pids.map((pid) => {
    try {
      const tasks = `/proc/${pid}/task`
      return Math.max(
        0,
        ...readdirSync(tasks).map((each) => processorWait(`${tasks}/${each}`) ?? 0),
      )
    } catch {
      // It has ended, or this OS tells nothing of the kind.
      return 0
    }
  })
}

function processorWait(folder: string): number | undefined {
  try {
    const nanoseconds = Number(readFileSync(`${folder}/schedstat`, 'latin1').split(' ')[1])
    return Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : undefined
  } catch {
    return undefined
  }
}

/** Whether one of the processes waited for a processor more than half of the time between two readings. */
export function isStarved(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  elapsedSeconds: number,
): boolean {
  return [...after].some(([pid, waited]) => {
    const until = before.get(pid)
    return until !== undefined && waited - until > starvedShare * elapsedSeconds
  })
}

/**
 * Tells, whenever asked again after a second or so, whether one of the processes was kept from running since:
 * one that waits for another which is kept from running is not to blame either.
 */
export function watchStarvation(pids: () => Iterable<number>): () => boolean {
  let sampledAt = Number.NEGATIVE_INFINITY
  let waits: ReadonlyMap<number, number> = new Map()
  let starved = false
  return () => {
    const now = monotonicSeconds()
    const elapsed = now - sampledAt
    if (elapsed < sampleSeconds) return starved
    const read = processorWaits(pids())
    starved = isStarved(waits, read, elapsed)
    waits = read
    sampledAt = now
    return starved
  }
}

/** Counts from now on the seconds in which none of the processes was kept from running; too many others count, too. */
export interface RunningClock {
  seconds(): number
  /** Whether somebody was kept from running for so long that this was counted. */
  isOverdrawn(): boolean
}

export function openRunningClock(pids: () => Iterable<number>): RunningClock {
  const isKept = watchStarvation(pids)
  isKept()
  let askedAt = monotonicSeconds()
  let ran = 0
  let starved = 0
  return {
    seconds() {
      const now = monotonicSeconds()
      const passed = now - askedAt
      askedAt = now
      if (isKept()) starved += passed
      else ran += passed
      return ran + Math.max(0, starved - starvedAtMostSeconds)
    },
    isOverdrawn: () => starved > starvedAtMostSeconds,
  }
}

/**
 * Tells whether so many seconds have passed since now in which none of the processes was kept from running, or far
 * more of any kind.
 */
export function openRunningTime(seconds: number, pids: () => Iterable<number>): () => boolean {
  const clock = openRunningClock(pids)
  return () => clock.seconds() > seconds
}
