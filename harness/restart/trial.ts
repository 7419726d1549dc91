import {monotonicSeconds} from '../clock.ts'
import {deferred} from '../deferred.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Hosts} from '../processes/hosts.ts'
import type {Pacing} from '../processes/pacing.ts'
import type {RestartOutcome, ServerToOpen} from '../processes/protocol.ts'
import type {Scenario} from '../scenario.ts'
import {withinRunningSeconds} from '../too-slow.ts'
import type {Cast} from './cast.ts'
import {residueAppeared} from './observation.ts'
import type {SeenSocket} from './observer.ts'
import {lookAgainMilliseconds, pacingFor} from './pacing.ts'
import type {PortWatch} from './port-watch.ts'
import type {Recording} from './recording.ts'
import type {PortRelease} from './release.ts'
import {openWitness} from './witness.ts'

/** How long a server's own way of retrying may go on asking in vain: a run is not to last longer for it. */
const overshootAllowedSeconds = 6
/** A pacing that moved by less says nothing new. */
const pacingToldSeconds = 0.1

export interface TrialOptions {
  scenario: Scenario
  platform: Platform
  settings: Settings
  limitSeconds: number
  /** False: one refused attempt is enough. */
  wait: boolean
  /** A port of the machine's, for the witness. */
  takePort(): Promise<number>
  /** Where the witness is tried, beside the successors. */
  hosts: Pick<Hosts, 'enter'>
  cast: Cast
  watch: PortWatch
  recording: Recording
}

/** The successor's attempts, from the first to the grant, and how they are paced. */
export interface Trial {
  /** Has the successor try to open the port; resolved when it has made its first attempt. */
  start(server: ServerToOpen): Promise<void>
  /** Leaves a TIME_WAIT on another port, to see when that one is released. */
  leaveWitness(): Promise<void>
  /** Resolved when the port is granted or given up; rejected if the successor fails. */
  outcome: Promise<RestartOutcome>
  /** Nobody tries to bind in this story. */
  settle(outcome: RestartOutcome): void
  /** What the successor tries can come to nothing any more. */
  fail(error: Error): void
  /** Resolved when the witness, if there is one, has been released or given up. */
  witnessed(): Promise<void>
  end(): void
}

export function openTrial(options: TrialOptions): Trial {
  const {scenario, platform, settings, limitSeconds, wait, cast, watch, recording} = options
  const outcome = deferred<RestartOutcome>()
  const over = deferred<void>()
  let isOver = false
  let timer: NodeJS.Timeout | undefined
  let toldDenseAt: number | null | undefined
  const witness = openWitness({...options, onRelease})

  function onRelease(release: PortRelease): void {
    const {port, attempts, appeared, lastRefusedAt, grantedAt} = release
    const seconds = grantedAt ?? monotonicSeconds()
    recording.append(
      {
        ...{event: 'release', port, attempts},
        residueSeconds:
          lastRefusedAt === null
            ? null
            : [
                Math.max(0, lastRefusedAt - appeared.to),
                grantedAt === null ? null : grantedAt - appeared.from,
              ],
        uncertaintySeconds: lastRefusedAt === null ? null : seconds - lastRefusedAt,
      },
      seconds,
    )
    // In seconds in which this process runs: else it would be its own stop that is told of.
    const notNoticed = 'the successor did not notice that its port was free'
    void withinRunningSeconds(overshootAllowedSeconds, notNoticed, () => over.promise).catch(() => {
      recording.append({event: 'too-late'})
      outcome.resolve({granted: false})
    })
  }

  /** When the next attempts are due, by what is seen on the port. */
  function pacingNow(sockets: SeenSocket[] | null): Pacing {
    const {server, later} = scenario.residue
    const {waitingSince} = recording.observation()
    const appeared = residueAppeared(recording.observation())?.from
    const changed = waitingSince !== undefined && appeared !== undefined && appeared > waitingSince
    const pacing = pacingFor({
      ...{platform, settings, sockets},
      assumed: changed ? (later ?? server) : server,
      appearedAt: appeared === undefined ? monotonicSeconds() : recording.origin + appeared,
    })
    const denseAt = pacing.kind === 'dense-from' ? pacing.at : null
    const moved = Math.abs((denseAt ?? 0) - (toldDenseAt ?? 0)) > pacingToldSeconds
    if (toldDenseAt === undefined || moved) {
      const now = monotonicSeconds()
      const denseInSeconds = denseAt === null ? null : denseAt - now
      recording.append({event: 'pacing', denseInSeconds}, now)
      toldDenseAt = denseAt
    }
    return pacing
  }

  /** Looks again and again, and tells the successor when its next attempts are due. */
  function keepPace(pacing: Pacing): void {
    // An interruption may have ended everything meanwhile; nobody would end the watch then.
    if (isOver) return
    timer = setTimeout(
      async () => {
        const next = pacingNow(await watch.look().catch(() => null))
        cast.of('successor').pace(next)
        keepPace(next)
      },
      lookAgainMilliseconds(pacing, monotonicSeconds()),
    )
  }

  async function start(server: ServerToOpen): Promise<void> {
    const sockets = await watch.lookAtResidue()
    const successor = cast.of('successor')
    if (server.inherited === true) {
      recording.append({event: 'restart'})
      const {to} =
        server.cluster === true
          ? await cast.of('predecessor').request('replace-worker', {greeting: server.greeting})
          : await successor.request('listen', server)
      recording.append({event: 'accepting'}, to)
      outcome.resolve({granted: true})
      return
    }
    const pacing = pacingNow(sockets)
    recording.append({event: 'restart'})
    const retry = scenario.successor?.retry
    const asked = {server, limitSeconds, wait, pacing, ...(retry === undefined ? {} : {retry})}
    successor.request('restart', asked).then(outcome.resolve, outcome.reject)
    const tried = recording.until(({attempts}) => attempts.count > 0)
    await Promise.race([tried, outcome.promise])
    if (wait) keepPace(pacing)
  }

  return {
    start,
    leaveWitness: () => (wait ? witness.leave() : Promise.resolve()),
    outcome: outcome.promise,
    settle: outcome.resolve,
    fail: outcome.reject,
    witnessed: () => witness.done(),
    end() {
      isOver = true
      over.resolve()
      clearTimeout(timer)
      witness.end()
    },
  }
}
