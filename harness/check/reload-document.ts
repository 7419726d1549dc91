import type {CheckDocument, CheckProblem} from '../documents/check-schema.ts'
import {tooSlow} from '../too-slow.ts'
import type {Ask} from '../traffic/ask.ts'
import type {Traffic} from '../traffic/clients.ts'
import type {Loss, Tally} from '../traffic/tally.ts'
import type {CheckContext} from './context.ts'
import type {GenerationWatch} from './generation-watch.ts'
import {generationsOf, type Seen} from './generations.ts'
import {explainLosses, withoutListenerSeconds} from './losses.ts'
import type {FilledReloadOptions} from './reload-options.ts'
import {isReloadSafe} from './safe.ts'
import {judgeThresholds} from './thresholds.ts'
import type {Reload} from './trigger.ts'

/** By how much a client may be late. */
const punctualSeconds = 0.1

export interface MeasuredReload {
  origin: number
  watch: GenerationWatch
  traffic: Traffic
  asks: Ask
  /** When clients began to come, and when no more came; monotonic. */
  began: number
  endedAt: number
  reload: Reload
  /** Other ports that nobody listens on any more, or old processes alone. */
  missing: readonly number[]
}

/** What was measured, as a document says it. */
export function documented(
  {settings, platform}: Pick<CheckContext, 'settings' | 'platform'>,
  options: FilledReloadOptions,
  {origin, watch, traffic, asks, began, endedAt, reload, missing}: MeasuredReload,
): MeasuredParts {
  const {tally} = traffic
  const state = watch.state()
  const moment = (at: number) => Math.max(0, at - origin)
  const [triggeredAt = origin] = reload.triggeredAt
  const answeredAfterSeconds =
    reload.answeredAt === undefined ? null : Math.max(0, reload.answeredAt - triggeredAt)
  const migrates = platform.stack === 'linux' ? (settings.tcp_migrate_req ?? null) : null
  const all = lostByFailure(tally)
  const losses = explainLosses(tally.losses, {
    all,
    ...{state, sighting: watch.sighting, mostListeners: watch.mostListeners()},
    isSameListener: watch.isSameListener(),
    migratesQueues:
      migrates === null ? (platform.stack === 'linux' ? false : null) : migrates === 1,
  })
  const lost = Object.values(all).reduce((sum, each) => sum + each, 0)
  const lossless = lost > 0 ? false : asks.kind === 'nothing' ? null : true
  const gap = tally.longestGapSeconds(endedAt)
  const without = withoutListenerSeconds(state)
  const thresholds = judgeThresholds(options, {
    maxOutageSeconds: gap,
    maxLost: asks.kind === 'nothing' && lost === 0 ? null : lost,
    maxWaitSeconds: answeredAfterSeconds,
  })
  const {lanes} = tally
  return {
    trigger: {
      command: options.triggers.map((words) => words.join(' ')),
      at: reload.triggeredAt.map(moment),
      reloaded: reload.answeredAt !== undefined,
      answeredAfterSeconds,
      withoutListenerSeconds: [without.atLeast, without.atMost],
      ...(options.alsoPorts.length === 0 ? {} : {missingPorts: [...missing]}),
      ...(reload.oldListeners.length === 0
        ? {}
        : {oldListeners: reload.oldListeners.map(processOf)}),
      generations: generationsOf(state).map(({processes, from, to}) => ({
        processes: processes.map(processOf),
        from: [moment(from.from), moment(from.to)],
        to: to === undefined ? null : [moment(to.from), moment(to.to)],
      })),
    },
    traffic: {
      ...{asks: asks.kind, rate: options.rate, seconds: endedAt - began},
      ...{new: {...lanes.new}, idle: {...lanes.idle}, inFlight: {...lanes['in-flight']}},
      idleClosed: tally.idleClosed,
      statusClasses: tally.statusClasses,
      withoutPort: tally.withoutPort,
      latestSeconds: traffic.latestSeconds(),
      longestGapSeconds: gap,
    },
    lossless,
    losses: losses.map((each) => ({...each})),
    ...(thresholds.length === 0 ? {} : {thresholds}),
    ...(reload.problem === undefined ? {} : {problem: reload.problem}),
  }
}

function processOf({pid, started, command}: Pick<Seen, 'pid' | 'started' | 'command'>) {
  return {pid, startedAt: started, command}
}

function lostByFailure({lanes}: Tally): Record<Loss['failure'], number> {
  const sum = (field: 'refused' | 'reset' | 'cutOff' | 'unanswered') =>
    Object.values(lanes).reduce((total, lane) => total + lane[field], 0)
  return {
    ...{refused: sum('refused'), reset: sum('reset')},
    ...{'cut-off': sum('cutOff'), unanswered: sum('unanswered')},
  }
}

/**
 * With the verdict, by what was measured.
 * @param isSameListener one socket listened all the time, so that no outage can have been missed
 */
export function judged(document: CheckDocument, isSameListener: boolean): CheckDocument {
  const {thresholds = [], trigger, problem} = document
  const unmeasured = thresholds.find(({measured}) => measured === null)
  const own: CheckProblem | undefined =
    problem ??
    (isSameListener ? undefined : tooSlowToTell(document)) ??
    (unmeasured === undefined || trigger?.reloaded !== true
      ? undefined
      : {
          kind: 'threshold-not-measured',
          message: `--${unmeasured.name} cannot be judged: the server answers nothing that a client could wait for`,
          remedy: 'give it something to answer, with --http PATH or --send TEXT',
        })
  const safe = own === undefined && isReloadSafe(document) && thresholds.every(({met}) => met)
  return {...document, safe, ...(own === undefined ? {} : {problem: own})}
}

/** Who came too late may have missed an outage; what was lost is lost all the same. */
function tooSlowToTell(document: CheckDocument): CheckProblem | undefined {
  const {latestSeconds = 0} = document.traffic ?? {}
  if (!isReloadSafe(document) || latestSeconds <= punctualSeconds) return undefined
  return {
    kind: 'too-slow',
    message: tooSlow(
      `clients came up to ${latestSeconds.toFixed(2)} s late, so that an outage of that length would not have been seen`,
    ),
    remedy: 'repeat the check when this machine is less busy, or with a lower --rate',
  }
}

type MeasuredParts = Pick<
  CheckDocument,
  'trigger' | 'traffic' | 'lossless' | 'losses' | 'thresholds' | 'problem'
>
