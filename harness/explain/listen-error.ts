import type {WhyPath, WhyPort} from '../documents/why-schema.ts'
import {UsageError} from '../errors.ts'
import {explainRefusal} from '../why/explain-refusal.ts'
import {refusalOf} from './node-error.ts'

/**
 * What is in the way of a server whose `listen` has failed, as `rebind why --json` shows it. No bind is tried, nothing is
 * stopped, and a Unix socket is asked whether it is alive by connecting once.
 * @param error what the server emitted, with the code EADDRINUSE, EACCES or EADDRNOTAVAIL
 * @throws UsageError for any other error
 */
export async function explainListenError(error: unknown): Promise<WhyPort | WhyPath> {
  const refusal = refusalOf(error)
  if (refusal !== undefined) return explainRefusal(refusal)
  throw new UsageError(
    'this is not an error of listen() on a port or path (EADDRINUSE, EACCES, EADDRNOTAVAIL); pass on what the server emitted',
  )
}
