import type {Platform, Settings} from '../platforms/platform.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {isKernelHeld} from '../platforms/tcp-states.ts'
import type {PortSocket} from './port-picture.ts'

/** Seconds until the kernel lets go, at the earliest and at the latest. */
export type Remaining = [min: number, max: number]

/**
 * How long a socket still stays, or null where that is up to a process or to the other side. The kernel's
 * timer tells the earliest moment; its timer wheel may be late by what the platform's release allows for.
 */
export function remainingOf(
  {entry, holders}: Pick<PortSocket, 'entry' | 'holders'>,
  platform: Platform,
  settings: Settings,
): Remaining | null {
  const {state, expiresInSeconds, inode} = entry
  const range = releaseRange(state, platform, settings)
  if (expiresInSeconds !== null) {
    const lateness = range === null ? 0 : range[1] - range[0]
    return [expiresInSeconds, expiresInSeconds + lateness]
  }
  const held = holders.length > 0 || inode !== undefined
  return range === null || held || !isKernelHeld(state) ? null : [0, range[1]]
}

/** From the moment when such a residue appears; null where no timer of the kernel ends it. */
export function releaseRange(
  state: TcpState,
  {rules}: Platform,
  settings: Settings,
): Remaining | null {
  const release = rules?.release(state, settings)
  return release?.endsBy === 'kernel' ? release.residueSeconds : null
}

/** When the last of several is gone; null if one of them stays until somebody acts. */
export function lastRemaining(all: readonly (Remaining | null)[]): Remaining | null {
  const last: Remaining = [0, 0]
  for (const each of all) {
    if (each === null) return null
    last[0] = Math.max(last[0], each[0])
    last[1] = Math.max(last[1], each[1])
  }
  return last
}
