import type {Finding, FindingKind, Judgement, Side} from '../documents/comparison-schema.ts'
import {rangeWords} from '../documents/words.ts'
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
export function judgeByLast({records, cells, outcomes}: Records, count: number): Judgement {
  const verdicts: Verdicts = {differences: [], notCompared: [], notes: []}
  // A copy has another time of its file than what was copied.
  const dated = records.filter((record) => record.dated !== 'file')
  const parties = partiesOf(dated, count)
  if (dated.length < records.length) {
    verdicts.notes.push(
      `${records.length - dated.length} documents without a date are not used; keep them in their run folders`,
    )
  }
  const isFirst = parties.every(({baseline}) => baseline.length === 0)
  for (const party of parties) {
    const {judged, baseline} = party
    if (baseline.length > 0) judgeMeasures(party, verdicts)
    else if (isFirst) verdicts.notCompared.push(nothingBefore(judged))
    else verdicts.notes.push(nothingBefore(judged).text)
    judgeCells(party, {cells, outcomes}, verdicts)
  }
  const judged = parties.map((party) => party.judged)
  const sum = (of: (record: RunRecord) => number) =>
    judged.reduce((all, record) => all + of(record), 0)
  return {
    ...{format: 'rebind-compare', version: 1},
    baseline: parties.flatMap(({baseline}) => baseline.map(sideOf)),
    judged: judged.map(sideOf),
    scenarios: sum(({measures}) => measures.length),
    cells: sum((record) => record.outcomes.length),
    ...verdicts,
  }
}

/** What belongs to the newest run: everything that was measured since the run before it. */
function partiesOf(records: readonly RunRecord[], count: number): Party[] {
  const newest = records.at(-1)
  if (newest === undefined) return []
  const ofSystem = records.filter((record) => kernelOf(record) === kernelOf(newest))
  const parties = [...groupBy(ofSystem, ({line}) => line).values()].flatMap((own): Party[] => {
    const judged = own.at(-1)
    return judged === undefined ? [] : [{judged, baseline: own.slice(0, -1).slice(-count)}]
  })
  const before = parties.find(({judged}) => judged === newest)?.baseline.at(-1)
  return parties.filter(({judged}) => before === undefined || judged.at > before.at)
}

function nothingBefore(record: RunRecord): Finding {
  const text = `there is no earlier ${record.kind} of ${kernelOf(record)}; keep the runs, and compare again after the next one`
  return {subject: record.kind, kind: 'not-measured', text}
}

function judgeMeasures({judged, baseline}: Party, verdicts: Verdicts): void {
  const {differences, notCompared, notes} = verdicts
  const known = groupBy(
    baseline.flatMap(({measures}) => measures),
    ({subject}) => subject,
  )
  const now = new Set(judged.measures.map(({subject}) => subject))
  const tooFew: string[] = []
  for (const measure of judged.measures) {
    const {subject} = measure
    const before = known.get(subject)
    if (before === undefined) notes.push(`${subject}: new, no earlier run has it`)
    else differences.push(...changesOf(measure, before, tooFew))
  }
  for (const [subject, before] of known) {
    if (now.has(subject) || before.length * 2 <= baseline.length) continue
    const text = `not measured now, it was in ${before.length} of the last ${baseline.length} runs`
    notCompared.push({subject, kind: 'not-measured', text})
  }
  if (tooFew.length > 0) {
    const [first = '', ...others] = tooFew
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    notes.push(
      `the time of ${first}${more} is not judged: fewer than ${fewestRuns} earlier runs have one, which are too few to say`,
    )
  }
}

/** @param tooFew gets the subject if its time cannot be judged */
function changesOf(measure: Measure, before: readonly Measure[], tooFew: string[]): Finding[] {
  const {subject, answers, error, residue} = measure
  const finding = (kind: FindingKind, text: string): Finding => ({subject, kind, text})
  const last = before.at(-1)
  const often = `in the last ${before.length} runs`
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
    found.push(finding('residue', `${residue || 'none'}, was ${residues.at(-1) || 'none'} ${often}`))
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

/** Cells that changed alike are one difference. */
function judgeCells(
  {judged, baseline}: Party,
  {cells, outcomes}: Pick<Records, 'cells' | 'outcomes'>,
  {differences}: Verdicts,
): void {
  const changes: {cell: string; from: number; to: number}[] = []
  for (const [place, to] of judged.outcomes.entries()) {
    const before = baseline.map((record) => record.outcomes[place] ?? 0).filter(Boolean)
    const from = before.at(-1)
    if (to === 0 || from === undefined || before.includes(to)) continue
    changes.push({cell: cells[place] ?? '', from, to})
  }
  for (const own of groupBy(changes, ({from, to}) => `${from} ${to}`).values()) {
    const [first] = own
    if (first === undefined) continue
    const more = own.length - 1
    const subject = more === 0 ? first.cell : `${first.cell} and ${more} more cells`
    const text = `${outcomes[first.to] ?? ''}, was ${outcomes[first.from] ?? ''}`
    differences.push({subject, kind: 'cell', text})
  }
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
