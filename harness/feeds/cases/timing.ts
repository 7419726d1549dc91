import type {Timing} from '../../documents/timing-schema.ts'
import type {TestCase} from './test-case.ts'

/** A case per port, in the order in which they were closed. Its time is the wait. */
export function casesOfTiming({host, residue, samples, summary}: Timing): TestCase[] {
  const range = summary.expectedSeconds?.map((seconds) => seconds.toFixed(3)).join(' to ')
  return samples.map(({port, waitSeconds, uncertaintySeconds, attempts, asExpected}, index) => ({
    name: `port ${index + 1} of ${samples.length}`,
    group: `${host.stack}.${residue}`,
    status: asExpected === null ? 'skipped' : asExpected ? 'as-expected' : 'unexpected',
    reason:
      waitSeconds === null
        ? 'not released in time'
        : asExpected === null
          ? 'not judged'
          : `released after ${waitSeconds.toFixed(3)} s, expected ${range} s`,
    seconds: waitSeconds ?? 0,
    seen: {
      port: String(port),
      wait: waitSeconds === null ? '-' : `${waitSeconds.toFixed(6)} s`,
      uncertainty: uncertaintySeconds === null ? '-' : `${uncertaintySeconds.toFixed(6)} s`,
      attempts: String(attempts),
      ...(range === undefined ? {} : {expected: `${range} s`}),
      ...(summary.source === null ? {} : {source: summary.source}),
    },
  }))
}
