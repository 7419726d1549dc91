/** What is known of one restart: its attempts, folded from what became of each. */
import type {CheckError, Survivor} from '../documents/check-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {RunningServer} from './context.ts'
import {addError, type ErrorsSeen, noErrors} from './errors-seen.ts'
import type {StartOutcome} from './start-outcome.ts'

export type RestartEvent =
  | {event: 'started'; attempt: number; at: number}
  /** Old processes were seen to listen. */
  | {event: 'old-listeners'; holders: readonly Holder[]}
  | {
      event: 'refused'
      attempt: number
      outcome: StartOutcome
      code: CheckError['code']
      lines: string[]
      /** The limit cut it off while it was starting: it has not failed yet. */
      cutOff: boolean
    }
  | {
      event: 'granted'
      attempt: number
      at: number
      /** When a client was let in. */
      acceptedAt: number
      successor: RunningServer
      /** It listened late, or beside an old one for a while: it got the port at its own second try. */
      after: {outcome: StartOutcome; code: CheckError['code']} | undefined
      lines: string[]
    }

export interface RestartState {
  attempts: number
  firstAttemptAt: number
  grantedAt: number | null
  /** When a client was let in again. */
  acceptedAt: number | null
  successor: RunningServer | undefined
  errors: ErrorsSeen
  oldListeners: ReadonlyMap<number, Survivor>
}

export function restartBegun(at: number): RestartState {
  return {
    ...{attempts: 0, firstAttemptAt: at, grantedAt: null, acceptedAt: null, successor: undefined},
    ...{errors: noErrors, oldListeners: new Map()},
  }
}

export function foldRestart(state: RestartState, event: RestartEvent): RestartState {
  switch (event.event) {
    case 'started': {
      const {attempt, at} = event
      return {
        ...state,
        attempts: attempt,
        firstAttemptAt: attempt === 1 ? at : state.firstAttemptAt,
      }
    }
    case 'old-listeners': {
      const oldListeners = new Map(state.oldListeners)
      for (const {pid, command} of event.holders) {
        oldListeners.set(pid, {pid, command, listening: true})
      }
      return {...state, oldListeners}
    }
    case 'refused': {
      const isFirst = state.errors.list.length === 0
      if (event.cutOff && !isFirst) return state
      return {...state, errors: addError(state.errors, event)}
    }
    case 'granted': {
      const {at, acceptedAt, successor, after, attempt, lines} = event
      const errors =
        after === undefined ? state.errors : addError(state.errors, {attempt, lines, ...after})
      return {...state, grantedAt: at, acceptedAt, successor, errors}
    }
  }
}

/** Those that were alive at first, and those that were seen to listen since, which their old parents may have made. */
export function mergeSurvivors(
  survivors: readonly Survivor[],
  listeners: ReadonlyMap<number, Survivor>,
): Survivor[] {
  const pids = new Set(survivors.map(({pid}) => pid))
  return [
    ...survivors.map((each) => listeners.get(each.pid) ?? each),
    ...[...listeners.values()].filter(({pid}) => !pids.has(pid)),
  ]
}
