import {constants} from 'node:os'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import {isDense, type Pacing, pauseMilliseconds} from '../processes/pacing.ts'
import {systemError} from '../sockets/system-error.ts'

/** What the tries of one port have shown; times are monotonic seconds. */
export interface PortRelease {
  port: number
  /** When the residue appeared. */
  appeared: Bracket
  attempts: number
  firstAttemptAt: number | null
  /** When the last refused attempt was made. */
  lastRefusedAt: number | null
  /** When the granted attempt had been answered; null if none was, up to now. */
  grantedAt: number | null
}

export interface PortToWatch {
  port: number
  appeared: Bracket
  pacing: Pacing
  /** One bind(2) of a socket of its own: 0 or the error's number. */
  bind(): number
}

export interface WatchOptions {
  /** How long a port is tried, from its residue's appearance on. */
  limitSeconds: number
  /** Called once for each port after its grant, when no other port is kept waiting by it for long. */
  onRelease(release: PortRelease): void
}

/** Tries many ports until each is granted. */
export interface ReleaseWatch {
  /** The port's first attempt is made at once. */
  add(port: PortToWatch): PortRelease
  /** No more ports come: resolved when all are granted or given up; rejected with another error's SystemError. */
  finish(): Promise<void>
  stop(): void
}

interface Watched {
  release: PortRelease
  pacing: Pacing
  bind(): number
  nextAt: number
  deadline: number
}

/**
 * Slept between two dense rounds: too short for a timer of Node's. A process that never sleeps gets its share
 * of a busy machine in whole time slices, and misses tens of milliseconds at a time.
 */
const restMilliseconds = 0.2
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Grants told of between two rounds of attempts: telling takes time, which is uncertainty to the others. */
const releasesToldAtOnce = 10

/**
 * The measuring loop. Ports are tried seldom while they cannot be free, and near their release one after
 * the other, round by round from setImmediate: a timer would add its millisecond to each port's uncertainty.
 */
export function watchReleases({limitSeconds, onRelease}: WatchOptions): ReleaseWatch {
  let waiting: Watched[] = []
  const untold: PortRelease[] = []
  const finished = deferred<void>()
  let finishing = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let immediate: NodeJS.Immediate | undefined

  /** Tries all ports that are due; one reading of the clock ends an attempt and begins the next. */
  function round(): void {
    let now = monotonicSeconds()
    let done = 0
    for (const watched of waiting) {
      if (watched.nextAt > now) continue
      const {release, pacing} = watched
      const triedAt = now
      const errno = watched.bind()
      now = monotonicSeconds()
      release.attempts++
      release.firstAttemptAt ??= triedAt
      if (errno === 0) {
        release.grantedAt = now
        untold.push(release)
        done++
        continue
      }
      if (errno !== constants.errno.EADDRINUSE) {
        throw systemError('bind', errno, {address: '127.0.0.1', port: release.port})
      }
      release.lastRefusedAt = triedAt
      // The last attempt is the one made at the limit.
      if (triedAt >= watched.deadline) {
        watched.nextAt = Number.POSITIVE_INFINITY
        done++
      } else {
        watched.nextAt = Math.min(nextTry(pacing, now, release.firstAttemptAt), watched.deadline)
      }
    }
    if (done > 0) {
      waiting = waiting.filter(
        ({release, nextAt}) => release.grantedAt === null && Number.isFinite(nextAt),
      )
    }
  }

  function turn(): void {
    if (stopped) return
    try {
      round()
    } catch (error) {
      stop()
      finished.reject(error as Error)
      return
    }
    for (const release of untold.splice(0, releasesToldAtOnce)) onRelease(release)
    if (waiting.length === 0 && untold.length === 0) {
      if (finishing) finished.resolve()
      return
    }
    schedule()
  }

  function schedule(): void {
    const next = waiting.reduce(
      (least, {nextAt}) => Math.min(least, nextAt),
      Number.POSITIVE_INFINITY,
    )
    const pause = (next - monotonicSeconds()) * 1000
    clearTimeout(timer)
    clearImmediate(immediate)
    if (pause <= 0 && untold.length === 0) Atomics.wait(sleeper, 0, 0, restMilliseconds)
    if (pause < 1 || waiting.length === 0 || untold.length > 0) immediate = setImmediate(turn)
    else timer = setTimeout(turn, pause)
  }

  function stop(): void {
    stopped = true
    clearTimeout(timer)
    clearImmediate(immediate)
  }

  return {
    add({port, appeared, pacing, bind}) {
      const release: PortRelease = {
        port,
        appeared,
        attempts: 0,
        firstAttemptAt: null,
        lastRefusedAt: null,
        grantedAt: null,
      }
      waiting.push({release, pacing, bind, nextAt: 0, deadline: appeared.from + limitSeconds})
      if (!stopped) schedule()
      return release
    },
    finish() {
      finishing = true
      if (!stopped) schedule()
      return finished.promise
    },
    stop() {
      stop()
      for (const release of untold.splice(0)) onRelease(release)
      finished.resolve()
    },
  }
}

/** Seldom tries are made together, at whole seconds: a wake-up for each would cost more than the tries. */
function nextTry(pacing: Pacing, now: number, firstAttemptAt: number): number {
  if (isDense(pacing, now)) return now
  const pause = pauseMilliseconds(pacing, now, firstAttemptAt) / 1000
  return pause < 1 ? now + pause : Math.floor(now + 1)
}
