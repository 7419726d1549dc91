import type {Matrix, MatrixCell} from '../../documents/matrix-schema.ts'
import {counted} from '../../documents/words.ts'
import {groupBy} from '../../group-by.ts'
import {bugTextOf, ruleTextOf} from '../../matrix/cell-rule.ts'
import type {TestCase} from './test-case.ts'

/**
 * For each residue and each pair of bind options: a case for all its cells that are as the rules say, one for
 * those that could not be judged, and a case of its own for every cell that is not as the rules say.
 */
export function casesOfMatrix({host, cells, predicted, rules}: Matrix): TestCase[] {
  const groups = groupBy(cells, ({residue, predecessor, successor}) =>
    [residue, predecessor.bind, successor.bind].join(' '),
  )
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    const common = {
      group: `${host.stack}.${first.residue}`,
      name: `${first.residue} left by ${first.predecessor.bind}, then ${first.successor.bind}`,
      seconds: 0,
    }
    const agreeing = group.filter(({agrees}) => agrees === true)
    const open = group.filter(({agrees}) => agrees === null)
    const notJudged = (cell: MatrixCell) =>
      predicted === true ? 'predicted, nothing was tried' : reasonOf(cell)
    const skipped = [...groupBy(open, notJudged)].map(
      ([reason, alike]): TestCase => ({
        ...common,
        name: `${common.name}, not judged`,
        ...{status: 'skipped', reason: `${counted(alike.length, 'cell')}: ${reason}`, seen: {}},
      }),
    )
    return [
      ...(agreeing.length === 0
        ? []
        : [{...common, status: 'as-expected', reason: '', seen: {}} satisfies TestCase]),
      ...group.filter(({agrees}) => agrees === false).map(unexpected(common, rules)),
      ...skipped,
    ]
  })
}

function unexpected({group, seconds}: Pick<TestCase, 'group' | 'seconds'>, rules: Matrix['rules']) {
  return (cell: MatrixCell): TestCase => {
    const {residue, predecessor, successor, observed, expected} = cell
    const rule = ruleTextOf(cell, rules)
    const bug = bugTextOf(cell, rules)
    const because = rule === undefined ? '' : `, because ${rule.because} (${rule.source})`
    const known = bug === undefined ? '' : `; this is ${bug.because} (${bug.source})`
    return {
      group,
      seconds,
      name: `${residue} left by ${serverWords(predecessor)}, then ${serverWords(successor)}`,
      status: 'unexpected',
      reason: `${observed}, expected ${expected}${because}${known}`,
      seen: {
        residue,
        predecessor: serverWords(predecessor),
        successor: serverWords(successor),
        observed: observed ?? '-',
        expected: expected ?? '-',
        ...(rule === undefined ? {} : {because: rule.because, source: rule.source}),
      },
    }
  }
}

function serverWords({bind, address}: {bind: string; address: string}): string {
  return `${address} ${bind}`
}

function reasonOf({reason, observed}: MatrixCell): string {
  if (reason !== undefined) return reason
  return observed === null ? 'not tried' : 'there is no rule for it'
}
