import {hull} from '../compare/answer.ts'
import {labelsTogether} from '../compare/sides.ts'
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
import {besidesWords, counted, rangeWords} from '../documents/words.ts'
import {greatestOf} from '../extremes.ts'
import {groupBy} from '../group-by.ts'
import type {Block, Text, View} from '../render/model.ts'

/** Documents side by side: what differs and why, and what each side answered. */
export function comparisonView(comparison: Comparison): View {
  const {reports, scenarios, releases, matrices, cells, notes} = comparison
  const tallies = [
    ...(reports.length > 0 ? [scenarioTally(scenarios)] : []),
    ...(cells === null ? [] : [cellTally(cells, matrices)]),
  ]
  const differing = scenarios.some(answersDiffer) || (cells?.differing ?? 0) > 0
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

/** Of many sides, only what differs has a row, and sides that answer all of that alike share a column. */
function scenarioSection(scenarios: readonly ScenarioComparison[], sides: readonly Side[]): Block {
  const shown = sides.length > fewSides ? scenarios.filter(answersDiffer) : scenarios
  const together = sidesTogether(sides, (side) => shown.map((each) => kindsOf(each)[side] ?? null))
  const rows = shown.map((scenario) => {
    const words = differsWords(scenario)
    return [
      scenario.scenario,
      ...together.map((own) => answerWords(merged(own.map((side) => scenario.answers[side])))),
      answersDiffer(scenario) ? ({tone: 'open', text: words} as const) : words,
    ]
  })
  const columns = ['scenario', ...together.map((own) => labelOf(own, sides)), 'differs']
  const label = 'What each side answered'
  return {
    ...{kind: 'section', title: 'Scenarios'},
    blocks: [
      {kind: 'table', label, columns, stacked: true, rows},
      hiddenList(scenarios, shown, sides),
    ],
  }
}

/** What has no row: what all answer alike, and what some have not measured, by which those are. */
function hiddenList(
  scenarios: readonly ScenarioComparison[],
  shown: readonly ScenarioComparison[],
  sides: readonly Side[],
): Block {
  const hidden = scenarios.filter((scenario) => !shown.includes(scenario))
  const unmeasured = groupBy(hidden, (scenario) =>
    labelOf(
      sides.flatMap((_, side) => (kindsOf(scenario)[side] === null ? side : [])),
      sides,
    ),
  )
  const items = [...unmeasured].map(
    ([label, own]): Text => [
      {strong: label === '' ? 'Alike on all' : `Not measured on ${label}`},
      `: ${own.map(({scenario}) => scenario).join(', ')}`,
    ],
  )
  return {kind: 'list', items}
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
        brief: mostSides,
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

/** On a terminal; with --baseline-last there may be a hundred. */
const mostSides = 8

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

/** Each side answers in full where there are no more than these. */
const fewSides = 2

/** Which sides answer a scenario alike; documents of earlier releases say no more than whether all do. */
function kindsOf({kinds, differs, answers}: ScenarioComparison): (number | null)[] {
  const each = answers.map((answer, side) => {
    if (answer === null || isUnmeasured(answer)) return null
    return differs.length === 0 ? 0 : side
  })
  return kinds ?? each
}

/** How long a kernel keeps a residue is said of each side once, and does not count. */
function answersDiffer(scenario: ScenarioComparison): boolean {
  return new Set(kindsOf(scenario).filter((kind) => kind !== null)).size > 1
}

/** The indexes of the sides, those together of which the same holds; few are not put together. */
function sidesTogether(sides: readonly unknown[], sameOf: (side: number) => unknown): number[][] {
  const indexes = [...sides.keys()]
  if (sides.length <= fewSides) return indexes.map((side) => [side])
  return [...groupBy(indexes, (side) => JSON.stringify(sameOf(side))).values()]
}

function labelOf(own: readonly number[], sides: readonly Side[]): string {
  return labelsTogether(own.flatMap((side) => sides[side]?.label ?? []))
}

/** Answers that are alike as one, with all of their waits. */
function merged([first = null, ...others]: readonly (Answer | null | undefined)[]): Answer | null {
  if (first === null || others.length === 0) return first
  const answers = [first, ...others.filter((other) => other != null)]
  const uncertainties = answers.flatMap(({uncertaintySeconds}) => uncertaintySeconds ?? [])
  return {
    ...first,
    status: answers.find(({status}) => status === 'unexpected')?.status ?? first.status,
    times: answers.reduce((sum, {times}) => sum + times, 0),
    timesOtherwise: answers.reduce((sum, {timesOtherwise}) => sum + timesOtherwise, 0),
    waitSeconds: hull(
      answers.flatMap(({waitSeconds}) => (waitSeconds === null ? [] : [waitSeconds])),
    ),
    uncertaintySeconds: uncertainties.length === 0 ? null : greatestOf(uncertainties),
  }
}

/** `verdict, wait`; a dash where nothing differs, and what keeps it from being compared. */
function differsWords(scenario: ScenarioComparison): string {
  const words = [...(answersDiffer(scenario) ? scenario.differs : []), ...obstacles(scenario)]
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

/** `48 scenarios: 29 alike (11 of them but for how long the port is kept), 6 differ, 13 not compared`. */
export function scenarioTally(scenarios: readonly ScenarioComparison[]): string {
  const differing = scenarios.filter(answersDiffer)
  const others = scenarios.filter((scenario) => !answersDiffer(scenario))
  const notCompared = others.filter((scenario) => obstacles(scenario).length > 0)
  const alike = others.filter((scenario) => obstacles(scenario).length === 0)
  const byRelease = alike.filter(({differs}) => differs.length > 0).length
  const but = byRelease === 0 ? '' : ` (${byRelease} of them but for how long the port is kept)`
  return [
    `${counted(scenarios.length, 'scenario')}: ${alike.length} alike${but}`,
    `${differing.length} differ`,
    `${notCompared.length} not compared`,
  ].join(', ')
}

/** What clients were answered and counted, one line for each scenario and side; of many sides, where they differ. */
function clientSection(scenarios: readonly ScenarioComparison[], sides: readonly Side[]): string[] {
  const shown = sides.length > fewSides ? scenarios.filter(answersDiffer) : scenarios
  return shown.flatMap((scenario) => {
    const kinds = kindsOf(scenario)
    return sidesTogether(sides, (side) => kinds[side] ?? null).flatMap((own) => {
      const each = own.flatMap((side) => besidesWords(scenario.answers[side] ?? {}) ?? [])
      const [words] = each
      const example = new Set(each).size > 1 ? 'e.g. ' : ''
      const line = `${scenario.scenario}, ${labelOf(own, sides)}: ${example}${words}`
      return words === undefined ? [] : [line]
    })
  })
}

/** What differs and why; documents of earlier releases say it of each scenario alone. */
function reasonsOf({
  reasons,
  scenarios,
}: Comparison): Pick<ComparisonReason, 'scenarios' | 'why'>[] {
  const differing = scenarios.filter(answersDiffer)
  const each = differing.flatMap(({scenario, why}) =>
    why === null ? [] : [{scenarios: [scenario], why}],
  )
  const ids = new Set(differing.map(({scenario}) => scenario))
  return reasons?.filter((reason) => reason.scenarios.some((id) => ids.has(id))) ?? each
}

/**
 * One line for each side, e.g. `Linux: 60.00 to 62.05 s by the timer wheel ...; measured ...`. Scenarios for which the
 * rules say something else than for the first ones are named.
 */
function releaseWords(groups: readonly ReleaseComparison[], sides: readonly Side[]): string[] {
  return groups.flatMap(({releases, scenarios = []}, group) => {
    const which = group === 0 ? '' : `, ${scenarios.join(', ')}`
    const ruleOf = (side: number) => {
      const release = releases[side] ?? null
      return release && [rangeWords(release.expectedSeconds, 2), release.how]
    }
    return sidesTogether(sides, ruleOf).flatMap((own) => {
      const each = own.flatMap((side) => releases[side] ?? [])
      const words = measuredWords(each)
      return words === undefined ? [] : [`${labelOf(own, sides)}${which}: ${words}`]
    })
  })
}

type Release = NonNullable<ReleaseComparison['releases'][number]>

/** Of sides whose rules say the same. */
function measuredWords(releases: readonly Release[]): string | undefined {
  const [first] = releases
  if (first === undefined) return undefined
  const measuredSeconds = hull(
    releases.flatMap((each) => (each.measuredSeconds === null ? [] : [each.measuredSeconds])),
  )
  const measurements = releases.reduce((sum, each) => sum + each.measurements, 0)
  const measured =
    measuredSeconds === null
      ? 'not measured'
      : `measured ${rangeWords(measuredSeconds, 3)} s in ${counted(measurements, 'wait')}`
  const rule = [`${rangeWords(first.expectedSeconds, 2)} s`, first.how].filter(Boolean)
  return `${rule.join(' ')}; ${measured} (${first.source})`
}

/** `Linux: 3456 cells, 1234 granted, 2222 refused; 3456 as the rules say, 0 against them`. */
function tableWords({tables}: CellComparison, sides: readonly Side[]): string[] {
  return sidesTogether(sides, (side) => tables[side]).flatMap((own) => {
    const [first = 0, ...others] = own
    const counts = tables[first]
    if (counts === undefined) return []
    const {cells, granted, refused, agreeing, disagreeing, predicted} = counts
    const judged = predicted
      ? 'predicted, not measured'
      : `${agreeing} as the rules say, ${disagreeing} against them`
    const more = others.length === 0 ? '' : ` and ${others.length} more`
    const file = `${sides[first]?.file ?? ''}${more}`
    return `${labelOf(own, sides)}: ${counted(cells, 'cell')}, ${granted} granted, ${refused} refused; ${judged} (${file})`
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
  return [
    `${counted(compared, 'cell')} compared: ${same} alike`,
    `${differing} differ`,
    ...lacking,
  ].join(', ')
}

/** `granted on Linux, EADDRINUSE on gVisor`. */
function outcomeWords(outcomes: readonly (string | null)[], sides: readonly Side[]): string {
  const words = sidesTogether(sides, (side) => outcomes[side]).flatMap((own) => {
    const outcome = outcomes[own[0] ?? 0]
    return outcome == null ? [] : `${outcome} on ${labelOf(own, sides)}`
  })
  return words.join(sides.length > fewSides ? '; ' : ', ')
}

/** `17 scenarios against the baseline: 2 differences, 1 not compared`. */
function judgementTally({scenarios, cells, differences, notCompared}: Judgement): string {
  const what = [
    ...(scenarios > 0 ? [counted(scenarios, 'scenario')] : []),
    ...(cells > 0 ? [counted(cells, 'cell')] : []),
  ].join(' and ')
  const found = counted(differences.length, 'difference')
  return `${what || 'nothing'} against the baseline: ${found}, ${notCompared.length} not compared`
}
