import type {Timing, TimingSample} from '../documents/timing-schema.ts'

/** The columns of a port's row, named as in timing.json. */
const columns = [
  'port',
  'closedAtSeconds',
  'waitSeconds',
  'uncertaintySeconds',
  'attempts',
  'firstAttemptAtSeconds',
  'lastRefusedAtSeconds',
  'grantedAtSeconds',
  'kernelTimerSeconds',
  'asExpected',
] as const satisfies readonly (keyof TimingSample)[]

/**
 * The measured ports of a timing as CSV (RFC 4180), in the order in which they were closed: a row per port, times
 * in seconds, null as an empty field. Nothing in it needs quotes: there is no text but the residue's state.
 */
export function renderCsv({residue, samples}: Timing): string {
  const rows = samples.map((sample) =>
    [residue, ...columns.map((column) => sample[column] ?? '')].join(','),
  )
  return [['residue', ...columns].join(','), ...rows].map((line) => `${line}\r\n`).join('')
}
