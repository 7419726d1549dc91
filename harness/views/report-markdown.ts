import type {Report, Result} from '../documents/report-schema.ts'
import {besidesWords, hostWords, resultColumns, tally} from '../documents/words.ts'
import {literal, row} from '../render/markdown.ts'

/** The report as GitHub-flavoured Markdown. */
export function renderMarkdown(report: Report, sentences: readonly string[]): string {
  const {host, results} = report
  const settings = Object.entries(host.settings).map(
    ([name, value]) => `| ${literal(name)} | ${literal(String(value ?? 'not readable'))} |`,
  )
  return [
    renderMarkdownSummary(report, sentences),
    ...section('What each scenario shows', results.map(explanation)),
    '## Settings',
    '',
    row(['setting', 'value']),
    row(['---', '---']),
    ...settings,
    '',
  ].join('\n')
}

/** What the run has shown: the table, what went otherwise, and what contradicts common advice. */
export function renderMarkdownSummary(report: Report, sentences: readonly string[]): string {
  const {run, host, results} = report
  return [
    `# Rebind run ${literal(run.id)}`,
    '',
    `${literal(hostWords(host))}; started ${literal(run.startedAt)}, ` +
      `took ${run.wallSeconds.toFixed(1)} s${interruption(run.interrupted)}${partial(run)}. **${tally(results)}.**`,
    '',
    row(resultColumns.map(([title]) => title)),
    row(resultColumns.map(() => '---')),
    ...results.map((result) => row(resultColumns.map(([, cell]) => literal(cell(result))))),
    '',
    ...section('What went otherwise', results.filter(hasReason).map(problem)),
    ...section('Measured besides', results.flatMap(besides)),
    ...section('What contradicts common advice', sentences.map(literal)),
  ].join('\n')
}

function interruption(signal: string | undefined): string {
  return signal === undefined ? '' : `, interrupted by ${literal(signal)}`
}

function partial(run: Report['run']): string {
  return run.partial === true ? ', partial: made from the log of a run that was ended' : ''
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : [`## ${title}`, '', ...items.map((item) => `- ${item}`), '']
}

function hasReason({status, reason}: Result): boolean {
  return status !== 'as-expected' && reason !== undefined
}

function problem({scenario, status, reason}: Result): string {
  return `**${literal(scenario)}** ${status}: ${literal(reason ?? '')}`
}

function besides(result: Result): string[] {
  const words = besidesWords(result)
  return words === undefined ? [] : [`**${literal(result.scenario)}**: ${literal(words)}`]
}

function explanation({scenario, claim, expected}: Result): string {
  const source =
    expected === null
      ? ''
      : ` Expected: ${expected.verdict}, as ${literal(expected.because)} (${literal(expected.source)}).`
  return `**${literal(scenario)}**: ${literal(claim)}${source}`
}
