import {getBorderCharacters, table} from 'table'
import {coloursFor} from './colours.ts'
import type {Policies, PolicyRow} from './policies-schema.ts'
import {policyCells, policyTitles, premises} from './policies-words.ts'
import {hostWords, printable} from './words.ts'
import {wrap, wrapSentences} from './wrap.ts'

const pc = coloursFor(process.stdout)

const gap = 2

/**
 * The policies as one table, and what each needs to be read rightly.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderPolicies(policies: Policies, width: number | undefined): string {
  const {host} = policies
  const rows = policies.policies.map((row) => ({row, cells: policyCells(row).map(printable)}))
  const notes = policies.policies.filter(({note}) => note !== undefined)
  return `${[
    pc.bold(hostWords(host)),
    ...premises(policies).map((line) => wrap(printable(line), width, '')),
    '',
    ...lines(rows, width),
    ...wrapSentences(
      notes.map(({title, note}) => `- ${printable(title)}: ${printable(note ?? '')}`),
      width,
    ),
  ].join('\n')}\n`
}

/** The source has a line of its own where it would make the table too wide. */
function lines(rows: {row: PolicyRow; cells: string[]}[], width: number | undefined): string[] {
  const widths = policyTitles.map((title, column) =>
    Math.max(title.length, ...rows.map(({cells}) => cells[column]?.length ?? 0)),
  )
  const needed = widths.reduce((sum, each) => sum + each + gap, 0)
  const columns =
    width === undefined || needed <= width ? policyTitles.length : policyTitles.length - 1
  const body = rows.map(({row, cells}) =>
    cells
      .slice(0, columns)
      .map((cell, column) =>
        column === 3 && row.givesUpAfterSeconds !== null ? pc.red(cell) : cell,
      ),
  )
  const drawn = table([policyTitles.slice(0, columns).map((title) => pc.bold(title)), ...body], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: gap},
    drawHorizontalLine: () => false,
  })
  if (columns === policyTitles.length) return [drawn]
  return [drawn, ...rows.map(({cells}) => `- ${cells[0]}: ${cells.at(-1)}`), '']
}
