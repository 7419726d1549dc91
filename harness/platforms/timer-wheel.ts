/**
 * How late Linux's timer wheel may fire a timer, in seconds: a timer is queued at a level whose slots
 * are 8^level ticks wide and fires at the end of its slot, never early.
 * Source: kernel/time/timer.c, calc_wheel_index: LVL_SIZE 64, LVL_CLK_SHIFT 3,
 * LVL_START(n) = (LVL_SIZE - 1) << ((n - 1) * LVL_CLK_SHIFT).
 */
export function timerSlotSeconds(timeoutSeconds: number, ticksPerSecond: number): number {
  const ticks = timeoutSeconds * ticksPerSecond
  let level = 0
  while (ticks >= 63 * 8 ** level) level++
  return 8 ** level / ticksPerSecond
}

/** The tick rates that kernels are built with (kernel/Kconfig.hz). */
export const usualTickRates = [100, 250, 300, 1000] as const

/**
 * The tick rate that explains why timers of a length fire together in slots of a width; null if none of
 * the usual ones does, or more than one. All in seconds.
 */
export function tickRateOf(
  timeoutSeconds: number,
  slotSeconds: number,
  toleranceSeconds: number,
): number | null {
  const explaining = usualTickRates.filter(
    (rate) => Math.abs(timerSlotSeconds(timeoutSeconds, rate) - slotSeconds) <= toleranceSeconds,
  )
  return explaining.length === 1 ? (explaining[0] ?? null) : null
}
