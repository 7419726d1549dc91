import type {CheckDocument} from '../documents/check-schema.ts'

/** What a check may cost at most before it fails. */
export interface Thresholds {
  /** Seconds without a server, or in traffic without an answer. */
  maxOutageSeconds?: number
  /** Connections and requests that came to nothing. */
  maxLost?: number
  /** Seconds until the port was granted, or until the new generation answered. */
  maxWaitSeconds?: number
}

/** What was measured of each; null where it was not. */
export type Measured = Readonly<Record<keyof Thresholds, number | null>>

/** How each is named on the command line, and so in documents. */
const names: Readonly<Record<keyof Thresholds, string>> = {
  maxOutageSeconds: 'max-outage',
  maxLost: 'max-lost',
  maxWaitSeconds: 'max-wait',
}

export function judgeThresholds(
  limits: Thresholds,
  measured: Measured,
): NonNullable<CheckDocument['thresholds']> {
  return (Object.keys(names) as (keyof Thresholds)[]).flatMap((key) => {
    const limit = limits[key]
    if (limit === undefined) return []
    const value = measured[key]
    return [{name: names[key], limit, measured: value, met: value !== null && value <= limit}]
  })
}
