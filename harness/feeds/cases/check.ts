import {isReloadSafe, isSafe, isSafeStart} from '../../check/safe.ts'
import type {CheckDocument, CheckRound} from '../../documents/check-schema.ts'
import {residueWords} from '../../documents/words.ts'
import {didWords, safetyWords, startedWords} from '../../views/check.ts'
import type {TestCase} from './test-case.ts'

/**
 * A case per round, reload, second start, start on a Unix socket and limit, and one for what kept the next from being measured. The time is
 * the outage.
 */
export function casesOfCheck(document: CheckDocument): TestCase[] {
  const {host, problem, advice} = document
  const group = `${host.stack}.check`
  const rounds = playedRounds(document)
  const ofRounds = rounds.map(
    (round, index): TestCase => ({
      name: `round ${index + 1}`,
      group,
      status: isSafe(round) ? 'as-expected' : 'unexpected',
      reason: reasonOf(round),
      seconds: round.outageSeconds ?? 0,
      seen: seen(round, advice),
    }),
  )
  const measured = [
    ...ofRounds,
    ...(problem === undefined ? reloadCases(document) : []),
    ...secondCases(document),
    ...socketCases(document),
    ...limitCases(document),
  ].map((each) => ({...each, group}))
  if (problem === undefined) return measured
  return [
    ...measured,
    {
      name: unmeasuredName(document),
      group,
      status: problem.kind === 'interrupted' ? 'skipped' : 'failed',
      reason: problem.message,
      seconds: 0,
      seen: {problem: problem.kind, remedy: problem.remedy},
    },
  ]
}

/** One that was interrupted is neither good nor bad. */
function playedRounds({rounds}: CheckDocument): CheckRound[] {
  return rounds.filter(({interrupted}) => interrupted !== true)
}

function unmeasuredName(document: CheckDocument): string {
  const {trigger, port} = document
  if (trigger !== undefined) return 'reload'
  return port === null ? 'start' : `round ${playedRounds(document).length + 1}`
}

type UngroupedCase = Omit<TestCase, 'group'>

function judged(isGood: boolean): TestCase['status'] {
  return isGood ? 'as-expected' : 'unexpected'
}

function reloadCases(document: CheckDocument): UngroupedCase[] {
  const {trigger, activation, losses = [], traffic, advice} = document
  if (trigger === undefined && activation === undefined) return []
  return [
    {
      name: activation === undefined ? 'reload' : 'activation',
      status: judged(isReloadSafe(document) && activation?.took !== false),
      reason: safetyWords(document),
      seconds: traffic?.longestGapSeconds ?? 0,
      seen: {
        ...Object.fromEntries(
          losses.map(({kind, count, because}) => [kind, `${count}: ${because}`]),
        ),
        advice: advice.join(' '),
      },
    },
  ]
}

function secondCases({twice = []}: CheckDocument): UngroupedCase[] {
  return twice.map(({address, verdict, what, lines}) => ({
    name: address === null ? 'second start' : `second start on ${address}`,
    status: judged(verdict === 'refuses'),
    reason: `${verdict}: ${what}`,
    seconds: 0,
    seen: {verdict, what, said: lines.join(' / ')},
  }))
}

function socketCases({socket}: CheckDocument): UngroupedCase[] {
  return (socket?.starts ?? []).map((start) => ({
    name: `start ${startedWords(start)}`,
    status: judged(isSafeStart(start)),
    reason: `${start.verdict}: ${didWords(start)}`,
    seconds: start.afterSeconds,
    seen: {verdict: start.verdict, what: didWords(start), said: start.lines.join(' / ')},
  }))
}

function limitCases({thresholds = []}: CheckDocument): UngroupedCase[] {
  return thresholds.map(({name, limit, measured, met}) => ({
    name: `--${name} ${limit}`,
    status: judged(met),
    reason: measured === null ? 'not measured' : `measured: ${measured}`,
    seconds: 0,
    seen: {limit: String(limit), measured: String(measured)},
  }))
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
