import {greatestOf, leastOf} from '../extremes.ts'
import {tickRateOf} from '../platforms/timer-wheel.ts'
import {quantile} from './summary.ts'

/** One port: when its residue appeared, and between which attempts it was released; seconds of any one origin. */
export interface ReleasedPort {
  closedAtSeconds: number
  lastRefusedAtSeconds: number
  grantedAtSeconds: number
}

/** Ports that the operating system released at the same instant. */
export interface CommonRelease {
  atSeconds: number
  ports: number
  /** From the first of their closings to the last. */
  closedWithinSeconds: number
}

export interface Slots {
  /** Null if the ports were not released in common instants, or in too few of them to tell. */
  widthSeconds: number | null
  inferredHz: number | null
  releases: CommonRelease[]
}

/** The kernel needs some time for all timers of an instant, more if it is busy. */
const sameInstantSeconds = 0.025

/**
 * Sorts ports by the instants at which they were released: each lies between a port's last refusal and its
 * grant, and ports between whose attempts a common instant fits are taken to share it.
 */
export function commonReleases(ports: readonly ReleasedPort[]): CommonRelease[] {
  return grouped(ports).map((group) => {
    const closed = group.map(({closedAtSeconds}) => closedAtSeconds)
    return {
      atSeconds: group[0]?.grantedAtSeconds ?? 0,
      ports: group.length,
      closedWithinSeconds: greatestOf(closed) - leastOf(closed),
    }
  })
}

/** In the order of the instants; the first port of a group is the first that was granted. */
function grouped(ports: readonly ReleasedPort[]): ReleasedPort[][] {
  const groups: ReleasedPort[][] = []
  for (const port of [...ports].sort((a, b) => a.grantedAtSeconds - b.grantedAtSeconds)) {
    const group = groups.at(-1)
    const instant = group?.[0]?.grantedAtSeconds ?? Number.NEGATIVE_INFINITY
    if (group !== undefined && port.lastRefusedAtSeconds <= instant + sameInstantSeconds) {
      group.push(port)
    } else groups.push([port])
  }
  return groups
}

/**
 * Infers the slots in which an operating system releases ports. Ports closed at different moments and
 * released at the same instant show that there are slots; the distances of those instants show their
 * width, and the width together with the timer's length shows Linux's tick rate.
 * @param timerSeconds the length of the timer, as the kernel showed it; null where it does not
 */
export function inferSlots(ports: readonly ReleasedPort[], timerSeconds: number | null): Slots {
  const releases = commonReleases(ports)
  const unknown = {widthSeconds: null, inferredHz: null, releases}
  const uncertainty = quantile(
    ports.map(
      ({lastRefusedAtSeconds, grantedAtSeconds}) => grantedAtSeconds - lastRefusedAtSeconds,
    ),
    0.5,
  )
  const tolerance = sameInstantSeconds + (uncertainty ?? 0)
  const shared = releases.filter(({closedWithinSeconds}) => closedWithinSeconds > 2 * tolerance)
  // Without slots each port has an instant of its own, apart from what happens to be close together.
  if (shared.length * 2 < releases.length) return unknown
  const gaps = releases
    .slice(1)
    .map(({atSeconds}, index) => atSeconds - (releases[index]?.atSeconds ?? 0))
  if (gaps.length === 0) return unknown
  const least = leastOf(gaps)
  // A slot in which no port ran out makes a gap of two widths.
  const widths = gaps.reduce((sum, gap) => sum + Math.round(gap / least), 0)
  const widthSeconds = gaps.reduce((sum, gap) => sum + gap, 0) / widths
  return {
    widthSeconds,
    inferredHz: timerSeconds === null ? null : tickRateOf(timerSeconds, widthSeconds, tolerance),
    releases,
  }
}
