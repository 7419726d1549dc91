import type {Result} from '../../documents/report-schema.ts'

/** One thing that was judged, as JUnit, TAP and GitHub know it. */
export interface TestCase {
  name: string
  /** What it belongs to, in words with dots between them, e.g. `linux.TIME_WAIT`. */
  group: string
  /** `unexpected` is a failure, `failed` an error: it could not be measured for a reason of its own. */
  status: Result['status']
  /** Why it is not as expected. */
  reason: string
  /** How long it took; 0 if nothing was waited for. */
  seconds: number
  /** What was seen, by name. */
  seen: Readonly<Record<string, string>>
}
