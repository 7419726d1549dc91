import {scenarios} from '../../scenarios/index.ts'
import type {Host, Result} from '../documents/report-schema.ts'
import type {ExpectedRules, RuleTexts} from '../documents/rules.ts'
import {platformOf, ruleTexts} from '../platforms/detect.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {bindQuestions, ruleOf} from '../restart/bind-questions.ts'
import {blankResult} from '../restart/blank.ts'
import {bugOfResult} from '../restart/known-bug.ts'
import {haveSameServers} from './differences.ts'

/** By which rules a result is judged: as its report says, or as an earlier report's system says now. */
export function rulesOf(host: Host, result: Result): ExpectedRules {
  const {expected} = result
  if (expected === null) return {}
  const {rule, premises, release} = expected
  return rule === undefined ? askedAgain(host, result) : {rule, premises, release}
}

/** The rule that decided, if one is known: where the answer was a kernel's known bug, that. */
export function decidingRule(host: Host, result: Result): string | null {
  return bugOfResult(result, host)?.id ?? rulesOf(host, result).rule ?? null
}

/**
 * Reports of earlier releases name no rules. The scenario is asked again, if it still asks the same; if not, or if
 * it was somebody's own, what the result says of its servers and its residue.
 */
function askedAgain(host: Host, result: Result): ExpectedRules {
  const {expected, settings: own} = result
  const platform = platformOf(host.stack)
  if (expected === null || platform.rules === null) return {}
  const settings = {...host.settings, ...own}
  const scenario = Object.hasOwn(scenarios, result.scenario)
    ? scenarios[result.scenario]
    : undefined
  if (scenario !== undefined) {
    const limitSeconds = Number.POSITIVE_INFINITY
    const now = blankResult(result.scenario, scenario, {platform, settings, limitSeconds})
    if (now.expected !== null && haveSameServers(now, result) && isSame(now.expected, expected)) {
      const {rule, premises, release} = now.expected
      return {rule, premises, release}
    }
  }
  if (expected.calls !== undefined) return {}
  const [rule] = bindQuestions(result)
    .flatMap((question) => ruleOf(() => platform.rules?.bind(question)) ?? [])
    .filter(({outcome}) => outcome === outcomeOf(expected))
  const {residue, residueSeconds} = expected
  const release =
    residueSeconds === undefined || residue === 'none'
      ? undefined
      : platform.rules.release(residue, settings)
  return {rule: rule?.id, release: release?.endsBy === 'kernel' ? release.id : undefined}
}

type Expected = NonNullable<Result['expected']>

function isSame(a: Expected, b: Expected): boolean {
  return a.residue === b.residue && outcomeOf(a) === outcomeOf(b)
}

/** What the first attempt should be answered. */
function outcomeOf({verdict}: Expected): 'granted' | 'EADDRINUSE' {
  return verdict === 'immediate' ? 'granted' : 'EADDRINUSE'
}

/** The state whose release ends the wait: what a residue turned into, if it did. */
export function releasedState({stack}: Host, {release}: ExpectedRules): TcpState | undefined {
  const table = platformOf(stack).rules?.table ?? {}
  return release !== undefined && Object.hasOwn(table, release)
    ? table[release]?.releases
    : undefined
}

/** Rules of one side, by their ids. */
export interface NamedRules {
  host: Pick<Host, 'stack'>
  ids: readonly (string | null | undefined)[]
}

/** The texts of all rules that the sides name; of what several systems do alike, the sources of each. */
export function textsOf(named: readonly NamedRules[]): RuleTexts {
  const texts: RuleTexts = {}
  for (const {host, ids} of named) {
    const known = ids.filter((id) => typeof id === 'string')
    const own = ruleTexts(platformOf(host.stack).rules, known)
    for (const [id, {because, source}] of Object.entries(own)) {
      const sources = Object.hasOwn(texts, id) ? (texts[id]?.source.split('; ') ?? []) : []
      const all = new Set([...sources, ...source.split('; ')])
      texts[id] = {because, source: [...all].join('; ')}
    }
  }
  return texts
}
