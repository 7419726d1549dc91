import {getBorderCharacters, table} from 'table'
import {coloursFor} from './colours.ts'
import type {Policies, PolicyRow} from './policies-schema.ts'
import {hostWords, printable} from './words.ts'

const pc = coloursFor(process.stdout)

const gap = 2
const titles = ['policy', 'attempts', 'outage', 'overshoot', 'how', 'source']

/**
 * The policies as one table, and what each needs to be read rightly.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderPolicies(policies: Policies, width: number | undefined): string {
  const {host, release, attempt} = policies
  const rows = policies.policies.map((row) => ({row, cells: cellsOf(row).map(printable)}))
  const milliseconds = (seconds: number) => `${Math.round(seconds * 1000)} ms`
  const notes = policies.policies.filter(({note}) => note !== undefined)
  return `${[
    pc.bold(hostWords(host)),
    `release of TIME_WAIT: ${rangeWords(release.medianSeconds, [release.minSeconds, release.maxSeconds])} after the old server's end, over ${release.ports} port${release.ports === 1 ? '' : 's'}`,
    `(${release.measuredNow ? 'measured now' : 'recorded in'} ${printable(release.file)})`,
    `an attempt that is a process: bind after ${milliseconds(attempt.untilBindSeconds)}, failed after ${milliseconds(attempt.untilEndSeconds)} (a Node server, measured now)`,
    '',
    ...lines(rows, width),
    ...notes.map(({title, note}) => `- ${printable(title)}: ${printable(note ?? '')}`),
  ].join('\n')}\n`
}

function cellsOf({title, attempts, how, source, ...row}: PolicyRow): string[] {
  const {outageSeconds, outageRangeSeconds, overshootSeconds, overshootRangeSeconds} = row
  const {givesUpAfterSeconds, gaveUp, of} = row
  const givesUp =
    givesUpAfterSeconds === null
      ? ''
      : `gives up after ${secondsWords(givesUpAfterSeconds)}${gaveUp === of ? '' : ` in ${gaveUp} of ${of}`}`
  const overshoot = [rangeWords(overshootSeconds, overshootRangeSeconds), givesUp]
  return [
    title,
    String(attempts),
    rangeWords(outageSeconds, outageRangeSeconds) || 'for good',
    overshoot.filter((words) => words !== '').join('; '),
    how,
    source,
  ]
}

/** `61.0 s`, or `63.0 s (62.1 to 64.0 s)` where it spreads; empty where there is nothing. */
function rangeWords(median: number | null, range: PolicyRow['outageRangeSeconds']): string {
  if (median === null || range === null) return ''
  const [least = '', greatest = ''] = range.map(secondsWords)
  return least === greatest
    ? secondsWords(median)
    : `${secondsWords(median)} (${least.replace(' s', '')} to ${greatest})`
}

function secondsWords(seconds: number): string {
  return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`
}

/** The source has a line of its own where it would make the table too wide. */
function lines(rows: {row: PolicyRow; cells: string[]}[], width: number | undefined): string[] {
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...rows.map(({cells}) => cells[column]?.length ?? 0)),
  )
  const needed = widths.reduce((sum, each) => sum + each + gap, 0)
  const columns = width === undefined || needed <= width ? titles.length : titles.length - 1
  const body = rows.map(({row, cells}) =>
    cells
      .slice(0, columns)
      .map((cell, column) =>
        column === 3 && row.givesUpAfterSeconds !== null ? pc.red(cell) : cell,
      ),
  )
  const drawn = table([titles.slice(0, columns).map((title) => pc.bold(title)), ...body], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: gap},
    drawHorizontalLine: () => false,
  })
  if (columns === titles.length) return [drawn]
  return [drawn, ...rows.map(({cells}) => `- ${cells[0]}: ${cells.at(-1)}`), '']
}
