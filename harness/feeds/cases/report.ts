import type {Report, Result} from '../../documents/report-schema.ts'
import {
  besidesWords,
  firstErrorWords,
  residueWords,
  verdictWords,
  waitWords,
} from '../../documents/words.ts'
import type {TestCase} from './test-case.ts'

/** A case per scenario. Its time is the wait: what the restart felt. */
export function casesOfReport({host, results}: Report): TestCase[] {
  return results.map((result) => ({
    name: result.scenario,
    group: host.stack,
    status: result.status,
    reason: result.reason ?? reasonOf(result),
    seconds: result.bind?.waitSeconds ?? 0,
    seen: seen(result),
  }))
}

function reasonOf(result: Result): string {
  if (result.status === 'skipped') return 'not judged'
  return `${verdictWords(result)}, first error ${firstErrorWords(result)}`
}

function seen(result: Result): Record<string, string> {
  const {claim, expected} = result
  const counted = besidesWords(result)
  return {
    claim,
    residue: residueWords(result),
    firstError: firstErrorWords(result),
    verdict: verdictWords(result),
    wait: waitWords(result),
    ...(counted === undefined ? {} : {counted}),
    ...(expected === null ? {} : {expected: expected.verdict, because: expected.because}),
  }
}
