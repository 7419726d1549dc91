/** What is read of runs, as if it had been read from files. */
import type {Measure} from '../../harness/history/measures.ts'
import type {Records, RunRecord} from '../../harness/history/read.ts'

const day = 86_400_000

/** A run on the day of that number. */
export function record(index: number, changes: Partial<RunRecord> = {}): RunRecord {
  return {
    ...{file: `${index}/report.json`, kind: 'report', dated: 'document', rebind: '0.1.0'},
    at: new Date(Date.parse('2026-01-01T00:00:00Z') + index * day).toISOString(),
    host: host(),
    line: changes.kind ?? 'report',
    measures: [],
    outcomes: new Uint8Array(),
    ...changes,
  }
}

export function host(changes: Partial<RunRecord['host']> = {}): RunRecord['host'] {
  return {os: 'linux', stack: 'linux', release: '6.18.44', arch: 'x64', node: '24.1.0', ...changes}
}

/** A scenario that took so long, with an uncertainty of a millisecond. */
export function waited(value: number | null, changes: Partial<Measure> = {}): Measure {
  return {
    ...{subject: 'server-closes-first', value, low: value, high: value, error: null, residue: null},
    ...(value === null ? {} : {low: Math.max(0, value - 0.001)}),
    ...{answers: ['delayed'], expected: null},
    ...changes,
  }
}

/** A run a day, each with these measures. */
export function recordsOf(days: readonly (readonly Measure[])[]): RunRecord[] {
  return days.map((measures, index) => record(index, {measures}))
}

export function all(records: RunRecord[], changes: Partial<Records> = {}): Records {
  return {records, skipped: [], cells: [], outcomes: [''], ...changes}
}

/** Values around a level, each other one above it. */
export function around(level: number, count: number, stray = 0.5): number[] {
  return Array.from({length: count}, (_, index) => level + stray * Math.sin(index * 2.4))
}
