import {isDeepStrictEqual} from 'node:util'
import type {CheckError} from '../documents/check-schema.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import type {CommandEnding} from '../processes/protocol.ts'
import type {StartOutcome} from './start-outcome.ts'

/** The failed attempts of a round; those that failed alike, one after the other, are one entry. */
export interface ErrorsSeen {
  list: readonly CheckError[]
  last: StartOutcome | undefined
}

export const noErrors: ErrorsSeen = {list: [], last: undefined}

export interface FailedAttempt {
  attempt: number
  outcome: StartOutcome
  /** EADDRINUSE where the attempt was refused its port, or that was why it listened late. */
  code: CheckError['code']
  /** What it wrote of an error. */
  lines: string[]
}

export function addError({list, last}: ErrorsSeen, failed: FailedAttempt): ErrorsSeen {
  const error = describe(failed)
  const {outcome} = failed
  const before = list.at(-1)
  const isRepeated = before !== undefined && isAlike(before, error) && isSameEnd(last, outcome)
  return {
    list: isRepeated
      ? [...list.slice(0, -1), {...before, count: before.count + 1}]
      : [...list, error],
    last: outcome,
  }
}

function describe({attempt, outcome, code, lines}: FailedAttempt): CheckError {
  const ending = 'ending' in outcome ? outcome.ending : undefined
  return {
    kind: outcome.kind,
    code,
    what: outcomeWords(outcome),
    exitStatus: ending?.code ?? null,
    exitSignal: ending?.signal ?? null,
    lines,
    firstAttempt: attempt,
    count: 1,
  }
}

/** `exited with status 1`. */
export function outcomeWords(outcome: StartOutcome): string {
  switch (outcome.kind) {
    case 'exited':
      return endingWords(outcome.ending)
    case 'ended-after-listening':
      return `listened, then ${endingWords(outcome.ending)}`
    case 'stopped-listening':
      return 'listened, then stopped listening'
    case 'not-let-in':
      return 'listened, but accepted no client'
    case 'beside-old':
      return `listened beside an old process that still listened (pid ${pidWords(outcome.holders)})`
    case 'not-on-all-ports':
      return `listened, but not on port ${outcome.ports.join(' and ')}`
    case 'unseen':
      return 'may have listened: who did is not visible'
    case 'never-listened':
      return 'ran, but did not listen'
    case 'other-port':
      return `listened on port ${outcome.ports.join(' and ')} instead`
    case 'other-address':
      return `listened on ${outcome.ends.join(' and ')} instead`
    case 'other-process':
      return `found another program listening (pid ${pidWords(outcome.holders)})`
    case 'daemonised':
      return 'daemonized'
    case 'listening':
      return 'retried by itself until it got the port'
  }
}

/** `exited with status 1`, `was ended by SIGKILL`. */
export function endingWords({code, signal}: Pick<CommandEnding, 'code' | 'signal'>): string {
  return signal === null ? `exited with status ${code}` : `was ended by ${signal}`
}

function pidWords(holders: readonly Holder[]): string {
  return holders.map(({pid}) => pid).join(', ')
}

/** Whether it listened in the same places, or the same processes did. */
function isSameEnd(a: StartOutcome | undefined, b: StartOutcome): boolean {
  return isDeepStrictEqual(a && placesOf(a), placesOf(b))
}

function placesOf(outcome: StartOutcome): unknown {
  switch (outcome.kind) {
    case 'other-port':
    case 'not-on-all-ports':
      return outcome.ports
    case 'other-address':
      return outcome.ends
    case 'beside-old':
    case 'other-process':
      return outcome.holders.map(({pid}) => pid)
    default:
      return null
  }
}

/** Lines that differ in numbers only, as pids and times do, say the same. */
function isAlike(a: CheckError, b: CheckError): boolean {
  const plain = (lines: readonly string[]) => lines.join('\n').replace(/\d+/g, '#')
  const sameEnd = a.exitStatus === b.exitStatus && a.exitSignal === b.exitSignal
  return a.kind === b.kind && a.code === b.code && sameEnd && plain(a.lines) === plain(b.lines)
}
