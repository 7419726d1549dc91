import {getBorderCharacters, table} from 'table'
import type {CheckDocument, CheckRound} from '../documents/check-schema.ts'
import {hostWords} from '../documents/words.ts'
import {greatestOf} from '../extremes.ts'
import {coloursFor} from '../render/colours.ts'
import {withoutTrailingSpace} from '../render/fitted-table.ts'
import {wrap, wrapSentences} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {errorWords, reuseaddrWords, roundColumns, safetyWords, subjectWords} from './check-words.ts'

const pc = coloursFor(process.stdout)
const gap = 2

/** What `rebind check` prints. @param width the terminal's columns; undefined where it is none */
export function renderCheck(document: CheckDocument, width: number | undefined): string {
  const {rounds, advice, host, safe} = document
  const errors = rounds.flatMap((round) => round.errors)
  const lines = [pc.bold(subjectWords(document)), hostWords(host), '']
  if (rounds.length > 0) lines.push(roundTable(rounds, width).trimEnd(), '')
  lines.push((safe ? pc.green : pc.red)(safetyWords(document)))
  if (rounds.length > 0) lines.push(wrap(reuseaddrWords(document), width))
  if (errors.length > 0) {
    lines.push(
      '',
      pc.bold('What the server said:'),
      ...errors.map((error) => `- ${errorWords(error)}`),
    )
  }
  if (advice.length > 0) {
    lines.push('', pc.bold('What to do:'), ...advice.map((each) => `- ${printable(each)}`))
  }
  return `${wrapSentences(lines, width).join('\n')}\n`
}

function roundTable(rounds: readonly CheckRound[], width: number | undefined): string {
  const rows = rounds.map((round, index) => roundColumns.map(([, cell]) => cell(round, index)))
  const titles = roundColumns.map(([title]) => title)
  const widths = titles.map((title, column) =>
    greatestOf(
      rows.map((cells) => cells[column]?.length ?? 0),
      title.length,
    ),
  )
  if (width !== undefined && widths.reduce((sum, each) => sum + each + gap, 0) > width) {
    return rows
      .map((cells) => titles.map((title, column) => `${title}: ${cells[column]}`).join('\n  '))
      .join('\n')
  }
  const text = table([titles.map((title) => pc.bold(title)), ...rows], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: gap},
    drawHorizontalLine: () => false,
  })
  return withoutTrailingSpace(text)
}
