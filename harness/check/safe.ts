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

/**
 * Whether nobody listened for a while. A single look that shows nobody proves it, also if that may have been for 0 s: a look
 * reads the listeners twice, one reading after the other (sock-diag.ts). If the new one came before the old one went, and
 * the first reading missed both, the second shows the new one. /proc/net/tcp is read once, and tcp6 beside it: there, a
 * handover from IPv4 to IPv6 within one reading may be missed.
 */
export function hasGap({
  withoutListenerSeconds: [, atMost],
}: NonNullable<CheckDocument['trigger']>): boolean {
  return atMost > 0
}

/** Whether a reload has lost nothing, by its clients and by who listened meanwhile; thresholds left out. */
export function isReloadSafe({trigger, lossless}: CheckDocument): boolean {
  if (trigger === undefined) return false
  const {reloaded, missingPorts = [], oldListeners = []} = trigger
  return (
    reloaded &&
    // That nobody came just then was luck.
    !hasGap(trigger) &&
    missingPorts.length === 0 &&
    oldListeners.length === 0 &&
    lossless !== false
  )
}
