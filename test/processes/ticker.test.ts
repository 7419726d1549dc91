import test from 'ava'
import {monotonicSeconds} from '../../harness/clock.ts'
import {openTicker} from '../../harness/processes/ticker.ts'

test('everybody is rung once, in the order of their moments and never before them', async (t) => {
  const ticker = openTicker()
  const began = monotonicSeconds()
  const rung: number[] = []
  const moments = [0.03, 0.001, 0.0104, 0.0004, 0.01]
  await Promise.all(
    moments.map(
      (after) =>
        new Promise<void>((resolve) => {
          ticker.ringAt(began + after, () => {
            t.true(monotonicSeconds() >= began + after)
            rung.push(after)
            resolve()
          })
        }),
    ),
  )
  t.deepEqual(
    rung,
    moments.toSorted((one, other) => one - other),
  )
})

test('who is forgotten is not rung', async (t) => {
  const ticker = openTicker()
  const forgotten = () => t.fail()
  const began = monotonicSeconds()
  ticker.ringAt(began + 0.002, forgotten)
  ticker.forget(forgotten)
  await new Promise<void>((resolve) => ticker.ringAt(began + 0.004, resolve))
  t.pass()
})

test('rings asked for from a ring come, however near they are', async (t) => {
  const ticker = openTicker()
  let left = 50
  await new Promise<void>((resolve) => {
    const again = () => {
      left--
      if (left === 0) resolve()
      else ticker.ringAt(monotonicSeconds() + 0.0004, again)
    }
    again()
  })
  t.is(left, 0)
})
