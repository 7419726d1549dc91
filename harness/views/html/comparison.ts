import type {
  Answer,
  CellComparison,
  Comparison,
  Finding,
  Judgement,
  ScenarioComparison,
  Side,
} from '../../documents/comparison-schema.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {type Article, list, section, shortList, table} from '../../render/html/page.ts'
import {
  answerWords,
  cellTally,
  differsWords,
  judgementTally,
  outcomeWords,
  reasons,
  releaseWords,
  scenarioTally,
  sideWords,
  tableWords,
} from '../comparison-words.ts'

const findingsShown = 1000

/** The page of `rebind compare`: a column for each side. */
export function comparisonArticle(comparison: Comparison): Article {
  const {reports, scenarios, releases, matrices, cells, notes} = comparison
  const tallies = [
    ...(reports.length > 0 ? [scenarioTally(scenarios)] : []),
    ...(cells === null ? [] : [cellTally(cells, matrices)]),
  ]
  const differing = scenarios.some(({differs}) => differs.length > 0) || (cells?.differing ?? 0) > 0
  return {
    title: 'Side by side',
    body: html`${list(reports.map(sideWords))}
<p class="verdict ${differing ? 'open' : 'good'}">${tallies.join('; ')}</p>
${reports.length > 0 && section('What differs, and why', list(reasons(scenarios).map(([ids, why]) => html`<strong>${ids.join(', ')}:</strong> ${why}`)))}
${reports.length > 0 && section('Scenarios', scenarioTable(scenarios, reports))}
${releases.map((release) => section(`How long ${release.state} is kept`, list(releaseWords(release, reports))))}
${cells !== null && section('The bind tables', cellTable(cells, matrices))}
${section('Not compared', list(notes))}`,
  }
}

function scenarioTable(scenarios: readonly ScenarioComparison[], sides: readonly Side[]): Markup {
  const rows = scenarios.map((scenario) => {
    const words = differsWords(scenario)
    const differs = scenario.differs.length > 0
    return html`<tr><th scope="row">${scenario.scenario}</th>${scenario.answers.map((answer) => answerCell(answer, differs))}<td>${differs ? html`<strong>≠ ${words}</strong>` : words}</td></tr>\n`
  })
  return html`<div class="scroll" tabindex="0" role="region" aria-label="What each side answered"><table>
<thead><tr><th scope="col">scenario</th>${sides.map(({label}) => html`<th scope="col">${label}</th>`)}<th scope="col">differs</th></tr></thead>
<tbody>
${rows}</tbody>
</table></div>`
}

function answerCell(answer: Answer | null, differs: boolean): Markup {
  return differs
    ? html`<td class="differs">${answerWords(answer)}</td>`
    : html`<td>${answerWords(answer)}</td>`
}

function cellTable(cells: CellComparison, sides: readonly Side[]): Markup {
  const rows = cells.groups.map(({outcomes, why, count, examples}) => [
    String(count),
    outcomeWords(outcomes, sides),
    why,
    html`${examples.map((example) => html`${example.replace(' -> ', ' → ')}<br>`)}`,
  ])
  return html`${list(tableWords(cells, sides))}
<p>${cellTally(cells, sides)}.</p>
${rows.length > 0 && table('Cells that differ', ['cells', 'outcome', 'why', 'e.g.'], rows)}`
}

/** The page of `rebind compare --baseline`. */
export function judgementArticle(judgement: Judgement): Article {
  const {baseline, judged, differences, notCompared, notes} = judgement
  const verdict = differences.length > 0 ? 'bad' : notCompared.length > 0 ? 'open' : 'good'
  return {
    title: 'Against the baseline',
    body: html`${list([
      ...judged.map((side) => html`judged: ${sideWords(side)}`),
      ...baseline.map((side) => html`baseline: ${sideWords(side)}`),
    ])}
<p class="verdict ${verdict}">${judgementTally(judgement)}</p>
${section('What differs', findingList(differences))}
${section('What could not be compared', findingList(notCompared))}
${section('Notes', list(notes))}`,
  }
}

function findingList(findings: readonly Finding[]): Markup | false {
  const lines = findings.map(({subject, text}) => html`<strong>${subject}:</strong> ${text}`)
  return shortList(lines, findingsShown, 'the JSON')
}
