import {
  type Aspect,
  aspects,
  type Comparison,
  type ComparisonReason,
  type ScenarioComparison,
} from '../documents/comparison-schema.ts'
import {groupBy} from '../group-by.ts'
import {platformOf} from '../platforms/detect.ts'
import {answerOf, isMeasured} from './answer.ts'
import {distinctReasons, type Reason, reason} from './because.ts'
import {differingAspects} from './differences.ts'
import type {ReportDocument} from './documents.ts'
import {changedSince, kindsOf, labelledByKind} from './kinds.ts'
import {decidingRule, rulesOf} from './rules.ts'
import {type Party, whyDifferent} from './why.ts'

/** A comparison, and by what its reason is one with others'. */
interface Compared {
  comparison: ScenarioComparison
  key: string
}

/**
 * Every scenario of the reports, in the order in which they are met, with what each side did, in what the
 * sides differ and why; and those that differ, by why they do.
 * @param labels of the sides, one for each report
 */
export function compareScenarios(
  documents: readonly ReportDocument[],
  labels: readonly string[],
): Required<Pick<Comparison, 'scenarios' | 'reasons'>> {
  const byId = documents.map(
    ({content}) => new Map(content.results.map((result) => [result.scenario, result])),
  )
  const ids = new Set(byId.flatMap((results) => [...results.keys()]))
  const compared = [...ids].map((scenario): Compared => {
    const parties = documents.map(({content: {host}}, index): Party | null => {
      const result = byId[index]?.get(scenario)
      const label = labels[index] ?? ''
      const {hiddenStates} = platformOf(host.stack)
      const rules = result === undefined ? {} : rulesOf(host, result)
      return result === undefined
        ? null
        : {host, label, result, answer: answerOf(result), hiddenStates, rules}
    })
    const kinds = kindsOf(parties)
    const {differs, reasons} = difference(labelledByKind(parties))
    reasons.push(...changedSince(parties).map(sinceReason))
    return {
      comparison: {
        scenario,
        title: parties.find((party) => party !== null)?.result.title ?? scenario,
        answers: parties.map((party) => party?.answer ?? null),
        rules: parties.map((party) => party && decidingRule(party.host, party.result)),
        differs,
        kinds,
        why: differs.length === 0 ? null : reasons.map(({text}) => text).join(' '),
      },
      key: JSON.stringify(reasons.map(({key}) => key)),
    }
  })
  return {scenarios: compared.map(({comparison}) => comparison), reasons: together(compared)}
}

function sinceReason({stack, label}: {stack: string; label: string}): Reason {
  return reason(['since', stack, label], `So since ${label}, of the versions compared.`)
}

/** Those that differ for the same reason. */
function together(compared: readonly Compared[]): ComparisonReason[] {
  const differing = compared.filter(({comparison}) => comparison.why !== null)
  return [...groupBy(differing, ({key}) => key).values()].map((own) => {
    const [first] = own
    const sides = first?.comparison.answers ?? []
    return {
      scenarios: own.map(({comparison}) => comparison.scenario),
      why: first?.comparison.why ?? '',
      rules: sides.map((_, side) => [
        ...new Set(own.flatMap(({comparison}) => comparison.rules?.[side] ?? [])),
      ]),
    }
  })
}

/** Each side is held against the first that has an answer of another kind; equal pairs are told once. */
function difference(parties: readonly (Party | null)[]): {differs: Aspect[]; reasons: Reason[]} {
  const measured = parties
    .filter((party) => party !== null)
    .filter(({result}) => isMeasured(result))
  const differs = new Set<Aspect>()
  const ofPairs = new Map<string, Reason>()
  for (const [index, a] of measured.entries()) {
    for (const b of measured.slice(index + 1)) {
      const found = differingAspects(a, b)
      for (const aspect of found) differs.add(aspect)
      const pair = `${found.join()} ${a.host.stack} ${b.host.stack}`
      const why = ofPairs.has(pair) ? undefined : whyDifferent(a, b, found)
      if (why !== undefined) ofPairs.set(pair, why)
    }
  }
  return {
    differs: aspects.filter((aspect) => differs.has(aspect)),
    reasons: distinctReasons([...ofPairs.values()]),
  }
}
