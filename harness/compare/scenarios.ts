import {type Aspect, aspects, type ScenarioComparison} from '../documents/comparison-schema.ts'
import {platformOf} from '../platforms/detect.ts'
import {answerOf, isMeasured} from './answer.ts'
import {differingAspects} from './differences.ts'
import type {ReportDocument} from './documents.ts'
import {type Party, whyDifferent} from './why.ts'

/**
 * Every scenario of the reports, in the order in which they are met, with what each side did, in what the
 * sides differ and why.
 * @param labels of the sides, one for each report
 */
export function compareScenarios(
  documents: readonly ReportDocument[],
  labels: readonly string[],
): ScenarioComparison[] {
  const byId = documents.map(
    ({content}) => new Map(content.results.map((result) => [result.scenario, result])),
  )
  const ids = new Set(byId.flatMap((results) => [...results.keys()]))
  return [...ids].map((scenario) => {
    const parties = documents.map(({content: {host}}, index): Party | null => {
      const result = byId[index]?.get(scenario)
      const label = labels[index] ?? ''
      const {hiddenStates} = platformOf(host.stack)
      return result === undefined
        ? null
        : {host, label, result, answer: answerOf(result), hiddenStates}
    })
    const {differs, why} = difference(parties)
    return {
      scenario,
      title: parties.find((party) => party !== null)?.result.title ?? scenario,
      answers: parties.map((party) => party?.answer ?? null),
      differs,
      why,
    }
  })
}

/** Each side is held against the first that has an answer of another kind; equal pairs are told once. */
function difference(
  parties: readonly (Party | null)[],
): Pick<ScenarioComparison, 'differs' | 'why'> {
  const measured = parties
    .filter((party) => party !== null)
    .filter(({result}) => isMeasured(result))
  const differs = new Set<Aspect>()
  const sentences = new Map<string, string>()
  for (const [index, a] of measured.entries()) {
    for (const b of measured.slice(index + 1)) {
      const found = differingAspects(a, b)
      for (const aspect of found) differs.add(aspect)
      const pair = `${found.join()} ${a.host.stack} ${b.host.stack}`
      if (found.length > 0 && !sentences.has(pair)) sentences.set(pair, whyDifferent(a, b, found))
    }
  }
  const ordered = aspects.filter((aspect) => differs.has(aspect))
  return {
    differs: ordered,
    why: ordered.length === 0 ? null : [...new Set(sentences.values())].join(' '),
  }
}
