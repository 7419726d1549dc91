/** What the commands print of the recorded runs, cut down to what a page has room for. */
import {execFileSync} from 'node:child_process'
import {readFileSync} from 'node:fs'
import {fileURLToPath} from 'node:url'
import {stripVTControlCharacters} from 'node:util'
import {compare} from '../harness/compare/compare.ts'
import type {Comparison} from '../harness/documents/comparison-schema.ts'
import type {Report} from '../harness/documents/report-schema.ts'
import {closingLine} from '../harness/documents/words.ts'
import {renderForTerminal} from '../harness/render/terminal.ts'
import {wrapSentences} from '../harness/render/wrap.ts'
import {comparisonView, scenarioTally} from '../harness/views/comparison.ts'
import {findingSentences} from '../harness/views/findings.ts'
import {reportView} from '../harness/views/report.ts'
import {scenarios} from '../scenarios/index.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const columns = 108

/** Each ends differently from the one before it. */
const restarts = [
  'server-closes-first',
  'server-closes-first-node',
  'reuseaddr-added-late',
  'client-closes-first',
  'client-never-closes',
  'server-killed',
  'old-server-still-listening',
]
const surprises = ['reuseaddr-added-late', 'server-killed', 'old-server-still-listening']

/** What `rebind run` ends with. */
export function runSample(report: Report): string {
  const results = report.results.filter(({scenario}) => restarts.includes(scenario))
  const [top = '', grants = ''] = runParts(report)
  const parts = runParts({...report, results})
  // Empty lines divide its groups, too; the report of these has nothing else below it.
  const table = parts.slice(parts.findIndex((part) => part.startsWith('Results'))).join('\n\n')
  const surprising = report.results.filter(({scenario}) => surprises.includes(scenario))
  return block([
    ...[top, '', grants, ''],
    ...[table, '...', ''],
    'What contradicts common advice',
    ...findingSentences(surprising, scenarios).map((sentence) => `- ${sentence}`),
    '...',
    '',
    closingLine(report.results),
  ])
}

function runParts(report: Report): string[] {
  return unpainted(renderForTerminal(reportView(report, {log: null, sentences: []}), undefined))
}

const compared = [
  'server-closes-first',
  'server-closes-first-reuseaddr',
  'reuseport-added-late',
  'beside-live-wildcard',
  'client-reconnects-same-port',
]
const explained = ['reuseport-added-late', 'beside-live-wildcard']

/** What `rebind compare` prints of these reports. */
export function compareSample(reports: readonly Report[]): string {
  const whole = compare(reports.map((content) => ({kind: 'report', file: '', content})))
  const only = (ids: readonly string[]): Comparison => ({
    ...whole,
    scenarios: whole.scenarios.filter(({scenario}) => ids.includes(scenario)),
    reasons: (whole.reasons ?? []).flatMap((reason) => {
      const scenarios = reason.scenarios.filter((scenario) => ids.includes(scenario))
      return scenarios.length === 0 ? [] : [{...reason, scenarios}]
    }),
  })
  const parts = unpainted(renderForTerminal(comparisonView(only(compared)), undefined))
  const table = parts.find((part) => part.startsWith('Scenarios')) ?? ''
  const told = unpainted(renderForTerminal(comparisonView(only(explained)), undefined))
  const reasons = told.find((part) => part.startsWith('What differs')) ?? ''
  const releases = told.filter((part) => part.startsWith('How long'))
  return block([
    ...[table, '...', ''],
    ...[scenarioTally(whole.scenarios), ''],
    ...[reasons, '...', ''],
    ...releases.flatMap((release) => [release, '']),
  ])
}

/** The commands as `rebind --help` lists them. */
export function commandList(): string {
  const help = execFileSync(
    process.execPath,
    [`--import=${import.meta.resolve('tsx')}`, 'harness/cli.ts', '--help'],
    {cwd: project, encoding: 'utf8', env: {...process.env, NO_COLOR: '1'}},
  )
  const [, commands = ''] = help.split('Commands:\n')
  return block((commands.split('\n\n')[0] ?? '').split('\n'), Number.POSITIVE_INFINITY)
}

/** A program that uses the package, which the package's tests compile. */
export function exampleSample(name: string): string {
  const file = new URL(`../test/package/examples/${name}.ts`, import.meta.url)
  return block(readFileSync(file, 'utf8').trimEnd().split('\n'), Number.POSITIVE_INFINITY)
}

/** The parts that empty lines divide. */
function unpainted(text: string): string[] {
  return stripVTControlCharacters(text).trimEnd().split('\n\n')
}

/** Code in Markdown. */
function block(parts: readonly string[], width = columns): string {
  const lines = wrapSentences(parts.join('\n').trimEnd().split('\n'), width)
  return lines
    .join('\n')
    .split('\n')
    .map((line) => `    ${line}`.trimEnd())
    .join('\n')
}
