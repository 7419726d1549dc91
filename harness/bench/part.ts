import type {BenchRow, Crowd} from './document.ts'

export interface PartOptions {
  /** Measures less, and says so. */
  quick: boolean
  /** Ends what is being measured. */
  signal: AbortSignal
  /** For temporary files; removed at the end. */
  scratch: string
  tell(text: string): void
}

export interface PartResult {
  /** What was done, and how often. */
  how: string
  rows: BenchRow[]
  crowds?: Crowd[]
}

/** One part of the benchmark. */
export interface Part {
  number: number
  name: string
  title: string
  /** @throws CannotMeasure if none of it can be measured; otherwise the row says what is missing */
  measure(options: PartOptions): Promise<PartResult>
}

/** Something that a part needs is not available here; the message says what, and the remedy. */
export class CannotMeasure extends Error {
  override name = 'CannotMeasure'
}

export interface Measured {
  what: string
  unit: BenchRow['unit']
  ours: number | null
  oursRange?: [number, number]
  baseline?: BenchRow['baseline']
  target?: BenchRow['target']
  note?: string | undefined
  reason?: string | undefined
}

/** A row with its ratio: how many times the baseline's time or memory ours takes, whatever the unit. */
export function rowOf({note, reason, baseline = null, target = null, ...row}: Measured): BenchRow {
  const {unit, ours} = row
  const value = baseline?.value ?? null
  const [more, less] = unit === 'per-second' ? [value, ours] : [ours, value]
  const ratio = more === null || less === null || less === 0 ? null : more / less
  const judged = target === null ? null : target.of === 'ratio' ? ratio : ours
  return {
    ...row,
    baseline,
    ratio,
    target,
    met: target === null || judged === null ? null : judged <= target.atMost,
    ...(note === undefined ? {} : {note}),
    ...(reason === undefined ? {} : {reason}),
  }
}
