import {dirname} from 'node:path'
import type {Finding, FindingKind, Judgement, Side} from '../documents/comparison-schema.ts'
import {counted, rangeWords} from '../documents/words.ts'
import {greatestOf, leastOf} from '../extremes.ts'
import {groupBy} from '../group-by.ts'
import {isKnownAnswer, type Measure} from '../history/measures.ts'
import type {Records, RunRecord} from '../history/read.ts'
import {fewestRuns, levelOf} from '../history/spread.ts'
import {kernelOf} from '../history/systems.ts'

type Verdicts = Pick<Judgement, 'differences' | 'notCompared' | 'notes'>

/** A document, and those of its kind, system and kernel before it. */
interface Party {
  judged: RunRecord
  baseline: readonly RunRecord[]
}

/**
 * Judges the newest run by the last ones before it of the same system and kernel: an answer that none of them gave is a
 * difference, and so is a time outside their spread that the rules do not allow either.
 * @param records the oldest first
 */
export function judgeByLast(
  {records, skipped, cells, outcomes}: Records,
  count: number,
): Judgement {
  const verdicts: Verdicts = {differences: [], notCompared: [], notes: []}
  // A copy has another time of its file than what was copied.
  const dated = records.filter((record) => record.dated !== 'file')
  const {parties, absent, since} = newestRun(dated, count)
  verdicts.notCompared.push(...absent, ...unread(skipped, since))
  if (dated.length < records.length) {
    verdicts.notes.push(
      `${counted(records.length - dated.length, 'document')} without a date: not used; keep documents in their run folders`,
    )
  }
  const isFirst = parties.every(({baseline}) => baseline.length === 0)
  const compared = {scenarios: 0, cells: 0}
  for (const party of parties) {
    const {judged, baseline} = party
    if (baseline.length > 0) compared.scenarios += judgeMeasures(party, verdicts)
    else if (isFirst) verdicts.notCompared.push(nothingBefore(judged))
    else verdicts.notes.push(nothingBefore(judged).text)
    compared.cells += judgeCells(party, {cells, outcomes}, verdicts)
  }
  if (compared.scenarios + compared.cells + verdicts.notCompared.length === 0) {
    const text = 'the newest run and those before it measured nothing in common'
    verdicts.notCompared.push({subject: 'run', kind: 'not-measured', text})
  }
  return {
    ...{format: 'rebind-compare', version: 1},
    baseline: parties.flatMap(({baseline}) => baseline.map(sideOf)),
    judged: parties.map(({judged}) => sideOf(judged)),
    ...compared,
    ...verdicts,
  }
}

interface NewestRun {
  parties: Party[]
  /** What most of the runs before it measured, and it did not. */
  absent: Finding[]
  /** When the run before it ended; if none is known, when its newest document was made. */
  since: string
}

/**
 * What belongs to the newest run: everything that was measured since the run before it. Runs are told apart by their
 * documents of the line that the newest document has.
 */
function newestRun(records: readonly RunRecord[], count: number): NewestRun {
  const newest = records.at(-1)
  if (newest === undefined) return {parties: [], absent: [], since: ''}
  const ofSystem = records.filter((record) => kernelOf(record) === kernelOf(newest))
  const ends = endsOf(ofSystem)
  const lines = [...groupBy(ofSystem, ({line}) => line).values()].map((own) =>
    own.map((record) => ({record, end: ends.get(record) ?? record.at})),
  )
  const runs = spansOf(lines.find((own) => own.some(({record}) => record === newest)) ?? [])
  const before = runs.slice(0, -1).slice(-count)
  const parties: Party[] = []
  const absent: Finding[] = []
  for (const own of lines) {
    const judged = own.at(-1)
    if (judged === undefined) continue
    const baseline = own.slice(0, -1).map(({record}) => record)
    const having = before.filter((run) => own.some(({end}) => isWithin(end, run))).length
    if (isOfNewest(own, runs)) {
      parties.push({judged: judged.record, baseline: baseline.slice(-count)})
    } else if (having * 2 > before.length) {
      const {kind, line} = judged.record
      const text = `there is no ${kind} now, ${having} of the last ${counted(before.length, 'run')} had one`
      absent.push({subject: line, kind: 'not-measured', text})
    }
  }
  return {parties, absent, since: before.at(-1)?.until ?? newest.at}
}

interface Ended {
  record: RunRecord
  end: string
}

/** From the end of the run before it to its own. */
interface Span {
  after: string
  until: string
}

function spansOf(documents: readonly Ended[]): Span[] {
  const ends = [...new Set(documents.map(({end}) => end))]
  return ends.map((until, index) => ({after: ends[index - 1] ?? '', until}))
}

function isWithin(at: string, {after, until}: Span): boolean {
  return at > after && at <= until
}

/**
 * Whether the last document of a line is of the newest run. If nothing says when the run before that ended, it is so if
 * it is nearer to the newest document than to the one of its line before.
 */
function isOfNewest(own: readonly Ended[], runs: readonly Span[]): boolean {
  const [newest, last, previous] = [
    runs.at(-1)?.until ?? '',
    own.at(-1)?.end ?? '',
    own.at(-2)?.end,
  ]
  if (runs.length > 1) return last > (runs.at(-1)?.after ?? '')
  return (
    previous === undefined ||
    Date.parse(newest) - Date.parse(last) < Date.parse(last) - Date.parse(previous)
  )
}

/** When the run of each document ended: what lies in one folder, with one document of each line, is of one run. */
function endsOf(records: readonly RunRecord[]): Map<RunRecord, string> {
  const ends = new Map<RunRecord, string>()
  for (const own of groupBy(records, ({file}) => dirname(file)).values()) {
    const isOne = new Set(own.map(({line}) => line)).size === own.length
    for (const record of own) ends.set(record, (isOne ? own.at(-1)?.at : undefined) ?? record.at)
  }
  return ends
}

/** What is as new as the newest run may be a part of it. */
function unread(skipped: Records['skipped'], since: string): Finding[] {
  return skipped
    .filter(({at}) => at !== null && at > since)
    .map(({file, because}) => ({subject: file, kind: 'not-measured', text: because}))
}

function nothingBefore(record: RunRecord): Finding {
  const text = `there is no earlier ${record.kind} of ${kernelOf(record)}; keep the runs, and compare again after the next one`
  return {subject: record.kind, kind: 'not-measured', text}
}

/** @returns how many were compared */
function judgeMeasures({judged, baseline}: Party, verdicts: Verdicts): number {
  const {differences, notCompared, notes} = verdicts
  const known = groupBy(
    baseline.flatMap(({measures}) => measures),
    ({subject}) => subject,
  )
  const now = new Set(judged.measures.map(({subject}) => subject))
  const tooFew: string[] = []
  let compared = 0
  for (const measure of judged.measures) {
    const {subject} = measure
    const before = known.get(subject)
    if (before === undefined) notes.push(`${subject}: new, no earlier run has it`)
    else {
      differences.push(...changesOf(measure, before, tooFew))
      compared++
    }
  }
  for (const [subject, before] of known) {
    if (now.has(subject) || before.length * 2 <= baseline.length) continue
    const text = `not measured now, it was in ${before.length} of the last ${counted(baseline.length, 'run')}`
    notCompared.push({subject, kind: 'not-measured', text})
  }
  if (tooFew.length > 0) {
    const [first = '', ...others] = tooFew
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    notes.push(
      `the time of ${first}${more} is not judged: fewer than ${fewestRuns} earlier runs have one, which are too few to say`,
    )
  }
  return compared
}

/** @param tooFew gets the subject if its time cannot be judged */
function changesOf(measure: Measure, before: readonly Measure[], tooFew: string[]): Finding[] {
  const {subject, answers, error, residue} = measure
  const finding = (kind: FindingKind, text: string): Finding => ({subject, kind, text})
  const last = before.at(-1)
  const often = `in the last ${counted(before.length, 'run')}`
  if (!areKnown(answers, before)) {
    const [now, was] = [answers, last?.answers ?? []].map((each) => each.join(', ') || 'no answer')
    return [finding('grant', `${now}, was ${was} ${often}`)]
  }
  const found: Finding[] = []
  if (!before.some((each) => each.error === error)) {
    found.push(finding('error', `${error ?? 'none'}, was ${last?.error ?? 'none'} ${often}`))
  }
  // What cannot be seen says nothing.
  const residues = before.flatMap((each) => each.residue ?? [])
  if (residue !== null && residues.length > 0 && !residues.includes(residue)) {
    found.push(
      finding('residue', `${residue || 'none'}, was ${residues.at(-1) || 'none'} ${often}`),
    )
  }
  return [...found, ...timeChange(measure, before, tooFew)]
}

/** Whether some run before gave each of these answers; without one, whether some run before had none. */
function areKnown(answers: readonly string[], before: readonly Measure[]): boolean {
  if (answers.length === 0) return before.some((each) => each.answers.length === 0)
  const known = before.flatMap((each) => each.answers)
  return answers.every((answer) => isKnownAnswer(answer, known))
}

/** @param tooFew gets the subject if its time cannot be judged */
function timeChange(
  {subject, value, low, high, expected}: Measure,
  before: readonly Measure[],
  tooFew: string[],
): Finding[] {
  if (value === null) return []
  const times = before.flatMap((each) =>
    each.value === null
      ? []
      : [{value: each.value, low: each.low ?? each.value, high: each.high ?? each.value}],
  )
  const level = levelOf(times)
  if (level === null || times.length < fewestRuns) {
    tooFew.push(subject)
    return []
  }
  const range: [number, number] = [
    leastOf([level.low, ...times.map((each) => each.low), ...(expected?.slice(0, 1) ?? [])]),
    greatestOf([level.high, ...times.map((each) => each.high), ...(expected?.slice(1) ?? [])]),
  ]
  if ((high ?? value) >= range[0] && (low ?? value) <= range[1]) return []
  const text = `${value.toFixed(3)} s, the last ${times.length} runs allow ${rangeWords(range, 3)} s`
  return [{subject, kind: 'wait', text}]
}

/** Cells that changed alike are one difference. @returns how many were compared */
function judgeCells(
  {judged, baseline}: Party,
  {cells, outcomes}: Pick<Records, 'cells' | 'outcomes'>,
  {differences, notCompared}: Verdicts,
): number {
  const changes: {cell: string; from: number; to: number}[] = []
  const untried: string[] = []
  let compared = 0
  for (const [place, cell] of cells.entries()) {
    const to = judged.outcomes[place] ?? 0
    const before = baseline.map((record) => record.outcomes[place] ?? 0).filter(Boolean)
    const from = before.at(-1)
    if (from === undefined) continue
    if (to !== 0) compared++
    else if (before.length * 2 > baseline.length) untried.push(cell)
    if (to !== 0 && !before.includes(to)) changes.push({cell, from, to})
  }
  for (const own of groupBy(changes, ({from, to}) => `${from} ${to}`).values()) {
    const [first] = own
    const text = `${outcomes[first?.to ?? 0] ?? ''}, was ${outcomes[first?.from ?? 0] ?? ''}`
    differences.push({subject: cellsTogether(own.map(({cell}) => cell)), kind: 'cell', text})
  }
  if (untried.length > 0) {
    const text = `not tried now, most of the last ${counted(baseline.length, 'run')} did`
    notCompared.push({subject: cellsTogether(untried), kind: 'not-measured', text})
  }
  return compared
}

function cellsTogether([first = '', ...others]: readonly string[]): string {
  return others.length === 0 ? first : `${first} and ${counted(others.length, 'more cell')}`
}

function sideOf({host, file, at, kind}: RunRecord): Side {
  const {os, stack, release, arch, node} = host
  return {
    label: `${kind} of ${at.slice(0, 16).replace('T', ' ')}`,
    file,
    os,
    stack,
    release,
    arch,
    node,
  }
}
