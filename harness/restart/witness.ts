import {monotonicSeconds} from '../clock.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Hosts} from '../processes/hosts.ts'
import type {Actor} from '../processes/launch.ts'
import type {BindAttempt} from '../processes/protocol.ts'
import {pacingFor} from './pacing.ts'
import type {PortRelease} from './release.ts'
import {leaveResidue} from './residue.ts'

export interface WitnessOptions {
  hosts: Pick<Hosts, 'enter'>
  platform: Platform
  settings: Settings
  limitSeconds: number
  takePort(): Promise<number>
  onRelease(release: PortRelease): void
}

/** A port that shows when another one is released, on which a probe would be in the way. */
export interface Witness {
  /** Leaves the witness's TIME_WAIT, and begins to watch for its release. */
  leave(): Promise<void>
  /** Resolved when the witness is released, or given up; at once if it was never left. */
  done(): Promise<void>
  end(): void
}

const address = '127.0.0.1'

/**
 * Whoever tries a port every millisecond would sooner or later hold it for the microsecond in which the
 * server asks for it, and be the cause of a refusal. A second port, left in TIME_WAIT within milliseconds,
 * is in the same slot of the kernel's timers and comes free at the same instant. It is tried as any
 * successor tries, and closed as soon as it is granted.
 */
export function openWitness(options: WitnessOptions): Witness {
  const {hosts, platform, settings, limitSeconds, takePort, onRelease} = options
  let actor: Actor | undefined
  let done: Promise<unknown> = Promise.resolve()
  let over = false
  return {
    async leave() {
      const port = await takePort()
      const {appeared} = await leaveResidue(port, 'TIME_WAIT')
      if (over) return
      const release = notYetReleased(port, appeared)
      actor = await hosts.enter('successor', {
        onAttempts: (made) => {
          for (const attempt of made) note(release, attempt)
          if (release.grantedAt === null) return
          onRelease(release)
          actor?.kill()
        },
      })
      if (over) return actor.kill()
      const question = {platform, settings, sockets: null, assumed: 'TIME_WAIT'} as const
      const server = {opener: 'native', bind: 'none', address, port, reads: true} as const
      const asked = actor.request('restart', {
        server: {...server, greeting: ''},
        limitSeconds: Math.max(0, appeared.from + limitSeconds - monotonicSeconds()),
        wait: true,
        pacing: pacingFor({...question, appearedAt: appeared.from}),
      })
      // Whoever needs the host hears of its end.
      done = asked.catch(() => undefined)
    },
    done: async () => {
      await done
    },
    end() {
      over = true
      actor?.kill()
    },
  }
}

function notYetReleased(port: number, appeared: PortRelease['appeared']): PortRelease {
  const nothing = {firstAttemptAt: null, lastRefusedAt: null, grantedAt: null}
  return {port, appeared, attempts: 0, ...nothing}
}

function note(release: PortRelease, {askedAt, seconds, outcome}: BindAttempt): void {
  release.attempts++
  release.firstAttemptAt ??= askedAt
  if (outcome === 'granted') release.grantedAt = seconds
  else release.lastRefusedAt = askedAt
}
