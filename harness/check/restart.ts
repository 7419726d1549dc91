import {setTimeout as delay} from 'node:timers/promises'
import pRetry from 'p-retry'
import {monotonicSeconds} from '../clock.ts'
import type {CheckRound, Survivor} from '../documents/check-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {type Attempt, type AttemptContext, playAttempt, type Refused} from './attempt.ts'
import {CouldNotMeasure} from './could-not-measure.ts'
import {outcomeWords} from './errors-seen.ts'
import {commandToStart} from './options.ts'
import {pauseSeconds} from './pause.ts'
import {describeSurvivors, readResidue} from './residue.ts'
import {
  foldRestart,
  mergeSurvivors,
  type RestartEvent,
  type RestartState,
  restartBegun,
} from './restart-state.ts'
import type {ServerStart} from './server.ts'

export interface Restarted extends Omit<RestartState, 'errors' | 'oldListeners'> {
  errors: CheckRound['errors']
  survivors: Survivor[]
  residue: CheckRound['residue']
}

class AttemptFailed extends Error {}

/**
 * Starts the command until it listens, or until the limit. If it is interrupted, what was seen until then is known.
 * @throws the reason of the signal when that is aborted before an attempt has failed
 */
export async function restart(
  round: number,
  of: Omit<AttemptContext, 'deadline'>,
): Promise<Restarted> {
  const {context, prober} = of
  const {options, signal} = context
  const beganAt = monotonicSeconds()
  const deadline = beganAt + options.limitSeconds
  let state = restartBegun(beganAt)
  let found: ReturnType<typeof lookAround> | undefined
  const tell = (event: RestartEvent) => {
    state = foldRestart(state, event)
    passOn(context, round, event)
  }

  async function tryOnce(attempt: number): Promise<void> {
    const oldWereAlive = context.host.processes().length > 0
    const start = await context.host.start(
      commandToStart(options),
      of.predecessor.first.readsAsInUse,
    )
    tellStarted(context, round, start)
    tell({event: 'started', attempt, at: start.startedAt})
    found ??= lookAround(of, start)
    prober.resume()
    const onOldListeners = (holders: readonly Holder[]) => tell({event: 'old-listeners', holders})
    const {left} = found
    const ended = await playAttempt({
      ...of,
      ...{deadline, attempt, start, oldWereAlive, left, onOldListeners},
    })
    if (ended.event === 'refused') failIfUnknown(state, ended)
    tell(ended)
    if (ended.event === 'refused') throw new AttemptFailed(outcomeWords(ended.outcome))
  }

  try {
    await pRetry(tryOnce, {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: 0,
      shouldRetry: ({error}) => error instanceof AttemptFailed && monotonicSeconds() < deadline,
      // p-retry's own pauses grow by a factor; ours follow what is left on the port.
      async onFailedAttempt({error}) {
        if (!(error instanceof AttemptFailed)) return
        const portRefused = state.errors.list.at(-1)?.code === 'EADDRINUSE'
        const seconds = await pauseSeconds(context, prober, beganAt, portRefused)
        const left = deadline - monotonicSeconds()
        await delay(Math.max(0, Math.min(seconds, left)) * 1000, undefined, {signal})
      },
    })
  } catch (error) {
    const isInterrupted = signal.aborted && state.errors.list.length > 0
    if (!isInterrupted) signal.throwIfAborted()
    if (!(isInterrupted || error instanceof AttemptFailed)) throw error
  }
  const {errors, oldListeners, ...known} = state
  return {
    ...known,
    errors: [...errors.list],
    survivors: mergeSurvivors((await found?.survivors) ?? [], oldListeners),
    residue: (await found?.left)?.residue ?? null,
  }
}

/** What the stopped server has left, as the first start finds it. */
function lookAround({context, connections}: Omit<AttemptContext, 'deadline'>, start: ServerStart) {
  return {
    left: readResidue(context, connections, start),
    survivors: describeSurvivors(context, start),
  }
}

/** @throws CouldNotMeasure if the only attempt was cut off before it could tell anything */
function failIfUnknown({errors}: RestartState, {tooSlow}: Refused): void {
  if (tooSlow !== undefined && errors.list.length === 0) throw new CouldNotMeasure(tooSlow)
}

function tellStarted(
  {onEvent}: Attempt['context'],
  round: number,
  {pid, startedAt: at}: ServerStart,
): void {
  onEvent?.('process', {
    ...{at, scenario: `round-${round}`},
    ...{role: 'successor', pid, change: 'started'},
  })
}

/** Tells the listeners of the check what became of an attempt. */
function passOn(
  {onEvent, onWaiting}: Attempt['context'],
  round: number,
  event: RestartEvent,
): void {
  if (event.event !== 'refused' && event.event !== 'granted') return
  const {attempt} = event
  const scenario = `round-${round}`
  if (event.event === 'granted') {
    onEvent?.('bind-attempt', {at: event.at, scenario, attempt, outcome: 'granted'})
    return
  }
  const what = outcomeWords(event.outcome)
  const code = event.code ?? undefined
  const at = monotonicSeconds()
  onEvent?.('bind-attempt', {at, scenario, attempt, outcome: 'refused', code, what})
  if (attempt === 1) onWaiting?.(round, code ?? what)
}
