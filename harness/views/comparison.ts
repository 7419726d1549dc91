import type {
  Answer,
  CellComparison,
  Comparison,
  ComparisonReason,
  Finding,
  Judgement,
  ReleaseComparison,
  ScenarioComparison,
  Side,
} from '../documents/comparison-schema.ts'
import {besidesWords, rangeWords} from '../documents/words.ts'
import {groupBy} from '../group-by.ts'
import type {Block, Text, View} from '../render/model.ts'

/** Documents side by side: what differs and why, and what each side answered. */
export function comparisonView(comparison: Comparison): View {
  const {reports, scenarios, releases, matrices, cells, notes} = comparison
  const tallies = [
    ...(reports.length > 0 ? [scenarioTally(scenarios)] : []),
    ...(cells === null ? [] : [cellTally(cells, matrices)]),
  ]
  const differing = scenarios.some(({differs}) => differs.length > 0) || (cells?.differing ?? 0) > 0
  return {
    heading: 'Side by side',
    verdict: {tone: differing ? 'open' : 'good', text: tallies.join('; ')},
    blocks: [
      {kind: 'list', items: reports.map(sideWords)},
      section(
        'What differs, and why',
        reasonsOf(comparison).map(({scenarios, why}) => [
          {strong: scenarios.join(', ')},
          `: ${why}`,
        ]),
      ),
      ...(reports.length === 0 ? [] : [scenarioSection(scenarios, reports)]),
      section('What clients saw', clientSection(scenarios, reports)),
      ...[...groupBy(releases, ({state}) => state)].map(([state, groups]) =>
        section(`How long ${state} is kept`, releaseWords(groups, reports)),
      ),
      ...(cells === null ? [] : [cellSection(cells, matrices)]),
      section('Not compared', notes),
    ],
    file: inJson,
  }
}

/** A comparison is written only where a folder was asked for. */
const inJson = 'the JSON (--json)'

function section(title: string, items: readonly Text[]): Block {
  return {kind: 'section', title, blocks: [{kind: 'list', items}]}
}

function scenarioSection(scenarios: readonly ScenarioComparison[], sides: readonly Side[]): Block {
  const rows = scenarios.map((scenario) => {
    const words = differsWords(scenario)
    return [
      scenario.scenario,
      ...scenario.answers.map(answerWords),
      scenario.differs.length > 0 ? ({tone: 'open', text: words} as const) : words,
    ]
  })
  const columns = ['scenario', ...sides.map(({label}) => label), 'differs']
  const label = 'What each side answered'
  return {
    ...{kind: 'section', title: 'Scenarios'},
    blocks: [{kind: 'table', label, columns, stacked: true, rows}],
  }
}

function cellSection(cells: CellComparison, sides: readonly Side[]): Block {
  const groups = cells.groups.map(
    ({outcomes, why, count, examples}): Text => [
      {strong: `${count} ${count === 1 ? 'cell' : 'cells'}`},
      `: ${outcomeWords(outcomes, sides)}. ${why} E.g. ${examples.join('; ')}`,
    ],
  )
  return {
    ...{kind: 'section', title: 'The bind tables'},
    blocks: [
      {kind: 'list', items: tableWords(cells, sides)},
      {kind: 'text', text: `${cellTally(cells, sides)}.`},
      {kind: 'list', items: groups},
    ],
  }
}

/** The judgement of a run against its baseline: each difference in one line. */
export function judgementView(judgement: Judgement): View {
  const {baseline, judged, differences, notCompared, notes} = judgement
  const tone = differences.length > 0 ? 'bad' : notCompared.length > 0 ? 'open' : 'good'
  return {
    heading: 'Against the baseline',
    verdict: {tone, text: judgementTally(judgement)},
    blocks: [
      {
        kind: 'list',
        items: [
          ...judged.map((side) => `judged: ${sideWords(side)}`),
          ...baseline.map((side) => `baseline: ${sideWords(side)}`),
        ],
      },
      section('What differs', differences.map(findingText)),
      section('What could not be compared', notCompared.map(findingText)),
      section('Notes', notes),
    ],
    file: inJson,
  }
}

function findingText({subject, text}: Finding): Text {
  return [{strong: subject}, `: ${text}`]
}

/** `Linux: 6.18.44 x64, Node 20.20.2 (logs/a-run/report.json)`. */
function sideWords({label, release, arch, node, file}: Side): string {
  return `${label}: ${release} ${arch}, Node ${node} (${file})`
}

/** `delayed, EADDRINUSE 98, 61.234 s (1.2 ms)`. */
function answerWords(answer: Answer | null): string {
  if (answer === null) return 'absent'
  const {status, verdict, waited, firstError, times, timesOtherwise} = answer
  if (status === 'failed' || (status === 'skipped' && verdict === null)) return status
  const parts = [
    verdict === 'blocked' && !waited ? 'refused' : (verdict ?? []),
    firstError === null ? [] : `${firstError.code} ${firstError.errno}`,
    waitWords(answer),
    timesOtherwise === 0 ? [] : `otherwise in ${timesOtherwise} of ${times}`,
    status === 'unexpected' ? 'UNEXPECTED' : [],
  ].flat()
  if (parts.length > 0) return parts.join(', ')
  return besidesWords(answer) === undefined ? '-' : 'see below'
}

/** Waits as ranges, where there was more than one: they are never equal numbers. */
function waitWords({verdict, waited, waitSeconds, uncertaintySeconds, times}: Answer): string[] {
  if (verdict !== 'delayed' && !(verdict === 'blocked' && waited)) return []
  if (waitSeconds === null) return ['not within the limit']
  const uncertainty =
    uncertaintySeconds === null ? '' : ` (${(uncertaintySeconds * 1000).toFixed(1)} ms)`
  const [shortest, longest] = waitSeconds
  return times > 1
    ? [`${shortest.toFixed(3)} to ${longest.toFixed(3)} s${uncertainty}, ${times} times`]
    : [`${longest.toFixed(3)} s${uncertainty}`]
}

/** `verdict, wait`; a dash where nothing differs, and what keeps it from being compared. */
function differsWords(scenario: ScenarioComparison): string {
  const words = [...scenario.differs, ...obstacles(scenario)]
  return words.length === 0 ? '-' : words.join(', ')
}

/** What keeps a scenario from being compared on all sides. */
function obstacles({answers}: ScenarioComparison): string[] {
  const absent = answers.some((answer) => answer === null)
  const unmeasured = answers.some((answer) => answer !== null && isUnmeasured(answer))
  return [...(absent ? ['absent'] : []), ...(unmeasured ? ['not measured'] : [])]
}

function isUnmeasured({status, verdict}: Answer): boolean {
  return status === 'failed' || (status === 'skipped' && verdict === null)
}

/** `11 of 17 scenarios are alike, 6 differ, 2 are absent on a side`. */
export function scenarioTally(scenarios: readonly ScenarioComparison[]): string {
  const differing = scenarios.filter(({differs}) => differs.length > 0)
  const others = scenarios.filter(({differs}) => differs.length === 0)
  const notCompared = others.filter((scenario) => obstacles(scenario).length > 0)
  return [
    `${scenarios.length} scenarios: ${others.length - notCompared.length} alike`,
    `${differing.length} differ`,
    `${notCompared.length} not compared`,
  ].join(', ')
}

/** What clients were answered and counted, one line for each scenario and side that has any. */
function clientSection(scenarios: readonly ScenarioComparison[], sides: readonly Side[]): string[] {
  return scenarios.flatMap(({scenario, answers}) =>
    answers.flatMap((answer, index) => {
      const words = answer === null ? undefined : besidesWords(answer)
      const label = sides[index]?.label ?? ''
      return words === undefined ? [] : [`${scenario}, ${label}: ${words}`]
    }),
  )
}

/** What differs and why; documents of earlier releases say it of each scenario alone. */
function reasonsOf({
  reasons,
  scenarios,
}: Comparison): Pick<ComparisonReason, 'scenarios' | 'why'>[] {
  const each = scenarios.flatMap(({scenario, why}) =>
    why === null ? [] : [{scenarios: [scenario], why}],
  )
  return reasons ?? each
}

/**
 * One line for each side, e.g. `Linux: 60.00 to 62.05 s by the timer wheel ...; measured ...`. Scenarios for which the
 * rules say something else than for the first ones are named.
 */
function releaseWords(groups: readonly ReleaseComparison[], sides: readonly Side[]): string[] {
  return groups.flatMap(({releases, scenarios = []}, group) =>
    releases.flatMap((release, index) => {
      if (release === null) return []
      const {expectedSeconds, measuredSeconds, measurements, how, source} = release
      const measured =
        measuredSeconds === null
          ? 'not measured'
          : `measured ${rangeWords(measuredSeconds, 3)} s in ${measurements} ${measurements === 1 ? 'wait' : 'waits'}`
      const which = group === 0 ? '' : `, ${scenarios.join(', ')}`
      const rule = [`${rangeWords(expectedSeconds, 2)} s`, how].filter((part) => part !== '')
      return [`${sides[index]?.label ?? ''}${which}: ${rule.join(' ')}; ${measured} (${source})`]
    }),
  )
}

/** `Linux: 3456 cells, 1234 granted, 2222 refused; 3456 as the rules say, 0 against them`. */
function tableWords({tables}: CellComparison, sides: readonly Side[]): string[] {
  return tables.map(({cells, granted, refused, agreeing, disagreeing, predicted}, index) => {
    const judged = predicted
      ? 'predicted, not measured'
      : `${agreeing} as the rules say, ${disagreeing} against them`
    const {label = '', file = ''} = sides[index] ?? {}
    return `${label}: ${cells} cells, ${granted} granted, ${refused} refused; ${judged} (${file})`
  })
}

/** `3456 cells compared: 3000 alike, 456 differ`, and what single sides lack. */
function cellTally(
  {compared, same, differing, absent}: CellComparison,
  sides: readonly Side[],
): string {
  const lacking = absent.flatMap((count, index) =>
    count === 0 ? [] : [`${count} absent on ${sides[index]?.label ?? ''}`],
  )
  return [`${compared} cells compared: ${same} alike`, `${differing} differ`, ...lacking].join(', ')
}

/** `granted on Linux, EADDRINUSE on gVisor`. */
function outcomeWords(outcomes: readonly (string | null)[], sides: readonly Side[]): string {
  const words = outcomes.flatMap((outcome, index) =>
    outcome === null ? [] : [`${outcome} on ${sides[index]?.label ?? ''}`],
  )
  return words.join(', ')
}

/** `17 scenarios against the baseline: 2 differences, 1 not compared`. */
function judgementTally({scenarios, cells, differences, notCompared}: Judgement): string {
  const what = [
    ...(scenarios > 0 ? [`${scenarios} scenarios`] : []),
    ...(cells > 0 ? [`${cells} cells`] : []),
  ].join(' and ')
  const found = `${differences.length} ${differences.length === 1 ? 'difference' : 'differences'}`
  return `${what || 'nothing'} against the baseline: ${found}, ${notCompared.length} not compared`
}
