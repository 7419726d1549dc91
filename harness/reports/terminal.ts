import pc from 'picocolors'
import {getBorderCharacters, table} from 'table'
import type {Report, Result} from './schema.ts'
import {printable, resultColumns, tally} from './words.ts'

const paint: Record<Result['status'], (text: string) => string> = {
  'as-expected': pc.green,
  unexpected: pc.red,
  failed: pc.red,
  skipped: pc.yellow,
}

const minimumColumnWidth = 9

/**
 * The table that a run ends with, what went otherwise than expected, and what contradicts common advice.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderTerminal(
  {run, host, results}: Report,
  sentences: readonly string[],
  width: number | undefined,
): string {
  const system = `${host.stack === 'gvisor' ? 'gVisor' : host.os} ${host.release} ${host.arch}`
  const lines = [
    pc.bold(`${system}, Node ${host.node}, libuv ${host.libuv}`),
    '',
    resultTable(results, width),
    `${tally(results)} in ${run.wallSeconds.toFixed(1)} s`,
  ]
  const problems = results.filter(({status, reason}) => status !== 'as-expected' && reason)
  if (problems.length > 0) {
    lines.push('', ...problems.map((result) => problemLine(result)))
  }
  if (sentences.length > 0) {
    lines.push('', pc.bold('What contradicts common advice:'))
    lines.push(...sentences.map((sentence) => `- ${printable(sentence)}`))
  }
  return `${lines.join('\n')}\n`
}

function problemLine({scenario, status, reason}: Result): string {
  return `${paint[status](status)} ${printable(scenario)}: ${printable(reason ?? '')}`
}

function resultTable(results: readonly Result[], width: number | undefined): string {
  const header = resultColumns.map(([title]) => pc.bold(title))
  const rows = results.map((result) =>
    resultColumns.map(([title, cell]) => {
      const text = printable(cell(result))
      return title === 'result' ? paint[result.status](text) : text
    }),
  )
  return table([header, ...rows], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: 2, wrapWord: true},
    columns: columnWidths(results, width).map((columnWidth) => ({width: columnWidth})),
    drawHorizontalLine: () => false,
  })
}

/** Every column as wide as its widest cell, and the widest ones narrowed until the terminal holds them. */
function columnWidths(results: readonly Result[], width: number | undefined): number[] {
  const widths = resultColumns.map(([title, cell]) =>
    Math.max(title.length, ...results.map((result) => printable(cell(result)).length)),
  )
  const available = (width ?? Number.POSITIVE_INFINITY) - 2 * widths.length
  while (widths.reduce((sum, each) => sum + each, 0) > available) {
    const widest = widths.indexOf(Math.max(...widths))
    if ((widths[widest] ?? 0) <= minimumColumnWidth) break
    widths[widest] = (widths[widest] ?? 0) - 1
  }
  return widths
}
