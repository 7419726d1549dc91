import {getBorderCharacters, table} from 'table'
import type {Bench, BenchPart} from '../documents/bench-schema.ts'
import {coloursFor} from '../render/colours.ts'
import {withoutTrailingSpace} from '../render/fitted-table.ts'
import {wrap} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {
  benchCells,
  benchPremises,
  benchTitles,
  crowdCostRows,
  crowdCostTitles,
  crowdRows,
  crowdTitles,
  partHeading,
  partNotes,
  partWords,
  verdictOfBench,
} from './bench-words.ts'

const pc = coloursFor(process.stdout)

/**
 * A benchmark as tables.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderBenchTerminal(bench: Bench, width: number | undefined): string {
  const {parts, crowds} = bench
  const {words, missed} = verdictOfBench(bench)
  return `${[
    ...benchPremises(bench).map((line) => pc.bold(wrap(line, width, ''))),
    '',
    ...parts.flatMap((part) => [...partLines(part, width), '']),
    ...(crowds.length === 0
      ? []
      : [
          drawn(
            crowdTitles,
            crowdRows(crowds).map((row) => row.map(printable)),
          ),
          '',
          drawn(crowdCostTitles, crowdCostRows(crowds)),
          '',
        ]),
    missed > 0 ? pc.red(wrap(printable(words), width)) : wrap(printable(words), width),
  ].join('\n')}\n`
}

function partLines(part: BenchPart, width: number | undefined): string[] {
  return [
    pc.bold(printable(partHeading(part))),
    wrap(printable(partWords(part)), width, ''),
    ...(part.rows.length === 0
      ? []
      : [
          drawn(
            benchTitles,
            part.rows.map((row) =>
              benchCells(row)
                .map(printable)
                .map((cell, column) =>
                  column === benchTitles.length - 1 && row.met === false ? pc.red(cell) : cell,
                ),
            ),
          ),
        ]),
    ...partNotes(part).map((note) => wrap(`- ${printable(note)}`, width)),
  ]
}

function drawn(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const text = table([titles.map((title) => pc.bold(title)), ...rows.map((row) => [...row])], {
    border: getBorderCharacters('void'),
    columnDefault: {paddingLeft: 0, paddingRight: 2},
    drawHorizontalLine: () => false,
  })
  return withoutTrailingSpace(text).trimEnd()
}
