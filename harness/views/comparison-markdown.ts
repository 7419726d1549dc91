import type {
  CellComparison,
  Comparison,
  Finding,
  Judgement,
  Side,
} from '../documents/comparison-schema.ts'
import {
  answerWords,
  besides,
  cellTally,
  differsWords,
  judgementTally,
  outcomeWords,
  reasons,
  releaseWords,
  scenarioTally,
  sideWords,
  tableWords,
} from './comparison-words.ts'
import {literal, row} from './report-markdown.ts'

/** GitHub shows the first MiB of a job's summary; beyond this the JSON is the place to look. */
const differencesShown = 1000

/** The comparison as GitHub-flavoured Markdown, e.g. for the summary of a CI run. */
export function renderComparisonMarkdown(comparison: Comparison): string {
  const {reports, scenarios, releases, matrices, cells, notes} = comparison
  const header = ['scenario', ...reports.map(({label}) => literal(label)), 'differs']
  return [
    '# Rebind: side by side',
    '',
    ...(reports.length === 0
      ? []
      : [
          ...list(reports.map(sideWords)),
          row(header),
          row(header.map(() => '---')),
          ...scenarios.map((scenario) =>
            row([
              literal(scenario.scenario),
              ...scenario.answers.map((answer) => literal(answerWords(answer))),
              emphasised(differsWords(scenario)),
            ]),
          ),
          '',
          `${scenarioTally(scenarios)}.`,
          '',
          ...section(
            'What differs, and why',
            reasons(scenarios).map(([ids, why]) => `${ids.join(', ')}: ${why}`),
          ),
          ...section('What clients saw', besides(scenarios, reports)),
          ...releases.flatMap((release) =>
            section(`How long ${release.state} is kept`, releaseWords(release, reports)),
          ),
        ]),
    ...(cells === null ? [] : cellLines(cells, matrices)),
    ...section('Not compared', notes),
  ].join('\n')
}

function emphasised(words: string): string {
  return words === '-' ? words : `**${literal(words)}**`
}

function list(items: readonly string[]): string[] {
  return [...items.map((item) => `- ${literal(item)}`), '']
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`## ${literal(title)}`, '', ...list(items)]
}

function cellLines(cells: CellComparison, sides: readonly Side[]): string[] {
  const header = ['cells', 'outcome', 'why', 'e.g.']
  return [
    '## The bind tables',
    '',
    ...list(tableWords(cells, sides)),
    `${literal(cellTally(cells, sides))}.`,
    '',
    ...(cells.groups.length === 0
      ? []
      : [
          row(header),
          row(header.map(() => '---')),
          ...cells.groups.map(({outcomes, why, count, examples}) =>
            row([
              String(count),
              literal(outcomeWords(outcomes, sides)),
              literal(why),
              examples.map(literal).join('<br>'),
            ]),
          ),
          '',
        ]),
  ]
}

/** The judgement of a run against its baseline. */
export function renderJudgementMarkdown(judgement: Judgement): string {
  const {baseline, judged, differences, notCompared, notes} = judgement
  const more = differences.length - differencesShown
  return [
    '# Rebind: against the baseline',
    '',
    ...list([
      ...judged.map((side) => `judged: ${sideWords(side)}`),
      ...baseline.map((side) => `baseline: ${sideWords(side)}`),
    ]),
    `**${literal(judgementTally(judgement))}.**`,
    '',
    ...section('What differs', [
      ...differences.slice(0, differencesShown).map(findingWords),
      ...(more > 0 ? [`and ${more} more (--json has all of them)`] : []),
    ]),
    ...section('What could not be compared', notCompared.map(findingWords)),
    ...section('Notes', notes),
  ].join('\n')
}

function findingWords({subject, text}: Finding): string {
  return `${subject}: ${text}`
}
