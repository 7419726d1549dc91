/** A server that tries again by itself shows by taking this much longer than twice its first start. */
const spokenRetrySeconds = 0.25
const silentRetrySeconds = 0.5
const unseenRetrySeconds = 5

/** What two starts of a server differ by, so that as much may be unknown of both together. */
const knownSeconds = 0.25

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

export interface Starts {
  /** The first start, with nothing in its way: from what it surely took to what was seen. */
  first: {atLeastSeconds: number; startupSeconds: number}
  /** From the start of this one until it was seen to listen. */
  tookSeconds: number
  /** What of that its processes waited for a processor, or we to look again: it says nothing of the port. */
  unknownSeconds: number
  afterWordsSeconds: number | undefined
}

/** Whether a start may have been late: held against the shortest that the first one may have been. */
export function mayBeLate({first, tookSeconds, afterWordsSeconds}: Starts): Late | undefined {
  return howLate({firstSeconds: first.atLeastSeconds, seconds: tookSeconds, afterWordsSeconds})
}

/** Whether it was late for certain: the least that it took, held against the longest that the first one took. */
export function surelyLate(starts: Starts): Late | undefined {
  const {first, tookSeconds, unknownSeconds, afterWordsSeconds} = starts
  return howLate({
    firstSeconds: first.startupSeconds,
    seconds: tookSeconds - unknownSeconds,
    // It may have listened before it was seen to: then its words came after that.
    afterWordsSeconds:
      afterWordsSeconds === undefined ? undefined : afterWordsSeconds - unknownSeconds,
  })
}

/** Whether a start waited for a processor for so long that what it did not do in time says nothing. */
export function isStarved(seconds: number): boolean {
  return seconds >= knownSeconds
}

/**
 * Whether a start may still have been under way when the limit cut it off.
 * @param ranSeconds from the start to the limit, of which its processes waited `starved` seconds for a processor
 * @param patienceSeconds what a start may take
 */
export function isStarting(start: {
  ranSeconds: number
  starved: number
  patienceSeconds: number
}): boolean {
  return start.ranSeconds - start.starved < start.patienceSeconds
}

/** Whether so little is unknown of both starts that one that was not surely late was not late. */
export function isKnown({first, unknownSeconds}: Starts): boolean {
  // A start is compared with twice the first one.
  return unknownSeconds + 2 * (first.startupSeconds - first.atLeastSeconds) < knownSeconds
}
