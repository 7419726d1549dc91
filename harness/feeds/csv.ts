import type {Timing, TimingSample} from '../documents/timing-schema.ts'
import {printable} from '../text.ts'

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
 * The measured ports of a timing as CSV, in the order in which they were closed: a row per port, times in seconds, null
 * as an empty field.
 */
export function renderCsv({residue, samples}: Timing): string {
  const rows = samples.map((sample) => [
    residue,
    ...columns.map((column) => sample[column] ?? null),
  ])
  return csvOf([['residue', ...columns], ...rows])
}

type Field = string | number | boolean | null

/** Rows as CSV (RFC 4180); null is an empty field. */
export function csvOf(rows: readonly (readonly Field[])[]): string {
  return rows.map((row) => `${row.map(fieldOf).join(',')}\r\n`).join('')
}

/** What a spreadsheet would evaluate as a formula has an apostrophe before it, so that it stays text. */
function fieldOf(value: Field): string {
  if (typeof value !== 'string') return String(value ?? '')
  const plain = printable(value)
  const text = /^\s*[=+@-]/.test(plain) ? `'${plain}` : plain
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
