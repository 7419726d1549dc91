import type {CheckDocument, CheckRound} from '../documents/check-schema.ts'

/** Whether a round got its port at once, and no old process listened any more. */
export function isSafe({verdict, survivors}: CheckRound): boolean {
  return verdict === 'immediate' && !survivors.some(({listening}) => listening)
}

type SocketStart = NonNullable<CheckDocument['socket']>['starts'][number]

/** Whether a server of a Unix socket did what it should: it got its path, and no old process had it; a second one ended. */
export function isSafeStart({situation, verdict, survivors = []}: SocketStart): boolean {
  if (situation === 'beside') return verdict === 'refused'
  return verdict === 'granted' && !survivors.some(({listening}) => listening)
}

/** Whether a reload has lost nothing, by its clients and by who listened meanwhile; thresholds left out. */
export function isReloadSafe({trigger, lossless}: CheckDocument): boolean {
  if (trigger === undefined) return false
  const {reloaded, withoutListenerSeconds, missingPorts = [], oldListeners = []} = trigger
  const [atLeast] = withoutListenerSeconds
  // That nobody came just then was luck.
  const isGapless = atLeast === 0
  return (
    reloaded &&
    isGapless &&
    missingPorts.length === 0 &&
    oldListeners.length === 0 &&
    lossless !== false
  )
}
