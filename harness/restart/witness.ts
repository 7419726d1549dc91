import type {Platform, Settings} from '../platforms/platform.ts'
import {closeNative, makeSocket, preparedBind} from '../sockets/native.ts'
import {pacingFor} from './pacing.ts'
import {type PortRelease, watchReleases} from './release.ts'
import {leaveResidue} from './residue.ts'

export interface WitnessOptions {
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
  /** What has been seen of it; undefined before `leave`. */
  release(): PortRelease | undefined
  /** Resolved when the witness is released, or given up; at once if it was never left. */
  done(): Promise<void>
  end(): void
}

const address = '127.0.0.1'

/**
 * Whoever tries a port every millisecond would sooner or later hold it for the microsecond in which the
 * server asks for it, and be the cause of a refusal. A second port, left in TIME_WAIT within milliseconds,
 * is in the same slot of the kernel's timers and comes free at the same instant.
 */
export function openWitness(options: WitnessOptions): Witness {
  const {platform, settings, takePort} = options
  const watch = watchReleases({...options, asideOthers: true})
  let release: PortRelease | undefined
  let fd: number | undefined
  let done = Promise.resolve()
  let over = false
  return {
    async leave() {
      const port = await takePort()
      const {appeared} = await leaveResidue(port, 'TIME_WAIT')
      if (over) return
      fd = makeSocket({address, bind: 'none'})
      const question = {platform, settings, sockets: null, assumed: 'TIME_WAIT'} as const
      const pacing = pacingFor({...question, appearedAt: appeared.from})
      release = watch.add({port, appeared, pacing, bind: preparedBind(fd, address, port)})
      done = watch.finish()
      done.catch(() => undefined)
    },
    release: () => release,
    done: () => done,
    end() {
      over = true
      watch.stop()
      if (fd !== undefined) closeNative(fd)
      fd = undefined
    },
  }
}
