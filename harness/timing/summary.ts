import type {Bracket} from '../clock.ts'
import {counted} from '../documents/words.ts'
import type {PortRelease} from '../restart/release.ts'

/** The value below which the given share of them lies (nearest rank); null of none. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null
}

/** What is known of a set of waits, in seconds; null where no port was released. */
export interface Spread {
  minSeconds: number | null
  medianSeconds: number | null
  p95Seconds: number | null
  maxSeconds: number | null
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    minSeconds: quantile(values, 0),
    medianSeconds: quantile(values, 0.5),
    p95Seconds: quantile(values, 0.95),
    maxSeconds: quantile(values, 1),
  }
}

/** Why a timing says nothing of the distribution: of early releases alone. Undefined if all ports were released. */
export function cutShortWords({
  run: {interrupted},
  summary: {ports, released},
}: {
  run: {interrupted?: string | undefined}
  summary: {ports: number; released: number}
}): string | undefined {
  if (interrupted === undefined && released >= ports) return undefined
  const how = interrupted === undefined ? 'ended' : 'was interrupted'
  return `${how} with ${released} of ${counted(ports, 'port')} released, so later releases are missing; measure again`
}

/** Between which bounds the residue's true time lies; without an upper one if it was not granted. */
function residueTime({appeared, lastRefusedAt, grantedAt}: PortRelease): Bracket {
  return {
    from: lastRefusedAt === null ? 0 : Math.max(0, lastRefusedAt - appeared.to),
    to: grantedAt === null ? Number.POSITIVE_INFINITY : grantedAt - appeared.from,
  }
}

/** The longest time that the machine kept us from trying a port again: as late may the kernel's timer have been. */
export function longestHoldUp(releases: readonly PortRelease[]): number {
  return releases.reduce((longest, {grantedAt, lastRefusedAt}) => {
    if (grantedAt === null || lastRefusedAt === null) return longest
    return Math.max(longest, grantedAt - lastRefusedAt)
  }, 0)
}

/**
 * Whether a residue's time lies in the platform's range, as far as that can be told; null without a range,
 * of a port that was given up while its release might still come, of one that was tried too late to be
 * refused once, and of one that was released late by no more than the machine held us up.
 */
export function isWithin(
  release: PortRelease,
  range: readonly [min: number, max: number] | null,
  heldUpSeconds = 0,
): boolean | null {
  if (range === null) return null
  const {from, to} = residueTime(release)
  if (to < range[0] || from > range[1] + heldUpSeconds) return false
  if (from > range[1]) return null
  return release.grantedAt === null || release.lastRefusedAt === null ? null : true
}
