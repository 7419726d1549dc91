import {monotonicSeconds} from '../clock.ts'
import type {FreeStep} from '../documents/free-schema.ts'
import {socketsInTheWay} from '../why/causes.ts'
import type {PortPicture} from '../why/port-picture.ts'
import {type Held, noteEnds} from './end-targets.ts'
import {interrupted, type Looking, liveListenerIn, type Problem, untilNextLook} from './looking.ts'
import {waitStep} from './plan.ts'

/**
 * Waits until the processes that were asked to end, and listen no longer, have finished what their clients wait for:
 * such a connection keeps the port from a plain bind as a listener does.
 * @param did what was done is added
 * @returns why the port cannot be freed
 */
export async function outlastWork(
  held: readonly Held[],
  looking: Looking,
  did: FreeStep[],
): Promise<Problem | undefined> {
  const {signal, isFree, look, tell, drainSeconds} = looking
  const began = monotonicSeconds()
  const steps = new Map<Held, FreeStep>()
  try {
    while (!isFree()) {
      const picture = await look()
      if (signal.aborted) return interrupted
      const listener = liveListenerIn(picture)
      if (listener !== undefined) return listener
      const working = workingOf(held, picture)
      const seconds = monotonicSeconds() - began
      for (const each of working) {
        if (!steps.has(each)) tell(workWords(each, drainSeconds - seconds))
        const {handle, command} = each
        steps.set(each, {...waitStep(seconds), pid: handle.pid, command})
      }
      const [first] = working
      if (first === undefined) return undefined
      if (seconds > drainSeconds) return tooLong(first, drainSeconds)
      await untilNextLook(looking, () => noteEnds(held))
    }
    return undefined
  } finally {
    did.push(...steps.values())
  }
}

/** Those with a connection that is in the way. */
function workingOf(held: readonly Held[], picture: PortPicture): Held[] {
  const pids = new Set(socketsInTheWay(picture).flatMap(({holders}) => holders.map(({pid}) => pid)))
  return held.filter(({handle}) => handle.isAlive() && pids.has(handle.pid))
}

function workWords({handle}: Held, seconds: number): string {
  return `process ${handle.pid} listens no longer, and finishes what its clients wait for; waits at most ${Math.ceil(seconds)} s for that`
}

function tooLong({handle}: Held, drainSeconds: number): Problem {
  return {
    because: `process ${handle.pid} listens no longer, but still has connections after ${drainSeconds} s; kill -9 ${handle.pid} ends it, and them`,
  }
}
