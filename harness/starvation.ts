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

/** Seconds that passed, by whether somebody was kept from running. */
export interface RunningCount {
  ran: number
  starved: number
  /** Waits that were read only when the seconds of them had been counted; as many more do not count. */
  owed: number
}

export const nothingRan: RunningCount = {ran: 0, starved: 0, owed: 0}

/** @param waited what the one that waited longest for a processor did so meanwhile, as far as the system has told */
export function countRunning(
  {ran, starved, owed}: RunningCount,
  passed: number,
  waited: number,
): RunningCount {
  const due = owed + waited
  const kept = Math.min(passed, due)
  return {ran: ran + passed - kept, starved: starved + kept, owed: due - kept}
}

/** Counts from now on the seconds in which no process waits for a processor; too many others count, too. */
export interface RunningClock {
  seconds(): number
  /** Whether somebody waited for so long that this was counted. */
  isOverdrawn(): boolean
}

/** Of shorter times two that run by turns would each have waited all of it. */
const readEverySeconds = 0.5

export function openRunningClock(pids: () => Iterable<number>): RunningClock {
  let count = nothingRan
  let waits: ReadonlyMap<number, number> = processorWaits(pids())
  let readAt = monotonicSeconds()
  let countedAt = readAt
  return {
    seconds() {
      const now = monotonicSeconds()
      let waited = 0
      if (now - readAt >= readEverySeconds) {
        const read = processorWaits(pids())
        waited = longestWait(waits, read)
        waits = read
        readAt = now
      }
      count = countRunning(count, now - countedAt, waited)
      countedAt = now
      return count.ran + Math.max(0, count.starved - starvedAtMostSeconds)
    },
    isOverdrawn: () => count.starved > starvedAtMostSeconds,
  }
}

function longestWait(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
): number {
  const waited = [...after].map(([pid, seconds]) => seconds - (before.get(pid) ?? seconds))
  return Math.max(0, ...waited)
}

/** Tells whether so many seconds have passed since now in which no process waited for a processor, or far more of any kind. */
export function openRunningTime(seconds: number, pids: () => Iterable<number>): () => boolean {
  const clock = openRunningClock(pids)
  return () => clock.seconds() > seconds
}
