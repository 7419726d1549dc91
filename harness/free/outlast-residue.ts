import {monotonicSeconds} from '../clock.ts'
import type {FreeStep} from '../documents/free-schema.ts'
import {socketsInTheWay} from '../why/causes.ts'
import {
  interrupted,
  type Looking,
  liveListenerIn,
  type Problem,
  stillRefused,
  untilNextLook,
} from './looking.ts'
import {patienceSeconds, remainingSeconds, residueByEnd, waitStep} from './plan.ts'
import {destroySockets, isResidue} from './residue.ts'

/**
 * Destroys what no process has, or waits until the kernel lets go.
 * @param did what was done is added
 * @param mayDestroy false where nothing but to wait was agreed to
 * @returns why the port cannot be freed
 */
export async function outlastResidue(
  looking: Looking,
  did: FreeStep[],
  mayDestroy: boolean,
): Promise<Problem | undefined> {
  const {port, signal, tell, isFree, look} = looking
  let canDestroy = mayDestroy
  let waitsSince: number | undefined
  let isHidden = false
  let until = monotonicSeconds() + patienceSeconds
  try {
    while (!isFree()) {
      const picture = await look()
      if (signal.aborted) return interrupted
      const listener = liveListenerIn(picture)
      if (listener !== undefined) return listener
      const inTheWay = socketsInTheWay(picture)
      const residue = inTheWay.filter(isResidue)
      if (canDestroy && picture.platform.rules?.destroy != null && residue.length > 0) {
        const {destroyed, isRefused} = destroySockets(port, residue)
        did.push(...residueByEnd(destroyed.map((entry) => ({entry, holders: [], outgoing: false}))))
        canDestroy = !isRefused && destroyed.length > 0
        if (canDestroy) continue
      }
      const now = monotonicSeconds()
      const remaining = remainingSeconds(inTheWay, picture)
      if (waitsSince === undefined && remaining > 0) {
        waitsSince = now
        tell(`waits at most ${Math.ceil(remaining)} s until the kernel lets go of port ${port}`)
      }
      // What the OS hides has no timer to be seen: it is waited for once.
      if (remaining > 0 && (inTheWay.length > 0 || !isHidden)) {
        until = Math.max(until, now + remaining + patienceSeconds)
      }
      isHidden ||= inTheWay.length === 0 && remaining > 0
      if (now > until) return stillRefused(port)
      await untilNextLook(looking)
    }
    return undefined
  } finally {
    if (waitsSince !== undefined) did.push(waitStep(monotonicSeconds() - waitsSince))
  }
}
