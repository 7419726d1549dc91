import type {CheckRound} from '../documents/check-schema.ts'

/** Whether a round got its port at once, and no old process listened any more. */
export function isSafe({verdict, survivors}: CheckRound): boolean {
  return verdict === 'immediate' && !survivors.some(({listening}) => listening)
}
