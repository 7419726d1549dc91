import type {CheckError} from '../reports/check-schema.ts'
import type {StartOutcome} from './listening.ts'
import type {ServerStart} from './server.ts'

/** The failed attempts of a round; those that failed alike, one after the other, are one entry. */
export interface ErrorsSeen {
  list: CheckError[]
  add(attempt: number, outcome: StartOutcome, server: ServerStart): void
}

export function collectErrors(): ErrorsSeen {
  const list: CheckError[] = []
  return {
    list,
    add(attempt, outcome, server) {
      const error = describe(attempt, outcome, server)
      const last = list.at(-1)
      if (last !== undefined && isAlike(last, error)) last.count++
      else list.push(error)
    },
  }
}

function describe(attempt: number, outcome: StartOutcome, {lines}: ServerStart): CheckError {
  const ending = outcome.kind === 'exited' ? outcome.ending : undefined
  return {
    code: lines.namesAddressInUse() ? 'EADDRINUSE' : null,
    what: outcomeWords(outcome),
    exitStatus: ending?.code ?? null,
    exitSignal: ending?.signal ?? null,
    lines: lines.errorLines(),
    firstAttempt: attempt,
    count: 1,
  }
}

/** `exited with status 1`. */
export function outcomeWords(outcome: StartOutcome): string {
  switch (outcome.kind) {
    case 'exited': {
      const {code, signal} = outcome.ending
      return signal === null ? `exited with status ${code}` : `was ended by ${signal}`
    }
    case 'never-listened':
      return 'ran, but did not listen'
    case 'other-port':
      return `listened on port ${outcome.ports.join(' and ')} instead`
    case 'other-address':
      return `listened on ${outcome.ends.join(' and ')} instead`
    case 'other-process':
      return `found another program listening (pid ${outcome.holders.map(({pid}) => pid).join(', ')})`
    case 'daemonised':
      return 'put itself into the background'
    case 'listening':
      return 'tried again by itself until it had the port'
  }
}

/** Lines that differ in numbers only, as pids and times do, say the same. */
function isAlike(a: CheckError, b: CheckError): boolean {
  const plain = (lines: readonly string[]) => lines.join('\n').replace(/\d+/g, '#')
  const sameEnd = a.exitStatus === b.exitStatus && a.exitSignal === b.exitSignal
  return a.code === b.code && a.what === b.what && sameEnd && plain(a.lines) === plain(b.lines)
}
