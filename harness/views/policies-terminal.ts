import type {Policies, PolicyRow} from '../documents/policies-schema.ts'
import {hostWords} from '../documents/words.ts'
import {coloursFor} from '../render/colours.ts'
import {fittedTable, tableWidth} from '../render/fitted-table.ts'
import {wrap, wrapSentences} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {policyCells, policyTitles, premises} from './policies-words.ts'

const pc = coloursFor(process.stdout)

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
  const body = rows.map(({row, cells}) =>
    cells.map((cell, column) =>
      column === 3 && row.givesUpAfterSeconds !== null ? pc.red(cell) : cell,
    ),
  )
  const whole = [policyTitles, ...body]
  const brief = whole.map((cells) => cells.slice(0, -1))
  const isApart = width !== undefined && tableWidth(whole) > width && tableWidth(brief) <= width
  const [titles = [], ...shown] = isApart ? brief : whole
  const drawn = [fittedTable(titles, shown, width, pc.bold), '']
  if (!isApart) return drawn
  const sources = rows.map(({cells}) => `- ${cells[0]}: ${cells.at(-1)}`)
  return [...drawn, ...wrapSentences(sources, width), '']
}
