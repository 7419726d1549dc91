import type {Timing, TimingSample} from '../documents/timing-schema.ts'
import {platformOf, ruleTexts} from '../platforms/detect.ts'
import type {Release} from '../platforms/platform.ts'
import type {TimedRelease} from './measure.ts'
import {inferSlots} from './slots.ts'
import {isWithin, longestHoldUp, quantile, spreadOf} from './summary.ts'

export interface TimedRun extends Pick<Timing, 'run' | 'host' | 'residue' | 'spreadSeconds'> {
  /** Monotonic seconds at which the run began. */
  origin: number
  releases: readonly TimedRelease[]
  /** When the platform lets the residue go; null without rules. */
  expected: Extract<Release, {endsBy: 'kernel'}> | null
}

/** timing.json of what was measured. */
export function timingDocument({origin, releases, expected, ...given}: TimedRun): Timing {
  const since = (moment: number | null) => (moment === null ? null : Math.max(0, moment - origin))
  const heldUpSeconds = longestHoldUp(releases)
  const samples = releases.map((release): TimingSample => {
    const {port, appeared, attempts, grantedAt, firstAttemptAt, lastRefusedAt} = release
    return {
      port,
      closedAtSeconds: appeared.from - origin,
      waitSeconds: grantedAt === null ? null : grantedAt - appeared.from,
      uncertaintySeconds: grantedAt === null ? null : grantedAt - (lastRefusedAt ?? appeared.from),
      attempts,
      firstAttemptAtSeconds: since(firstAttemptAt),
      lastRefusedAtSeconds: since(lastRefusedAt),
      grantedAtSeconds: since(grantedAt),
      kernelTimerSeconds: release.kernelTimerSeconds,
      asExpected: isWithin(release, expected?.residueSeconds ?? null, heldUpSeconds),
    }
  })
  const timers = releases.flatMap(({kernelTimerSeconds}) => kernelTimerSeconds ?? [])
  const kernelTimerSeconds = quantile(timers, 0.5)
  const released = samples.flatMap(({closedAtSeconds, grantedAtSeconds, ...sample}) => {
    if (grantedAtSeconds === null) return []
    const lastRefusedAtSeconds = sample.lastRefusedAtSeconds ?? closedAtSeconds
    return {closedAtSeconds, lastRefusedAtSeconds, grantedAtSeconds}
  })
  const slots = inferSlots(released, kernelTimerSeconds)
  return {
    format: 'rebind-timing',
    version: 1,
    ...given,
    rules: ruleTexts(platformOf(given.host.stack).rules, expected === null ? [] : [expected.id]),
    samples,
    summary: {
      ports: samples.length,
      released: released.length,
      unexpected: samples.filter(({asExpected}) => asExpected === false).length,
      ...spreadOf(samples.flatMap(({waitSeconds}) => waitSeconds ?? [])),
      expectedSeconds: expected?.residueSeconds ?? null,
      rule: expected?.id ?? null,
      source: expected?.source ?? null,
      attempts: samples.reduce((sum, {attempts}) => sum + attempts, 0),
      uncertainty: {
        ...spreadOf(samples.flatMap(({uncertaintySeconds}) => uncertaintySeconds ?? [])),
      },
      kernelTimerSeconds,
    },
    slots: {...slots, releases: slots.releases.map((release) => ({...release}))},
  }
}
