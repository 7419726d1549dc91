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
