import type {CellComparison, CellGroup} from '../documents/comparison-schema.ts'
import {kernelOf} from '../documents/host.ts'
import type {Matrix, MatrixCell} from '../documents/matrix-schema.ts'
import type {Host} from '../documents/report-schema.ts'
import {bugOfCell} from '../matrix/cell-rule.ts'
import {questionOf} from '../matrix/question.ts'
import {platformOf} from '../platforms/detect.ts'
import type {RuleAnswer} from '../platforms/platform.ts'
import {type Asked, asSentence, becauseOf, distinctReasons, type Reason, reason} from './because.ts'
import {cellKey, type MatrixDocument} from './documents.ts'
import {stackTitle} from './sides.ts'

const examplesShown = 2

/** What a cell says: what was observed, or on another machine's prediction what is expected. */
export function outcomeOf({observed, expected}: MatrixCell): string | null {
  return observed ?? expected
}

interface CellOfSide {
  cell: MatrixCell
  host: Host
}

/** The bind tables cell by cell: counts, and the cells that differ, grouped by the rules that make them. */
export function compareMatrices(documents: readonly MatrixDocument[]): CellComparison {
  const tables = documents.map(
    ({content}) => new Map(content.cells.map((cell) => [cellKey(cell), cell])),
  )
  const groups = new Map<string, CellGroup & {rules: string[][]}>()
  const absent = documents.map(() => 0)
  let compared = 0
  let differing = 0
  for (const key of new Set(tables.flatMap((table) => [...table.keys()]))) {
    const sides = documents.map(({content: {host}}, index): CellOfSide | null => {
      const cell = tables[index]?.get(key)
      return cell === undefined || outcomeOf(cell) === null ? null : {cell, host}
    })
    for (const [index, side] of sides.entries()) {
      if (side === null) absent[index] = (absent[index] ?? 0) + 1
    }
    const present = sides.filter((side) => side !== null)
    if (present.length < 2) continue
    compared++
    if (new Set(present.map(({cell}) => outcomeOf(cell))).size === 1) continue
    differing++
    addToGroup(groups, key, sides)
  }
  return {
    tables: documents.map(({content}) => countsOf(content)),
    compared,
    same: compared - differing,
    differing,
    absent,
    groups: [...groups.values()].sort((a, b) => b.count - a.count),
  }
}

function addToGroup(
  groups: Map<string, CellGroup & {rules: string[][]}>,
  key: string,
  sides: readonly (CellOfSide | null)[],
): void {
  const outcomes = sides.map((side) => (side === null ? null : outcomeOf(side.cell)))
  const reasons = whyCellsDiffer(sides.filter((side) => side !== null))
  const kind = JSON.stringify([outcomes, reasons.map((each) => each.key)])
  const group = groups.get(kind) ?? {
    outcomes,
    why: reasons.map(({text}) => text).join(' '),
    rules: sides.map(() => []),
    count: 0,
    examples: [],
  }
  for (const [index, side] of sides.entries()) {
    const id = side === null ? undefined : accountOf(side)?.id
    const known = group.rules[index]
    if (id !== undefined && known?.includes(id) === false) known.push(id)
  }
  group.count++
  if (group.examples.length < examplesShown) group.examples.push(key)
  groups.set(kind, group)
}

/** From the first cell's side to each that has another outcome, once for each pair of stacks. */
function whyCellsDiffer(sides: readonly CellOfSide[]): Reason[] {
  const [first] = sides
  if (first === undefined) return []
  const reasons = sides
    .filter(({cell}) => outcomeOf(cell) !== outcomeOf(first.cell))
    .map((side) => reasonOf(first, side))
  return distinctReasons(reasons)
}

function reasonOf(a: CellOfSide, b: CellOfSide): Reason {
  const [askedA, askedB] = [asked(a), asked(b)]
  if (askedA === undefined) return unforeseen(a)
  if (askedB === undefined) return unforeseen(b)
  const {key, text} = becauseOf(askedA, askedB)
  return {key, text: `${asSentence(text)}.`}
}

/** The platform's rule for the cell; undefined where it does not come to what the cell says. */
function asked({cell, host}: CellOfSide): Asked | undefined {
  const platform = platformOf(host.stack)
  const question = questionOf(cell)
  const rule = platform.rules?.bind(question)
  return rule?.outcome === outcomeOf(cell) ? {platform, question, rule} : undefined
}

/** The rule, or the known bug, that accounts for what the cell says. */
export function accountOf(side: CellOfSide): RuleAnswer | undefined {
  return asked(side)?.rule ?? bugOf(side)
}

function bugOf({cell, host}: CellOfSide) {
  return bugOfCell(cell, host)
}

function unforeseen(side: CellOfSide): Reason {
  const {host, cell} = side
  const title = stackTitle(host)
  const {stack, os} = host
  const bug = bugOf(side)
  if (bug !== undefined) {
    const text = `On ${title} ${kernelOf(host)} it is ${outcomeOf(cell)} by ${bug.because}.`
    return reason(['bug', bug.id], text)
  }
  return platformOf(stack).rules === null
    ? reason(['no-rules', stack, os], `Of ${title} we have no rules to explain it by.`)
    : reason(
        ['unforeseen', stack, outcomeOf(cell)],
        `On ${title} it is ${outcomeOf(cell)}, against the rules of ${title}.`,
      )
}

function countsOf({cells, agreement}: Matrix): CellComparison['tables'][number] {
  const granted = cells.filter((cell) => outcomeOf(cell) === 'granted').length
  return {
    cells: cells.length,
    granted,
    refused: cells.length - granted,
    agreeing: agreement.agreeing,
    disagreeing: agreement.disagreeing,
    predicted: cells.length > 0 && cells.every(({observed}) => observed === null),
  }
}
