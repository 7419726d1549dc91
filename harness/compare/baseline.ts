import type {
  Answer,
  Finding,
  FindingKind,
  Judgement,
  Range,
} from '../documents/comparison-schema.ts'
import type {Report, Result, ResultBind} from '../documents/report-schema.ts'
import {besidesWords, counted, firstErrorWords, residueWords} from '../documents/words.ts'
import {UsageError} from '../errors.ts'
import {bugOfCell, ruleIdOf} from '../matrix/cell-rule.ts'
import type {RuleAnswer} from '../platforms/platform.ts'
import {bugOfResult} from '../restart/known-bug.ts'
import {printable} from '../text.ts'
import {answerOf, hull, isMeasured, overlap, releaseBracket, repetitionsOf} from './answer.ts'
import {
  type Answered,
  differingAspects,
  grantOf,
  haveSameServers,
  serversOf,
  verdictsDiffer,
} from './differences.ts'
import {
  type ComparableDocument,
  cellKey,
  type MatrixDocument,
  type ReportDocument,
} from './documents.ts'
import {decidingRule, type NamedRules, textsOf} from './rules.ts'
import {describeSides, stackTitle} from './sides.ts'

/** What a judgement is made of. */
type Verdicts = Pick<Judgement, 'differences' | 'notCompared' | 'notes'>

/** The rules that decide in the baseline and now. */
type Rules = NonNullable<Finding['rules']>

/**
 * Judges one run against an earlier one of the same OS: changed answers, errors, residues and waits outside
 * the baseline's range are differences; what one of them did not measure is none.
 * @throws UsageError if the two are not of the same stack, or have no kind of document in common
 */
export function judge(
  baseline: readonly ComparableDocument[],
  judged: readonly ComparableDocument[],
): Judgement {
  refuseAnotherStack(baseline, judged)
  const verdicts: Verdicts = {differences: [], notCompared: [], notes: []}
  const [oldReport, newReport] = [reportIn(baseline), reportIn(judged)]
  const [oldMatrix, newMatrix] = [matrixIn(baseline), matrixIn(judged)]
  if (!(oldReport && newReport) && !(oldMatrix && newMatrix)) {
    throw new UsageError(
      `${fileOf(baseline)} and ${fileOf(judged)} are not of one kind; judge a report by a report, a matrix by a matrix`,
    )
  }
  noteHosts(baseline, judged, verdicts)
  if (oldReport && newReport) judgeReport(oldReport.content, newReport.content, verdicts)
  else noteUnmatched('report', oldReport, newReport, verdicts)
  if (oldMatrix && newMatrix) judgeMatrix(oldMatrix, newMatrix, verdicts)
  else noteUnmatched('matrix', oldMatrix, newMatrix, verdicts)
  return {
    format: 'rebind-compare',
    version: 1,
    baseline: describeSides(baseline),
    judged: describeSides(judged),
    scenarios: oldReport && newReport ? newReport.content.results.length : 0,
    cells: oldMatrix && newMatrix ? newMatrix.content.cells.length : 0,
    ...verdicts,
    rules: textsOf(namedRules(baseline, judged, verdicts)),
  }
}

/** The rules that the findings name, of the one side and of the other. */
function namedRules(
  [old]: readonly ComparableDocument[],
  [fresh]: readonly ComparableDocument[],
  {differences, notCompared}: Verdicts,
): NamedRules[] {
  return [old, fresh].flatMap((document, side) => {
    const ids = [...differences, ...notCompared].map(({rules}) => rules?.[side])
    return document === undefined ? [] : [{host: document.content.host, ids}]
  })
}

function reportIn(documents: readonly ComparableDocument[]): ReportDocument | undefined {
  return documents.find((document) => document.kind === 'report')
}

function matrixIn(documents: readonly ComparableDocument[]): MatrixDocument | undefined {
  return documents.find((document) => document.kind === 'matrix')
}

function fileOf([document]: readonly ComparableDocument[]): string {
  return printable(document?.file ?? '')
}

function refuseAnotherStack(
  baseline: readonly ComparableDocument[],
  judged: readonly ComparableDocument[],
): void {
  const [first, ...others] = [...baseline, ...judged]
  const other = others.find(({content: {host}}) => {
    const expected = first?.content.host
    return host.stack !== expected?.stack || (host.stack === 'unknown' && host.os !== expected.os)
  })
  if (first === undefined || other === undefined) return
  const [title, otherTitle] = [first, other].map(({content}) => printable(stackTitle(content.host)))
  throw new UsageError(
    `${printable(other.file)} is of ${otherTitle} and ${printable(first.file)} of ${title}; a baseline is of the same operating system (without --baseline they are shown side by side)`,
  )
}

function noteUnmatched(
  kind: string,
  old: ComparableDocument | undefined,
  fresh: ComparableDocument | undefined,
  {notes}: Verdicts,
): void {
  const only = old ?? fresh
  if (only !== undefined) notes.push(`${only.file} is not judged: the other side has no ${kind}`)
}

/** A different kernel or setting is not a difference by itself, but the likely cause of one. */
function noteHosts(
  [old]: readonly ComparableDocument[],
  [fresh]: readonly ComparableDocument[],
  {notes}: Verdicts,
): void {
  if (old === undefined || fresh === undefined) return
  const [before, after] = [old.content.host, fresh.content.host]
  for (const name of ['release', 'kernel', 'arch', 'node', 'libuv'] as const) {
    const [from, to] = [before[name], after[name]]
    // Earlier releases did not record the kernel's own version.
    if (from === undefined || to === undefined || from === to) continue
    notes.push(`host ${name}: ${from} -> ${to}`)
  }
  const names = new Set([...Object.keys(before.settings), ...Object.keys(after.settings)])
  for (const name of names) {
    const [from, to] = [before, after].map(({settings}) =>
      Object.hasOwn(settings, name) ? String(settings[name] ?? 'not readable') : 'not there',
    )
    if (from !== to) notes.push(`setting ${name}: ${from} -> ${to}`)
  }
}

function judgeReport(baseline: Report, judged: Report, verdicts: Verdicts): void {
  const fresh = new Map(judged.results.map((result) => [result.scenario, result]))
  const known = new Set(baseline.results.map(({scenario}) => scenario))
  for (const old of baseline.results) {
    const now = fresh.get(old.scenario)
    const rules: Rules = [
      decidingRule(baseline.host, old),
      now === undefined ? null : decidingRule(judged.host, now),
    ]
    const bugs: Bugs = [bugOfResult(old, baseline.host), now && bugOfResult(now, judged.host)]
    judgeScenario(old, now, verdicts, {rules, bugs})
  }
  for (const {scenario} of judged.results) {
    if (!known.has(scenario)) verdicts.notes.push(`${scenario}: new, the baseline does not have it`)
  }
}

function judgeScenario(
  old: Result,
  fresh: Result | undefined,
  {differences, notCompared, notes}: Verdicts,
  {rules, bugs}: {rules: Rules; bugs: Bugs},
): void {
  const subject = old.scenario
  if (fresh === undefined) {
    differences.push({subject, kind: 'missing', rules, text: 'missing, the baseline has it'})
  } else if (!isMeasured(old)) {
    notes.push(`${subject}: not judged, it was ${old.status} in the baseline`)
  } else if (!isMeasured(fresh)) {
    const reason = fresh.reason === undefined ? '' : `: ${fresh.reason}`
    notCompared.push({
      ...{subject, kind: 'not-measured', rules},
      text: `${fresh.status} now${reason}`,
    })
  } else if (!haveSameServers(old, fresh)) {
    const text = `other servers now, ${serversOf(old)} before and ${serversOf(fresh)} after`
    notCompared.push({subject, kind: 'servers', rules, text})
  } else if (isAnAlternative(old, fresh)) {
    notes.push(`${subject}: answered differently, and both are possible by the rules`)
  } else {
    const found = changes(old, fresh)
    differences.push(
      ...found.map(([kind, text]) => ({
        ...{subject, kind, rules},
        text: kind === 'grant' ? withBugs(text, bugs) : text,
      })),
    )
    if (found.length === 0) notes.push(...unjudgedWait(old, fresh))
  }
}

/** Whether the system may answer in more than one way, and has now answered in another of them. */
function isAnAlternative(old: Result, fresh: Result): boolean {
  const all = [old, fresh].map(({status, expected}) => ({
    isExpected: status === 'as-expected' && expected?.rule !== undefined,
    by: JSON.stringify([expected?.rule, expected?.premises]),
    alternatives: expected?.alternatives?.length ?? 0,
  }))
  return (
    all.every(({isExpected, alternatives}) => isExpected && alternatives > 0) &&
    new Set(all.map(({by}) => by)).size > 1
  )
}

/** Known bugs of the baseline's kernel and of the one now, by which they answered. */
type Bugs = [RuleAnswer | undefined, RuleAnswer | undefined]

function withBugs(text: string, [before, now]: Bugs): string {
  const words = [
    ...(now === undefined ? [] : [`now by ${now.because}`]),
    ...(before === undefined ? [] : [`before by ${before.because}`]),
  ]
  return [text, ...words].join('; ')
}

type Change = [kind: FindingKind, text: string]

/** What changed between two measurements, in one line each. */
function changes(old: Result, fresh: Result): Change[] {
  const [before, after] = [answered(old), answered(fresh)]
  const aspects = differingAspects(before, after)
  if ((old.bind === null) !== (fresh.bind === null)) {
    const text =
      fresh.bind === null
        ? 'no bind was judged, one was before'
        : 'a bind is judged, none was before'
    return [['bind', text]]
  }
  const found: Change[] = []
  if (aspects.includes('residue')) {
    found.push(['residue', `residue ${residueWords(fresh)}, was ${residueWords(old)}`])
  }
  if (aspects.includes('grant') || isVerdictChanged(before, after)) {
    found.push(['grant', `${answerWords(after.answer)}, was ${answerWords(before.answer)}`])
  }
  if (aspects.includes('error') || aspects.includes('errno')) {
    found.push(['error', `first error ${firstErrorWords(fresh)}, was ${firstErrorWords(old)}`])
  }
  found.push(...waitChange(old, fresh))
  if (aspects.includes('calls') || aspects.includes('measurements')) {
    found.push(['counts', `${besidesWords(fresh)}; was ${besidesWords(old)}`])
  }
  return found.length > 0 ? found : repetitionChange(old, fresh)
}

/** Both sides are of one system and see alike. */
function answered(result: Result): Answered {
  return {result, answer: answerOf(result), hiddenStates: []}
}

/** With a limit below the release, the end of the wait was not to be seen, and says nothing. */
function isVerdictChanged(before: Answered, after: Answered): boolean {
  return (
    verdictsDiffer(before.answer, after.answer) &&
    !isCutShort(before.result) &&
    !isCutShort(after.result)
  )
}

function isCutShort({bind, expected}: Pick<Result, 'bind' | 'expected'>): boolean {
  if (bind === null || bind.verdict !== 'blocked') return false
  return !bind.waited || expected?.verdict === 'blocked'
}

function answerWords(answer: Answer): string {
  const grant = grantOf(answer) === 'granted' ? 'granted at once' : 'refused'
  const code = answer.firstError === null ? '' : ` with ${answer.firstError.code}`
  const end = answer.waited && answer.verdict !== 'immediate' ? `, ${answer.verdict}` : ''
  return `${grant}${code}${end}`
}

/** The waits that the baseline allows: its rules' range, and whatever it measured itself. */
function baselineRange(old: Result): Range | null {
  const expected = old.expected?.residueSeconds
  return expected === undefined ? null : hull([expected, ...releaseBrackets(old)])
}

function releaseBrackets(result: Result): Range[] {
  return repetitionsOf(result).flatMap(({bind}) => (bind === null ? [] : releaseBracket(bind)))
}

/** Each measured wait is a bracket, and is outside only if all of it is. */
function waitChange(old: Result, fresh: Result): Change[] {
  const range = baselineRange(old)
  if (range === null) return []
  const outside = releaseBrackets(fresh).filter((bracket) => !overlap(bracket, range))
  const [first] = outside
  if (first === undefined) return []
  const often = outside.length > 1 ? ` (${outside.length} times)` : ''
  const text = `released after ${seconds(first)} s${often}, the baseline allows ${seconds(range)} s`
  return [['wait', text]]
}

function seconds([min, max]: Range): string {
  return `${min.toFixed(3)} to ${max.toFixed(3)}`
}

/** The first repetition answers as before, but a later one as none of the baseline's did. */
function repetitionChange(old: Result, fresh: Result): Change[] {
  const before = waitedOut(old)
  const others = waitedOut(fresh).filter(
    (bind) => !before.some((each) => areAnsweredAlike(each, bind)),
  )
  const [first] = others
  if (first === undefined || before.length === 0) return []
  const times = fresh.repeats?.length ?? 1
  const text = `${bindWords(first)} in ${others.length} of ${counted(times, 'repetition')}, never in the baseline`
  return [['repetitions', text]]
}

function areAnsweredAlike(a: ResultBind, b: ResultBind): boolean {
  return (
    a.verdict === b.verdict &&
    a.firstError?.code === b.firstError?.code &&
    a.firstError?.errno === b.firstError?.errno
  )
}

/** The binds of all repetitions whose end was seen. */
function waitedOut(result: Result): ResultBind[] {
  return repetitionsOf(result)
    .flatMap(({bind}) => bind ?? [])
    .filter((bind) => !isCutShort({bind, expected: result.expected}))
}

function bindWords(bind: ResultBind): string {
  const error = bind.firstError === null ? '' : ` with ${firstErrorWords({bind})}`
  return `${bind.verdict}${error}`
}

/** A wait that is not the kernel's has no range to be judged by, unless it was measured more than once. */
function unjudgedWait(old: Result, fresh: Result): string[] {
  const {scenario: subject} = old
  if (isCutShort(fresh) && !isCutShort(old)) {
    return [`${subject}: refused as before, the wait was not waited out and is not judged`]
  }
  return old.expected === null && fresh.bind?.verdict === 'delayed'
    ? [`${subject}: the wait is not judged, the baseline has no rules to give its range`]
    : []
}

function judgeMatrix(
  {content: baseline}: MatrixDocument,
  {content: judged}: MatrixDocument,
  {differences, notCompared, notes}: Verdicts,
): void {
  const fresh = new Map(judged.cells.map((cell) => [cellKey(cell), cell]))
  const known = new Set(baseline.cells.map(cellKey))
  const missing: string[] = []
  const untried: string[] = []
  for (const old of baseline.cells) {
    const subject = cellKey(old)
    const cell = fresh.get(subject)
    if (cell === undefined) missing.push(subject)
    else if (old.observed === null || cell.observed === null) untried.push(subject)
    else if (old.observed !== cell.observed) {
      const bugs: Bugs = [bugOfCell(old, baseline.host), bugOfCell(cell, judged.host)]
      const rules: Rules = [
        bugs[0]?.id ?? ruleIdOf(old, baseline.host),
        bugs[1]?.id ?? ruleIdOf(cell, judged.host),
      ]
      const text = withBugs(`${cell.observed}, was ${old.observed}`, bugs)
      differences.push({subject, kind: 'cell', rules, text})
    }
  }
  differences.push(...together(missing, 'missing', 'missing, the baseline has it'))
  const onlyPredicted = 'predicted only, and not tried, on one side or both'
  notCompared.push(...together(untried, 'not-measured', onlyPredicted))
  const added = judged.cells.filter((cell) => !known.has(cellKey(cell))).length
  if (added > 0) notes.push(`${counted(added, 'new cell')}, not in the baseline`)
}

/** One line for all that is missing for the same reason, with an example. */
function together(
  [first, ...others]: readonly string[],
  kind: FindingKind,
  text: string,
): Finding[] {
  if (first === undefined) return []
  const subject =
    others.length === 0 ? first : `${first} and ${counted(others.length, 'more cell')}`
  return [{subject, kind, text}]
}
