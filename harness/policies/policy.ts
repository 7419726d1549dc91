/** The pause after a failed attempt. */
export type Pause =
  | {kind: 'fixed'; seconds: number}
  | {
      kind: 'growing'
      firstSeconds: number
      factor: number
      /** The longest pause. */
      capSeconds: number
      /** Each pause is multiplied by a random number between these two, before the cap. */
      jitter?: [from: number, to: number]
    }
  /** Nothing tries again by itself. */
  | {kind: 'none'}

/** When a policy stops trying for good. */
export type GivesUp =
  /** After so many failed attempts; where `endedWithinSeconds` is given only those count that ended as soon. */
  | {kind: 'attempts'; attempts: number; endedWithinSeconds?: number}
  /** At the start that would be one too many within an interval. */
  | {kind: 'start-limit'; starts: number; withinSeconds: number}

/** How somebody restarts a server whose port is refused. */
export interface Policy {
  title: string
  /** `process`: every attempt is a new process, which has to start first; `call`: the same process tries again. */
  attempt: 'process' | 'call'
  /** From the end of the old server to the first attempt. */
  firstPauseSeconds: number
  pause: Pause
  givesUp?: GivesUp
  /** The scenario that plays this policy for real. */
  scenario?: string
  /** Documentation or code, with its version. */
  source: string
  /** What has to be known to read the row rightly. */
  note?: string
}

/** How long one attempt takes, in seconds. */
export interface AttemptCost {
  /** From the start to the moment at which the port is asked for. */
  untilBindSeconds: number
  /** From the start to the end of an attempt that was refused. */
  untilEndSeconds: number
}

export type Outcome =
  | {granted: true; attempts: number; outageSeconds: number; overshootSeconds: number}
  | {granted: false; attempts: number; givesUpAfterSeconds: number}

const freeOfCost: AttemptCost = {untilBindSeconds: 0, untilEndSeconds: 0}

/**
 * What a policy makes of a port that comes free after so many seconds.
 * @param cost of an attempt that is a process of its own
 * @param random gives numbers from 0 to 1, for a policy with jitter
 */
export function outcomeOf(
  {attempt, firstPauseSeconds, pause, givesUp}: Policy,
  releaseSeconds: number,
  cost: AttemptCost,
  random: () => number = Math.random,
): Outcome {
  const {untilBindSeconds, untilEndSeconds} = attempt === 'process' ? cost : freeOfCost
  const isLimited = givesUp?.kind === 'start-limit' ? startLimit(givesUp) : () => false
  let startAt = firstPauseSeconds
  for (let attempts = 0; ; ) {
    if (isLimited(startAt)) return {granted: false, attempts, givesUpAfterSeconds: startAt}
    attempts++
    const bindAt = startAt + untilBindSeconds
    if (bindAt >= releaseSeconds) {
      const overshootSeconds = bindAt - releaseSeconds
      return {granted: true, attempts, outageSeconds: bindAt, overshootSeconds}
    }
    const endAt = startAt + untilEndSeconds
    const isLast =
      pause.kind === 'none' ||
      (givesUp?.kind === 'attempts' &&
        attempts >= givesUp.attempts &&
        untilEndSeconds < (givesUp.endedWithinSeconds ?? Number.POSITIVE_INFINITY))
    if (isLast) return {granted: false, attempts, givesUpAfterSeconds: endAt}
    startAt = endAt + pauseSeconds(pause, attempts, random)
  }
}

function pauseSeconds(
  pause: Exclude<Pause, {kind: 'none'}>,
  failures: number,
  random: () => number,
): number {
  if (pause.kind === 'fixed') return pause.seconds
  const {firstSeconds, factor, capSeconds, jitter: [from, to] = [1, 1]} = pause
  const multiplier = from + random() * (to - from)
  return Math.min(capSeconds, multiplier * firstSeconds * factor ** (failures - 1))
}

/**
 * As systemd counts (src/basic/ratelimit.c): an interval begins with a start and is over after its length.
 * @returns asked at each start, whether it is one too many
 */
function startLimit({
  starts,
  withinSeconds,
}: Extract<GivesUp, {kind: 'start-limit'}>): (now: number) => boolean {
  let begin = Number.NEGATIVE_INFINITY
  let count = 0
  return (now) => {
    if (now >= begin + withinSeconds) {
      begin = now
      count = 0
    }
    count++
    return count > starts
  }
}
