/** A server that tries again by itself shows by taking this much longer than twice its first start. */
const spokenRetrySeconds = 0.25
const silentRetrySeconds = 0.5
const unseenRetrySeconds = 5

export interface StartTimes {
  /** What the first start took until it listened, when nothing was in its way. */
  firstSeconds: number
  /** What this one took, without what its processes waited for a processor. */
  seconds: number
  /** From when it first wrote that an address is in use until it listened; undefined where it wrote no such thing. */
  afterWordsSeconds: number | undefined
}

export interface Late {
  /** It wrote that an address is in use, and listened only a while after that. */
  saidSo: boolean
  /** Longer than any usual difference between two starts. */
  byFar: boolean
}

/**
 * Whether a start took so long that the server may have tried again by itself. Words are a sign only where
 * listening came a while after them: what a server writes once it listens, such as "e-mail address already in
 * use", says nothing of its port, however slow its start was.
 */
export function howLate({firstSeconds, seconds, afterWordsSeconds}: StartTimes): Late | undefined {
  const saidSo = afterWordsSeconds !== undefined && afterWordsSeconds > spokenRetrySeconds
  const usual = 2 * firstSeconds + (saidSo ? spokenRetrySeconds : silentRetrySeconds)
  if (seconds <= usual) return undefined
  return {saidSo, byFar: seconds > 3 * firstSeconds + unseenRetrySeconds}
}
