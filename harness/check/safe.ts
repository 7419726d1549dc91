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
