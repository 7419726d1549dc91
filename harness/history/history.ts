import type {
  History,
  HistoryMove,
  HistoryPoint,
  HistoryRun,
  HistorySeries,
} from '../documents/history-schema.ts'
import {groupBy} from '../group-by.ts'
import {changedCells} from './cells.ts'
import {marksOf} from './marks.ts'
import {areSameAnswers, notWaited} from './measures.ts'
import {bucketed} from './points.ts'
import type {Records} from './read.ts'
import {canBeJudged, findMove, levelOf, type Timed} from './spread.ts'
import {systemsOf} from './systems.ts'

/** In all, and of a line: the document has to be read back. */
const mostPoints = 20_000
const mostOfLine = 200
const fewestOfLine = 10

/** Many runs over time: what each measured, a line per subject and system, and what has moved. */
export function historyOf({records, skipped, cells, outcomes}: Records): History {
  const systems = systemsOf(records)
  const runs = records.map((record): HistoryRun => {
    const {file, kind, at, dated, rebind, host} = record
    const {release, node} = host
    return {...{file, kind, at, dated}, system: systems.get(record) ?? '', release, node, rebind}
  })
  const numbered = records.map((record, file) => ({record, run: runs[file] as HistoryRun, file}))
  const bySystem = groupBy(numbered, ({run}) => run.system)
  const lines = [...bySystem].flatMap(([system, own]) =>
    [...linesOf(own)].map(([subject, points]) => lineOf(subject, system, points)),
  )
  const most = Math.max(fewestOfLine, Math.min(mostOfLine, Math.floor(mostPoints / lines.length)))
  const moved = lines.flatMap((line) => line.moved).sort(newestFirst)
  const rank = (series: HistorySeries) =>
    moved.findIndex(({subject, system}) => subject === series.subject && system === series.system)
  const series = lines.map((line) => ({...line.series, points: bucketed(line.series.points, most)}))
  const still = series.filter((each) => !each.moved)
  const movedSeries = series.filter((each) => each.moved).sort((a, b) => rank(a) - rank(b))
  return {
    ...{format: 'rebind-history', version: 1, runs, skipped},
    series: [...movedSeries, ...still],
    moved,
    cells: [...bySystem]
      .flatMap(([system, own]) => changedCells(system, own, {cells, outcomes}))
      .sort(newestFirst),
    marks: [...bySystem].flatMap(([system, own]) => marksOf(system, own)).sort(newestFirst),
  }
}

function newestFirst(one: {at: string}, other: {at: string}): number {
  return one.at === other.at ? 0 : one.at < other.at ? 1 : -1
}

/** What each run of a system says of each subject. */
function linesOf(
  runs: readonly {record: Records['records'][number]; run: HistoryRun; file: number}[],
): Map<string, HistoryPoint[]> {
  const lines = new Map<string, HistoryPoint[]>()
  for (const {record, run, file} of runs) {
    const {at, release, node, rebind} = run
    for (const {subject, value, low, high, answer} of record.measures) {
      const point = {...{at, value, low, high, answer}, runs: 1, release, node, rebind, file}
      const line = lines.get(subject)
      if (line === undefined) lines.set(subject, [point])
      else line.push(point)
    }
  }
  return lines
}

interface Line {
  series: HistorySeries
  moved: HistoryMove[]
}

function lineOf(subject: string, system: string, points: HistoryPoint[]): Line {
  const times = points.flatMap((point) => {
    const {value, low, high} = point
    return value === null ? [] : [{value, low: low ?? value, high: high ?? value, point}]
  })
  const answered = answerMove({subject, system}, points)
  const first = findMove(times)
  const since = times[first ?? 0]?.point
  // A time that came with another answer says nothing more.
  const isBoth = answered !== undefined && since?.file === answered.file
  const now = Math.max(answered?.file ?? 0, first === undefined ? 0 : (since?.file ?? 0))
  const moved: HistoryMove[] = [
    ...(answered === undefined ? [] : [answered]),
    ...(first === undefined || since === undefined || isBoth
      ? []
      : [timeMove({subject, system}, times, first, since)]),
  ]
  return {
    series: {
      ...{subject, system, runs: points.length, points},
      moved: moved.length > 0,
      judged: canBeJudged(times),
      level: levelOf(times.filter(({point}) => point.file >= now)),
    },
    moved,
  }
}

function timeMove(
  line: Pick<HistoryMove, 'subject' | 'system'>,
  times: readonly Timed[],
  first: number,
  {at, file}: HistoryPoint,
): HistoryMove {
  return {
    ...{...line, kind: 'time', at, file, times: 1, from: null, to: null},
    before: levelOf(times.slice(0, first)),
    after: levelOf(times.slice(first)),
  }
}

/** The last change of the answer, and how many there were. */
function answerMove(
  line: Pick<HistoryMove, 'subject' | 'system'>,
  points: readonly HistoryPoint[],
): HistoryMove | undefined {
  let last: HistoryMove | undefined
  let known = points[0]?.answer ?? null
  for (const {at, file, answer} of points) {
    if (!areSameAnswers(known, answer)) {
      const times = (last?.times ?? 0) + 1
      const change = {kind: 'answer', at, file, times, from: known, to: answer} as const
      last = {...line, ...change, before: null, after: null}
    } else if (answer === notWaited) continue
    known = answer
  }
  return last
}
