import {timerSlotSeconds} from '../../harness/platforms/timer-wheel.ts'
import {test} from '../declare.ts'

const slots = [
  {timeout: 60, ticksPerSecond: 250, slot: 2.048},
  {timeout: 60, ticksPerSecond: 1000, slot: 4.096},
  {timeout: 60, ticksPerSecond: 100, slot: 5.12},
  {timeout: 5, ticksPerSecond: 250, slot: 0.256},
  {timeout: 0.1, ticksPerSecond: 250, slot: 0.004},
  // The border between the two finest levels: 63 ticks.
  {timeout: 0.62, ticksPerSecond: 100, slot: 0.01},
  {timeout: 0.63, ticksPerSecond: 100, slot: 0.08},
]

for (const {timeout, ticksPerSecond, slot} of slots) {
  test(`a timer of ${timeout} s at ${ticksPerSecond} ticks/s may be ${slot} s late`, (t) => {
    t.is(timerSlotSeconds(timeout, ticksPerSecond), slot)
  })
}
