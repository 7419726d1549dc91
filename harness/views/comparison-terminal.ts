import {getBorderCharacters, table} from 'table'
import type {
  CellComparison,
  Comparison,
  Finding,
  Judgement,
  ScenarioComparison,
  Side,
} from '../documents/comparison-schema.ts'
import {greatestOf} from '../extremes.ts'
import {coloursFor} from '../render/colours.ts'
import {wrap, wrapSentences} from '../render/wrap.ts'
import {printable} from '../text.ts'
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

const pc = coloursFor(process.stdout)
const gap = 2
/** With more sides than this a row would be too wide to be read, on whatever terminal. */
const widestTable = 4
/** The rest is for `--json`: a changed kernel may change thousands of cells. */
const differencesShown = 100

/**
 * Documents side by side, what differs and why.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderComparison(comparison: Comparison, width: number | undefined): string {
  const {reports, scenarios, releases, matrices, cells, notes} = comparison
  const lines: string[] = []
  if (reports.length > 0) {
    lines.push(...reports.map((side) => pc.bold(sideWords(side))), '')
    lines.push(scenarioTable(scenarios, reports, width), scenarioTally(scenarios))
    lines.push(...section('What differs, and why', reasons(scenarios).map(reasonLine)))
    lines.push(...section('What clients saw', besides(scenarios, reports)))
    for (const release of releases) {
      lines.push(
        ...section(`How long ${printable(release.state)} is kept`, releaseWords(release, reports)),
      )
    }
  }
  if (cells !== null) {
    if (lines.length > 0) lines.push('')
    lines.push(...cellLines(cells, matrices).map((line) => wrap(line, width, '    ')))
  }
  lines.push(...section('Not compared', notes.map(printable)))
  return `${wrapSentences(lines, width).join('\n')}\n`
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ['', pc.bold(`${title}:`), ...items.map((item) => `- ${item}`)]
}

function reasonLine([ids, why]: [ids: string[], why: string]): string {
  return `${ids.join(', ')}: ${why}`
}

function scenarioTable(
  scenarios: readonly ScenarioComparison[],
  sides: readonly Side[],
  width: number | undefined,
): string {
  const header = ['scenario', ...sides.map(({label}) => printable(label)), 'differs']
  const rows = scenarios.map((scenario) => [
    printable(scenario.scenario),
    ...scenario.answers.map(answerWords),
    differsWords(scenario),
  ])
  const needed = header
    .map((title, column) =>
      greatestOf(
        rows.map((cells) => cells[column]?.length ?? 0),
        title.length,
      ),
    )
    .reduce((sum, each) => sum + each + gap, 0)
  if (sides.length > widestTable || (width !== undefined && needed > width)) {
    return rows
      .flatMap((cells) => stackedRow(cells, header))
      .map((line) => wrap(line, width, '    '))
      .join('\n')
  }
  const painted = rows.map((cells) => [...cells.slice(0, -1), paint(cells.at(-1) ?? '')])
  return table([header.map((title) => pc.bold(title)), ...painted], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: gap},
    drawHorizontalLine: () => false,
  })
}

function paint(differs: string): string {
  return differs === '-' ? differs : pc.yellow(differs)
}

/** For a terminal that is too narrow: the scenario on a line of its own, each side's answer below it. */
function stackedRow(cells: readonly string[], header: readonly string[]): string[] {
  const [scenario = '', ...answers] = cells.slice(0, -1)
  const differs = cells.at(-1) ?? '-'
  const lines = answers.map((answer, index) => `  ${header[index + 1] ?? ''}: ${answer}`)
  return [scenario, ...lines, ...(differs === '-' ? [] : [paint(`  differs: ${differs}`)])]
}

function cellLines(cells: CellComparison, sides: readonly Side[]): string[] {
  return [
    ...tableWords(cells, sides).map((line) => pc.bold(line)),
    cellTally(cells, sides),
    ...cells.groups.flatMap(({outcomes, why, count, examples}) => [
      '',
      `${pc.yellow(`${count} ${count === 1 ? 'cell' : 'cells'}`)}: ${outcomeWords(outcomes, sides)}`,
      `  ${printable(why)}`,
      ...examples.map((example) => `  e.g. ${printable(example)}`),
    ]),
  ]
}

/** The judgement of a run against its baseline: each difference in one line. */
export function renderJudgement(judgement: Judgement): string {
  const {baseline, judged, differences, notCompared, notes} = judgement
  const lines = [
    ...judged.map((side) => pc.bold(`judged    ${sideWords(side)}`)),
    ...baseline.map((side) => pc.bold(`baseline  ${sideWords(side)}`)),
    '',
    ...differences.slice(0, differencesShown).map((found) => findingLine(pc.red('differs'), found)),
    ...(differences.length > differencesShown
      ? [`... and ${differences.length - differencesShown} more (--json has all of them)`]
      : []),
    ...notCompared.map((found) => findingLine(pc.yellow('not compared'), found)),
    judgementTally(judgement),
    ...section('Notes', notes.map(printable)),
  ]
  return `${lines.join('\n')}\n`
}

function findingLine(kind: string, {subject, text}: Finding): string {
  return `${kind} ${printable(subject)}: ${printable(text)}`
}
