import {isWithin} from './kernel-version.ts'
import type {BindQuestion, BuggyVersions, RuleAnswer, Rules} from './platform.ts'
import type {RuleText} from './rule-table.ts'

/**
 * The known bug by which a kernel of this version answers so; undefined if it has none that does.
 * @param version undefined where it is not known
 */
export function bugBehind(
  rules: Rules | null,
  version: string | undefined,
  question: BindQuestion,
  observed: string | null,
): RuleAnswer | undefined {
  if (rules === null || version === undefined) return undefined
  if (observed === null || rules.bind(question).outcome === observed) return undefined
  const bug = rules.bugs.find(
    ({versions, outcome, applies}) =>
      outcome === observed &&
      versions.some(({first, last}) => isWithin(version, first, last)) &&
      applies(question),
  )
  const text = bug === undefined ? undefined : rules.table[bug.id]
  return bug === undefined || text === undefined ? undefined : {id: bug.id, ...text}
}

/** `a bug of Linux 6.1.0 to 6.1.4, fixed in 6.1.5: it ...`. */
export function bugText(
  {versions, does}: {versions: readonly BuggyVersions[]; does: string},
  system: string,
): RuleText['because'] {
  const ranges = versions.map(({first, last}) => `${first} to ${last}`).join(' and ')
  const fixes = versions.map(({fixedIn}) => fixedIn).join(' and ')
  return `a bug of ${system} ${ranges}, fixed in ${fixes}: ${does}`
}
