import type {Bench, BenchPart, BenchRow, Crowd} from '../documents/bench-schema.ts'
import {hostWords} from '../documents/words.ts'
import {printable} from '../text.ts'

export const benchTitles = ['what', 'ours', 'baseline', 'ratio', 'target', 'met']

/** One row of the table. */
export function benchCells(row: BenchRow): string[] {
  const {what, unit, ours, oursRange, baseline, ratio, met} = row
  const spread =
    oursRange === undefined || ours === null
      ? ''
      : ` (${oursRange.map((value) => amountWords(value, unit)).join(' to ')})`
  return [
    what,
    `${amountWords(ours, unit)}${spread}`,
    baseline === null
      ? '-'
      : `${baseline.what}: ${amountWords(baseline.value, unit)}${baseline.computed === true ? ', computed' : ''}`,
    ratio === null ? '-' : `${roundedWords(ratio)}x`,
    targetWords(row),
    met === null ? '-' : met ? 'yes' : 'NO',
  ]
}

function targetWords({target, unit}: BenchRow): string {
  if (target === null) return '-'
  return target.of === 'ratio' ? `<= ${target.atMost}x` : `<= ${amountWords(target.atMost, unit)}`
}

/** Three digits that count, in the unit that fits: `9.12 us`, `61.3 s`, `109,000/s`, `94.1 MB`. */
export function amountWords(amount: number | null, unit: BenchRow['unit']): string {
  if (amount === null) return 'not measured'
  if (unit === 'per-second') return `${Math.round(amount).toLocaleString('en')}/s`
  const [factor, name] = scaleOf(amount, unit)
  return `${roundedWords(amount / factor)} ${name}`
}

const scales: Record<'seconds' | 'bytes', readonly (readonly [factor: number, name: string])[]> = {
  seconds: [
    [1, 's'],
    [1e-3, 'ms'],
    [1e-6, 'us'],
  ],
  bytes: [
    [1e6, 'MB'],
    [1e3, 'kB'],
    [1, 'bytes'],
  ],
}

function scaleOf(amount: number, unit: 'seconds' | 'bytes') {
  const all = scales[unit]
  return all.find(([factor]) => amount >= factor) ?? all.at(-1) ?? ([1, ''] as const)
}

function roundedWords(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** Where and how it was measured, one thing a line. */
export function benchPremises({host, machine, run}: Bench): string[] {
  const {cores, processor, memoryBytes} = machine
  return [
    hostWords(host),
    printable(`${cores} cores, ${processor}, ${(memoryBytes / 1e9).toFixed(1)} GB`),
    `started ${run.startedAt}, took ${run.wallSeconds.toFixed(0)} s`,
    ...(run.quick
      ? ['--quick: LESS THAN ALL was measured (each part says how much), so no target is judged']
      : []),
    ...(run.interrupted === undefined
      ? []
      : [printable(`interrupted by ${run.interrupted}: what follows is not all`)]),
  ]
}

export function partHeading({part, title}: BenchPart): string {
  return `${part}. ${title}`
}

/** What a part did, and how busy the machine was when it began. */
export function partWords({how, wallSeconds, loadBefore}: BenchPart): string {
  return `${how} Took ${wallSeconds.toFixed(1)} s; load before: ${loadBefore.toFixed(2)}.`
}

/** What has to be known to read a row rightly, and what could not be measured. */
export function partNotes({reason, rows}: BenchPart): string[] {
  const own = reason === undefined ? [] : [`not measured: ${reason}`]
  return [
    ...own,
    ...rows.flatMap(({what, note, reason}) => [
      ...(note === undefined ? [] : [`${what}: ${note}`]),
      ...(reason === undefined ? [] : [`${what}: not measured: ${reason}`]),
    ]),
  ]
}

/** `7 targets met, 1 missed (matrix 500 cells), 0 not judged`. */
export function verdictOfBench({parts}: Bench): {words: string; missed: number; open: number} {
  const judged = parts
    .flatMap((part) => part.rows.map((row) => ({...row, part})))
    .filter(({target}) => target !== null)
  const missed = judged.filter(({met}) => met === false)
  const open = judged.filter(({met}) => met === null).length
  const names = missed.map(({part, what}) => `${part.name}: ${what}`).join('; ')
  const words = [
    `${judged.filter(({met}) => met === true).length} targets met`,
    `${missed.length} missed${names === '' ? '' : ` (${names})`}`,
    `${open} not judged`,
  ].join(', ')
  return {words, missed: missed.length, open}
}

export const crowdTitles = [
  'TIME_WAIT sockets',
  'bind',
  'address',
  'outcome',
  'median',
  'worst',
  'tries',
]

/** A line for each option and address of each crowd. */
export function crowdRows(crowds: readonly Crowd[]): string[][] {
  return crowds.flatMap((crowd) =>
    crowd.binds.map(({bind, address, outcome, medianSeconds, maxSeconds, tries}) => [
      reachedWords(crowd),
      bind,
      address,
      outcome,
      amountWords(medianSeconds, 'seconds'),
      amountWords(maxSeconds, 'seconds'),
      String(tries),
    ]),
  )
}

/** `100,000`, or `16,384 of 20,000` where the kernel's limit came first. */
function reachedWords({reached, wanted}: Crowd): string {
  const [have, want] = [reached, wanted].map((count) => count.toLocaleString('en'))
  return reached === wanted ? `${have}` : `${have} of ${want}`
}

export const crowdCostTitles = [
  'TIME_WAIT sockets',
  'client addresses',
  'made in',
  'rebind why',
  'its memory, at most',
  "the kernel's memory",
]

/** A line for each crowd: what making it and explaining it took. */
export function crowdCostRows(crowds: readonly Crowd[]): string[][] {
  return crowds.map((crowd) => [
    reachedWords(crowd),
    String(crowd.clientAddresses),
    amountWords(crowd.makingSeconds, 'seconds'),
    amountWords(crowd.why?.medianSeconds ?? null, 'seconds'),
    amountWords(crowd.why?.peakBytes ?? null, 'bytes'),
    crowd.kernelBytes === null ? 'not shown' : amountWords(crowd.kernelBytes, 'bytes'),
  ])
}
