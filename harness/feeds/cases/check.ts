import {isSafe} from '../../check/safe.ts'
import type {CheckDocument, CheckRound} from '../../documents/check-schema.ts'
import {residueWords} from '../../documents/words.ts'
import type {TestCase} from './test-case.ts'

/** A case per round, and one for what kept a round from being measured. The time is the outage. */
export function casesOfCheck({host, rounds, problem, advice}: CheckDocument): TestCase[] {
  const group = `${host.stack}.check`
  const measured = rounds.map(
    (round, index): TestCase => ({
      name: `round ${index + 1}`,
      group,
      status: isSafe(round) ? 'as-expected' : 'unexpected',
      reason: reasonOf(round),
      seconds: round.outageSeconds ?? 0,
      seen: seen(round, advice),
    }),
  )
  if (problem === undefined) return measured
  return [
    ...measured,
    {
      name: `round ${rounds.length + 1}`,
      group,
      status: problem.kind === 'interrupted' ? 'skipped' : 'failed',
      reason: problem.message,
      seconds: 0,
      seen: {problem: problem.kind, remedy: problem.remedy},
    },
  ]
}

function reasonOf({verdict, survivors, errors}: CheckRound): string {
  const listening = survivors.filter((survivor) => survivor.listening)
  if (listening.length > 0) {
    return `the old server still listens: ${listening.map(({pid, command}) => `${pid} ${command}`).join(', ')}`
  }
  const [error] = errors
  return error === undefined ? verdict : `${verdict}: ${error.code ?? error.what}`
}

function seen(round: CheckRound, advice: readonly string[]): Record<string, string> {
  const {verdict, attempts, waitSeconds, outageSeconds, exitSeconds, exitedBy, errors} = round
  const inSeconds = (seconds: number | null) => (seconds === null ? '-' : `${seconds.toFixed(3)} s`)
  return {
    residue: residueWords(round),
    verdict,
    attempts: String(attempts),
    wait: inSeconds(waitSeconds),
    outage: inSeconds(outageSeconds),
    exit: `${exitSeconds.toFixed(3)} s, ${exitedBy}`,
    ...(errors.length === 0 ? {} : {errors: errors.map(({what}) => what).join('; ')}),
    ...(advice.length === 0 ? {} : {advice: advice.join(' ')}),
  }
}
