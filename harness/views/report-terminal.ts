import {getBorderCharacters, table} from 'table'
import type {Report, Result} from '../documents/report-schema.ts'
import {besidesWords, hostWords, resultColumns, tally} from '../documents/words.ts'
import {greatestOf} from '../extremes.ts'
import {coloursFor} from '../render/colours.ts'
import {wrap, wrapSentences} from '../render/wrap.ts'
import {printable} from '../text.ts'

const pc = coloursFor(process.stdout)

const paint: Record<Result['status'], (text: string) => string> = {
  'as-expected': pc.green,
  unexpected: pc.red,
  failed: pc.red,
  skipped: pc.yellow,
}

const gap = 2

/**
 * The table that a run ends with, what went otherwise than expected, and what contradicts common advice.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderTerminal(
  {run, host, results}: Report,
  sentences: readonly string[],
  width: number | undefined,
): string {
  const lines = [
    pc.bold(hostWords(host)),
    '',
    resultTable(results, width),
    `${tally(results)} in ${run.wallSeconds.toFixed(1)} s`,
  ]
  const problems = results.filter(({status, reason}) => status !== 'as-expected' && reason)
  if (problems.length > 0) {
    lines.push('', ...problems.map((result) => problemLine(result, width)))
  }
  const besides = results.flatMap((result) => {
    const words = besidesWords(result)
    return words === undefined ? [] : [`- ${printable(`${result.scenario}: ${words}`)}`]
  })
  if (besides.length > 0) lines.push('', pc.bold('Measured besides:'), ...besides)
  if (sentences.length > 0) {
    lines.push('', pc.bold('What contradicts common advice:'))
    lines.push(...sentences.map((sentence) => `- ${printable(sentence)}`))
  }
  return `${wrapSentences(lines, width).join('\n')}\n`
}

function problemLine({scenario, status, reason}: Result, width: number | undefined): string {
  const line = wrap(`${status} ${printable(scenario)}: ${printable(reason ?? '')}`, width)
  return `${paint[status](status)}${line.slice(status.length)}`
}

function resultTable(results: readonly Result[], width: number | undefined): string {
  const rows = results.map((result) => ({
    result,
    cells: resultColumns.map(([, cell]) => printable(cell(result))),
  }))
  const widths = resultColumns.map(([title], column) =>
    greatestOf(
      rows.map(({cells}) => cells[column]?.length ?? 0),
      title.length,
    ),
  )
  const needed = widths.reduce((sum, each) => sum + each + gap, 0)
  if (width !== undefined && needed > width) {
    return `${rows.map(({result, cells}) => stackedRow(result, cells, width)).join('\n')}\n`
  }
  const painted = rows.map(({result, cells}) => [
    ...cells.slice(0, -1),
    paint[result.status](cells.at(-1) ?? ''),
  ])
  return table([resultColumns.map(([title]) => pc.bold(title)), ...painted], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: gap},
    drawHorizontalLine: () => false,
  })
}

/** For a terminal that is too narrow for the table: the id on a line of its own, the rest below it. */
function stackedRow({status}: Result, [id = '', ...cells]: string[], width: number): string {
  const known = cells.filter((cell) => cell !== '-')
  return `${paint[status](id)}\n${wrap(`  ${known.join(', ')}`, width, '    ')}`
}
