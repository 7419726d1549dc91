import type {History, HistoryPoint, HistorySeries} from '../documents/history-schema.ts'
import {jsonText} from '../documents/json-text.ts'
import {printable} from '../text.ts'
import type {RunDocument} from '../views/kinds.ts'
import {csvOf} from './csv.ts'

export function isHistory(document: RunDocument): document is History {
  return document.format === 'rebind-history'
}

/** A reporter of what only a history has. */
export function ofHistory(render: (history: History) => string) {
  return ({document}: {document: RunDocument}): string => {
    if (!isHistory(document)) throw new TypeError(`${document.format} over time`)
    return render(document)
  }
}

const columns = [
  'at',
  'value',
  'low',
  'high',
  'answer',
  'runs',
  'release',
  'node',
  'rebind',
] as const

/** Every point of every line as CSV: times in seconds, null as an empty field. */
export function historyAsCsv({series, runs}: History): string {
  const rows = series.flatMap(({subject, system, points}) =>
    points.map((point) => [
      ...[subject, system],
      ...columns.map((column) => point[column]),
      runs[point.file]?.file ?? null,
    ]),
  )
  return csvOf([['subject', 'system', ...columns, 'file'], ...rows])
}

type Newest = Pick<HistorySeries, 'subject' | 'system'> & {
  value: number
  point: HistoryPoint
}

/** The newest time of each line, which is what services that keep the history themselves are given after each run. */
function newestOf({series}: History): Newest[] {
  return series.flatMap(({subject, system, points}) => {
    const point = points.findLast(({value}) => value !== null)
    return point?.value == null ? [] : [{subject, system, value: point.value, point}]
  })
}

/** Bencher Metric Format (bencher.dev/docs/reference/bencher-metric-format). */
export function historyAsBmf(history: History): string {
  const metrics = newestOf(history).map(({subject, system, value, point: {low, high}}) => {
    const metric = {
      value,
      ...(low === null || high === null ? {} : {lower_value: low, upper_value: high}),
    }
    return [nameOf({subject, system}), {seconds: metric}]
  })
  return `${jsonText(Object.fromEntries(metrics), 2)}\n`
}

/** What `tool: customSmallerIsBetter` of benchmark-action/github-action-benchmark reads. */
export function historyAsBenchmarks(history: History): string {
  const entries = newestOf(history).map(({subject, system, value, point}) => {
    const {low, high, at, release, node} = point
    const range = low === null || high === null ? {} : {range: `${low} to ${high}`}
    const extra = printable(`${at}, ${release}, Node ${node}`)
    return {name: nameOf({subject, system}), unit: 's', value, ...range, extra}
  })
  return `${jsonText(entries, 2)}\n`
}

function nameOf({subject, system}: Pick<HistorySeries, 'subject' | 'system'>): string {
  return printable(`${subject} (${system})`)
}
