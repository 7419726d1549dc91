import {kernelOf} from '../documents/host.ts'
import type {Matrix, MatrixCell} from '../documents/matrix-schema.ts'
import {ruleTextSchema} from '../documents/rules.ts'
import {platformOf} from '../platforms/detect.ts'
import {bugBehind} from '../platforms/known-bugs.ts'
import type {RuleAnswer} from '../platforms/platform.ts'
import {questionOf} from './question.ts'

/**
 * The rule that is expected to hold for a cell, by its id. Earlier releases wrote none: then it is the one that the
 * platform names now, if that expects the same.
 */
export function ruleIdOf(cell: MatrixCell, {stack}: Pick<Matrix['host'], 'stack'>): string | null {
  if (typeof cell.rule === 'string') return cell.rule
  const now = platformOf(stack).rules?.bind(questionOf(cell))
  return now !== undefined && now.outcome === cell.expected ? now.id : null
}

/** Its texts, as the document has them; undefined where it has none. */
export function ruleTextOf({rule}: Pick<MatrixCell, 'rule'>, rules: Matrix['rules']) {
  if (typeof rule !== 'string') return rule
  const text = rules != null && Object.hasOwn(rules, rule) ? rules[rule] : undefined
  return ruleTextSchema.safeParse(text).data
}

/** The known bug by which a cell disagrees, as the document has it. */
export function bugTextOf({bug}: Pick<MatrixCell, 'bug'>, rules: Matrix['rules']) {
  return ruleTextOf({rule: bug}, rules)
}

/** The known bug by which a cell of that host disagrees, whether or not the document names it. */
export function bugOfCell(cell: MatrixCell, host: Matrix['host']): RuleAnswer | undefined {
  const {rules} = platformOf(host.stack)
  return bugBehind(rules, kernelOf(host), questionOf(cell), cell.observed)
}
