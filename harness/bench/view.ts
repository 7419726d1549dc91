import {hostWords} from '../documents/words.ts'
import type {Block, Cell, View} from '../render/model.ts'
import type {Bench, BenchPart, BenchRow, Crowd} from './document.ts'

/** What a benchmark measured: the targets, then each part, and what a crowded port costs. */
export function benchView(bench: Bench): View {
  const {run, parts, crowds} = bench
  const {text, missed, open} = verdictOf(bench)
  const partial = [
    ...(run.quick
      ? ['--quick: LESS was measured (each part says how much), so no target is judged.']
      : []),
    ...(run.interrupted === undefined
      ? []
      : [`Interrupted by ${run.interrupted}: this is not everything.`]),
  ]
  return {
    heading: 'Rebind bench',
    verdict: {tone: missed > 0 ? 'bad' : open > 0 ? 'open' : 'good', text},
    ...(partial.length === 0 ? {} : {lead: partial.join(' ')}),
    blocks: [
      {kind: 'list', items: premises(bench)},
      ...parts.map(partSection),
      {
        ...{kind: 'section', title: 'Binds over TIME_WAIT sockets'},
        blocks: [
          table('What a crowded port costs', crowdCostTitles, crowds.map(crowdCostCells)),
          table('Every bind', crowdTitles, crowds.flatMap(crowdRows)),
        ],
      },
    ],
    file: 'the JSON (--json)',
  }
}

/** How many targets were missed: decides the exit status with `--strict`. */
export function missedTargets(bench: Bench): number {
  return verdictOf(bench).missed
}

function partSection(part: BenchPart): Block {
  const {part: number, title, how, wallSeconds, loadBefore, rows} = part
  const took = `Took ${wallSeconds.toFixed(1)} s; load before: ${loadBefore.toFixed(2)}.`
  return {
    ...{kind: 'section', title: `${number}. ${title}`},
    blocks: [
      {kind: 'text', text: how === '' ? took : `${how} ${took}`},
      table(title, benchTitles, rows.map(cellsOf)),
      {kind: 'list', items: notes(part)},
    ],
  }
}

function table(label: string, columns: readonly string[], rows: readonly Cell[][]): Block {
  return {kind: 'table', label, columns, rows}
}

const benchTitles = ['what', 'ours', 'baseline', 'ratio', 'target', 'met']

function cellsOf(row: BenchRow): Cell[] {
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
    met === false ? {tone: 'bad', text: 'NO'} : met === null ? '-' : 'yes',
  ]
}

function targetWords({target, unit}: BenchRow): string {
  if (target === null) return '-'
  return target.of === 'ratio' ? `<= ${target.atMost}x` : `<= ${amountWords(target.atMost, unit)}`
}

/** Three significant digits, in the unit that fits: `9.12 us`, `61.3 s`, `109,000/s`, `94.1 MB`. */
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

/** Where and how it was measured. */
function premises({host, machine, run}: Bench): string[] {
  const {cores, processor, memoryBytes} = machine
  return [
    hostWords(host),
    `${cores} cores, ${processor}, ${(memoryBytes / 1e9).toFixed(1)} GB`,
    `started ${run.startedAt}, took ${run.wallSeconds.toFixed(0)} s`,
  ]
}

/** Notes on the rows, and what could not be measured. */
function notes({reason, rows}: BenchPart): string[] {
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
function verdictOf({parts}: Bench): {text: string; missed: number; open: number} {
  const judged = parts
    .flatMap((part) => part.rows.map((row) => ({...row, part})))
    .filter(({target}) => target !== null)
  const missed = judged.filter(({met}) => met === false)
  const open = judged.filter(({met}) => met === null).length
  const names = missed.map(({part, what}) => `${part.name}: ${what}`).join('; ')
  const text = [
    `${judged.filter(({met}) => met === true).length} targets met`,
    `${missed.length} missed${names === '' ? '' : ` (${names})`}`,
    `${open} not judged`,
  ].join(', ')
  return {text, missed: missed.length, open}
}

const crowdTitles = ['TIME_WAIT sockets', 'bind', 'address', 'outcome', 'median', 'worst', 'tries']

/** A row for each option and address. */
function crowdRows(crowd: Crowd): string[][] {
  return crowd.binds.map(({bind, address, outcome, medianSeconds, maxSeconds, tries}) => [
    reachedWords(crowd),
    bind,
    address,
    outcome,
    amountWords(medianSeconds, 'seconds'),
    amountWords(maxSeconds, 'seconds'),
    String(tries),
  ])
}

/** `100,000`, or `16,384 of 20,000` if the kernel's limit was reached. */
function reachedWords({reached, wanted}: Crowd): string {
  const [have, want] = [reached, wanted].map((count) => count.toLocaleString('en'))
  return reached === wanted ? `${have}` : `${have} of ${want}`
}

const crowdCostTitles = [
  'TIME_WAIT sockets',
  'client addresses',
  'created in',
  'rebind why',
  'its peak memory',
  "the kernel's memory",
]

/** What it took to create a crowd, and to explain it. */
function crowdCostCells(crowd: Crowd): string[] {
  return [
    reachedWords(crowd),
    String(crowd.clientAddresses),
    amountWords(crowd.makingSeconds, 'seconds'),
    amountWords(crowd.why?.medianSeconds ?? null, 'seconds'),
    amountWords(crowd.why?.peakBytes ?? null, 'bytes'),
    crowd.kernelBytes === null ? 'not shown' : amountWords(crowd.kernelBytes, 'bytes'),
  ]
}
