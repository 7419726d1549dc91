import type {
  CellChange,
  History,
  HistoryLevel,
  HistoryMove,
  HistorySeries,
} from '../documents/history-schema.ts'
import {counted} from '../documents/words.ts'
import {groupBy} from '../group-by.ts'
import {bucketed} from '../history/points.ts'
import {fewestRuns} from '../history/spread.ts'
import type {Block, Cell, Figure, Text, View} from '../render/model.ts'
import {sparkline} from '../render/sparkline.ts'
import {leastSpanSeconds, renderOverTime} from './html/over-time.ts'

/** So many lines have a drawing; all are in the table. */
const mostDrawnLines = 300
const sparkCharacters = 20

/** Many runs over time: what has moved, every line, and where versions changed. */
export function historyView(history: History): View {
  const {moved, cells, skipped, marks, series} = history
  const isStill = moved.length === 0 && cells.length === 0
  return {
    heading: 'Rebind history',
    verdict: {tone: isStill ? 'good' : 'open', text: verdictWords(history)},
    lead: leadWords(history),
    blocks: [
      section('What moved', [{kind: 'list', items: moved.map((move) => moveText(move, history))}]),
      section('Cells that changed', [
        {kind: 'list', items: cells.map((change) => cellText(change, history))},
      ]),
      ...figuresOf(history),
      section('The lines', [
        {kind: 'many', all: lineTable(series), summary: {kind: 'text', text: allTheSame(series)}},
      ]),
      section('Where versions changed', [
        {
          kind: 'table',
          label: 'Where the kernel, Node or Rebind changed',
          columns: ['since', 'system', 'what', 'from', 'to'],
          rows: marks.map(({at, system, what, from, to}) => [minute(at), system, what, from, to]),
        },
      ]),
      section('Passed over', [
        {kind: 'list', items: skipped.map(({file, because}) => [{code: file}, ` ${because}`])},
      ]),
      section('Notes', [{kind: 'list', items: notesOf(history)}]),
    ],
    file: 'history.json',
  }
}

function section(title: string, blocks: readonly Block[]): Block {
  return {kind: 'section', title, blocks}
}

function verdictWords({series, moved, cells}: History): string {
  const lines = series.filter((each) => each.moved).length
  const changed = cells.reduce((sum, {count}) => sum + count, 0)
  const [newest = ''] = [...moved, ...cells].map(({at}) => at).sort((a, b) => (a < b ? 1 : -1))
  return [
    `${lines} of ${counted(series.length, 'line')} moved`,
    ...(changed === 0 ? [] : [`${counted(changed, 'cell')} changed`]),
    ...(newest === '' ? [] : [`most recently in the run of ${minute(newest)}`]),
  ].join(', ')
}

function leadWords({runs, series}: History): string {
  const kinds = [...groupBy(runs, ({kind}) => kind)].map(([kind, own]) =>
    counted(own.length, kind, kind === 'matrix' ? 'matrices' : `${kind}s`),
  )
  const systems = new Set([...runs, ...series].map(({system}) => system))
  const [first, last] = [runs[0]?.at, runs.at(-1)?.at].map((at) => minute(at ?? ''))
  return `${kinds.join(', ')} of ${counted(systems.size, 'system')}, from ${first} to ${last}.`
}

/** `2026-11-27 14:40`, UTC. */
function minute(at: string): string {
  return at.slice(0, 16).replace('T', ' ')
}

function moveText(move: HistoryMove, history: History): Text {
  const {subject, system, kind, at, file, times, from, to, before, after} = move
  const change =
    kind === 'answer'
      ? `${from ?? 'nothing'} before, ${to ?? 'nothing'} since ${minute(at)}`
      : `${levelWords(before)} in ${counted(before?.runs ?? 0, 'run')} before, ${levelWords(after)} in ${counted(after?.runs ?? 0, 'run')} since ${minute(at)}`
  const often = times === 1 ? '' : `, the last of ${times} changes`
  const name = history.runs[file]?.file
  return [
    {strong: subject},
    `, ${system}: ${change}${often}${causeWords(move, history)}`,
    ...(name === undefined ? [] : [' (', {code: name}, ')']),
  ]
}

/** What was changed between the run before and this one. */
function causeWords({subject, system, at}: HistoryMove, {series, marks}: History): string {
  const points = series.find((each) => each.subject === subject && each.system === system)?.points
  const before = points?.findLast((point) => point.at < at)?.at ?? ''
  const words = marks
    .filter((mark) => mark.system === system && mark.at > before && mark.at <= at)
    .map(({what, from, to}) => `${what} ${from} became ${to}`)
  return words.length === 0 ? '' : `; there, ${words.join(', ')}`
}

function cellText({system, at, file, from, to, count, cells}: CellChange, {runs}: History): Text {
  const [first = '', ...others] = cells
  const more = count - 1
  const examples = more === 0 ? first : `${first} and ${more} more`
  const name = runs[file]?.file
  return [
    {strong: counted(count, 'cell')},
    `, ${system}: ${from} before, ${to} since ${minute(at)}: ${others.length === more && more > 0 && more < 3 ? cells.join('; ') : examples}`,
    ...(name === undefined ? [] : [' (', {code: name}, ')']),
  ]
}

/** `60.913 s (59.10 to 62.70)`: the median, and the spread around it. */
function levelWords(level: HistoryLevel | null): string {
  if (level === null) return '-'
  const {median, low, high} = level
  if (median === 0) return '0 s'
  return `${median.toFixed(3)} s (${low.toFixed(2)} to ${high.toFixed(2)})`
}

/** What takes no time in any run, or was measured once, is in the table only. */
function figuresOf({series, marks}: History): Block[] {
  const drawn = series
    .filter(({runs}) => runs > 1)
    .filter(({points}) => points.some(({value, answer}) => value !== 0 && hasTime(value, answer)))
    .slice(0, mostDrawnLines)
  return [...groupBy(drawn, ({system}) => system)].map(([system, own]) =>
    section(`Over time: ${system}`, [
      figureOf(
        own,
        marks.filter((mark) => mark.system === system),
      ),
    ]),
  )
}

function hasTime(value: number | null, answer: string | null): boolean {
  return value !== null || answer === 'blocked'
}

function figureOf(series: readonly HistorySeries[], marks: History['marks']): Figure {
  return {
    kind: 'figure',
    picture: () => renderOverTime(series, marks),
    lines: {
      rows: series.map(({subject, points, level}) => {
        const values = bucketed(points, sparkCharacters).map(({value}) => value)
        const now = level === null ? points.at(-1)?.answer : `${level.median.toFixed(2)} s`
        return [subject, `${sparkline(values, leastSpanSeconds)} ${now ?? ''}`]
      }),
      note: 'Each line has its own scale: the least of its times is lowest. A dot: never granted, or not waited for.',
    },
  }
}

function lineTable(series: readonly HistorySeries[]): Extract<Block, {kind: 'table'}> {
  return {
    kind: 'table',
    label: 'All lines',
    columns: ['line', 'system', 'runs', 'now (spread)', 'answer', 'moved'],
    stacked: true,
    rows: series.map((each) => [
      each.subject,
      each.system,
      String(each.runs),
      levelWords(each.level),
      each.points.at(-1)?.answer ?? '-',
      movedCell(each),
    ]),
  }
}

function movedCell(series: HistorySeries): Cell {
  if (series.moved) return {tone: 'open', text: 'yes'}
  return isTooShort(series) ? 'too few to say' : '-'
}

function isTooShort({judged, level}: HistorySeries): boolean {
  return !judged && level !== null
}

function allTheSame(series: readonly HistorySeries[]): string {
  const moved = series.filter((each) => each.moved).length
  const tooFew = series.filter((each) => !each.moved && isTooShort(each)).length
  return `${counted(series.length, 'line')}: ${series.length - moved - tooFew} as before, ${moved} moved, ${tooFew} with too few runs to say. Each is on the page, and in history.json.`
}

function notesOf({runs, series}: History): string[] {
  const undated = runs.filter(({dated}) => dated === 'file').length
  const together = series.some(({points}) => points.some((point) => point.runs > 1))
  return [
    `A line has moved if the medians before and after a run are further apart than its spread, with ${fewestRuns} runs or more on each side; with fewer than ${2 * fewestRuns} in all, there are too few to say. A time that the rules of the system allow, before and after, has not moved. An answer has moved if one run answers differently from the run before.`,
    'The spread is three standard deviations, estimated as 1.4826 times the median distance from the median, so that single outliers do not widen it. It is never less than the uncertainty of a run, nor than 20 ms.',
    'A time is how long the kernel kept the port, where its rules give a range, and otherwise how long the restart waited; of a timing, the median and the longest of its ports; of a check, the outage.',
    ...(together ? ['Where there are many runs, neighbours that answer alike are one point.'] : []),
    ...(undated === 0
      ? []
      : [
          `${counted(undated, 'document')} had no date, in the document, its path or the log beside it; the time of the file was used.`,
        ]),
  ]
}
