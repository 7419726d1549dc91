/**
 * The one clock of the harness: seconds on CLOCK_MONOTONIC (mach time on macOS), which every process
 * of a machine reads alike, so that times taken in the predecessor, the successor and the harness can
 * be subtracted from each other. A double keeps it exact to a few nanoseconds for months of uptime.
 */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9
}

/** When something happened, known to lie between two readings of the clock (seconds). */
export interface Bracket {
  from: number
  to: number
}
