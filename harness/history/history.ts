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
import {areSameAnswers, type Measure, notWaited} from './measures.ts'
import {bucketed} from './points.ts'
import type {Records, RunRecord} from './read.ts'
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
  const bySystem = [...groupBy(numbered, ({run}) => run.system)]
  const measured = bySystem.flatMap(([system, own]) =>
    [...seenOf(own)].map(([subject, seen]) => ({subject, system, seen})),
  )
  const most = Math.max(
    fewestOfLine,
    Math.min(mostOfLine, Math.floor(mostPoints / measured.length)),
  )
  const lines = measured.map(({subject, system, seen}) => lineOf({subject, system}, seen, most))
  const moved = lines.flatMap((line) => line.moved).sort(newestFirst)
  const rank = (series: HistorySeries) =>
    moved.findIndex(({subject, system}) => subject === series.subject && system === series.system)
  const series = lines.map((line) => line.series)
  return {
    ...{format: 'rebind-history', version: 1, runs},
    skipped: skipped.map(({file, because}) => ({file, because})),
    series: [
      ...series.filter((each) => each.moved).sort((one, other) => rank(one) - rank(other)),
      ...series.filter((each) => !each.moved),
    ],
    moved,
    cells: bySystem
      .flatMap(([system, own]) => changedCells(system, own, {cells, outcomes}))
      .sort(newestFirst),
    marks: bySystem.flatMap(([system, own]) => marksOf(system, own)).sort(newestFirst),
  }
}

function newestFirst(one: {at: string}, other: {at: string}): number {
  return one.at === other.at ? 0 : one.at < other.at ? 1 : -1
}

/** One thing, and the runs that measured it. */
interface Seen {
  measures: Measure[]
  runs: NumberedRun[]
}

interface NumberedRun {
  record: RunRecord
  run: HistoryRun
  file: number
}

/** What the runs of a system say of each subject. */
function seenOf(runs: readonly NumberedRun[]): Map<string, Seen> {
  const subjects = new Map<string, Seen>()
  for (const run of runs) {
    for (const measure of run.record.measures) {
      const seen = subjects.get(measure.subject)
      if (seen === undefined) subjects.set(measure.subject, {measures: [measure], runs: [run]})
      else {
        seen.measures.push(measure)
        seen.runs.push(run)
      }
    }
  }
  return subjects
}

/** Of one line at a time, because all of them together would take most of the memory. */
function pointsOf({measures, runs}: Seen): HistoryPoint[] {
  return runs.map(({run: {at, release, node, rebind}, file}, index) => {
    const {value = null, low = null, high = null, answers = []} = measures[index] ?? {}
    return {
      at,
      value,
      low,
      high,
      answer: answerWords(answers),
      runs: 1,
      release,
      node,
      rebind,
      file,
    }
  })
}

function answerWords(answers: readonly string[]): string | null {
  return answers.length === 0 ? null : answers.join(', ')
}

interface Line {
  series: HistorySeries
  moved: HistoryMove[]
}

function lineOf(line: Pick<HistorySeries, 'subject' | 'system'>, seen: Seen, most: number): Line {
  const points = pointsOf(seen)
  const times = points.flatMap((point, index) => {
    const {value, low, high} = point
    const expected = seen.measures[index]?.expected ?? null
    return value === null ? [] : [{value, low: low ?? value, high: high ?? value, point, expected}]
  })
  const answered = answerMove(line, seen)
  const first = unexpectedMove(times)
  const since = times[first ?? 0]?.point
  // A time that came with another answer says nothing more.
  const isBoth = answered !== undefined && since?.file === answered.file
  const now = Math.max(answered?.file ?? 0, first === undefined ? 0 : (since?.file ?? 0))
  const moved: HistoryMove[] = [
    ...(answered === undefined ? [] : [answered]),
    ...(first === undefined || since === undefined || isBoth
      ? []
      : [timeMove(line, times, first, since)]),
  ]
  return {
    series: {
      ...{...line, runs: points.length, points: bucketed(points, most)},
      moved: moved.length > 0,
      judged: canBeJudged(times),
      level: levelOf(times.filter(({point}) => point.file >= now)),
    },
    moved,
  }
}

interface Expected extends Timed {
  expected: Measure['expected']
}

/** Where the rules give a range, each time in it is as good as any other: a kernel's timer decides by chance. */
function unexpectedMove(times: readonly Expected[]): number | undefined {
  const first = findMove(times)
  if (first === undefined) return undefined
  const isAsExpected = [times.slice(0, first), times.slice(first)].every((side) => {
    const {median} = levelOf(side) ?? {median: Number.NaN}
    const [from, to] = side[0]?.expected ?? [Number.NaN, Number.NaN]
    return median >= from && median <= to
  })
  return isAsExpected ? undefined : first
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
  {measures, runs}: Seen,
): HistoryMove | undefined {
  let last: HistoryMove | undefined
  let known = measures[0]?.answers ?? []
  for (const [index, {run, file}] of runs.entries()) {
    const {answers = []} = measures[index] ?? {}
    if (!areSameAnswers(known, answers)) {
      const times = (last?.times ?? 0) + 1
      const [from, to] = [answerWords(known), answerWords(answers)]
      const change = {kind: 'answer', at: run.at, file, times, from, to} as const
      last = {...line, ...change, before: null, after: null}
    } else if (answers.includes(notWaited)) continue
    known = answers
  }
  return last
}
