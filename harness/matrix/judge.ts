import type {Matrix, MatrixCell} from '../documents/matrix-schema.ts'
import {ruleTexts} from '../platforms/detect.ts'
import {bugBehind} from '../platforms/known-bugs.ts'
import type {Rules} from '../platforms/platform.ts'
import type {Cell} from './cells.ts'
import type {Observation} from './measure.ts'
import {questionOf} from './question.ts'

/**
 * A cell with what was observed, if it was tried, and what the rules say of it, where there are any.
 * @param kernel its upstream version, by which a known bug is recognised
 */
export function judged(
  cell: Cell,
  observation: Observation | undefined,
  rules: Rules | null,
  kernel?: string,
): MatrixCell {
  const question = questionOf(cell)
  const rule = rules?.bind(question)
  const expected = rule?.outcome ?? null
  const observed =
    observation !== undefined && 'observed' in observation ? observation.observed : null
  const agrees = observed === null || expected === null ? null : observed === expected
  const bug = bugBehind(rules, kernel, question, observed)
  return {
    ...cell,
    observed,
    expected,
    agrees,
    ...(observation !== undefined && 'reason' in observation ? {reason: observation.reason} : {}),
    ...(rule === undefined ? {} : {rule: rule.id}),
    ...(bug === undefined ? {} : {bug: bug.id}),
  }
}

/** How many cells agree; those that were not tried, or that no rule is known for, are unknown. */
export function agreementOf(cells: readonly MatrixCell[]): Matrix['agreement'] {
  const count = (agrees: boolean | null) => cells.filter((cell) => cell.agrees === agrees).length
  return {agreeing: count(true), disagreeing: count(false), unknown: count(null)}
}

/** What a matrix says of its rules: where they come from, and the text of each one, or known bug, that a cell names. */
export function rulesFor(cells: readonly MatrixCell[], rules: Rules | null): Matrix['rules'] {
  if (rules === null) return null
  const {version, measured, checked} = rules
  const named = cells.flatMap(({rule, bug}) => [rule, bug]).filter((id) => typeof id === 'string')
  return {
    ...{version, measured},
    ...(checked === undefined ? {} : {checked}),
    ...ruleTexts(rules, named),
  }
}
