import type {Bench} from '../documents/bench-schema.ts'
import {literal, row} from '../render/markdown.ts'
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

/** A benchmark as GitHub-flavoured Markdown. */
export function renderBenchMarkdown(bench: Bench): string {
  const {run, parts, crowds} = bench
  return [
    `# Rebind bench ${literal(run.id)}`,
    '',
    ...benchPremises(bench).map((line) => `- ${literal(line)}`),
    '',
    `**${literal(verdictOfBench(bench).words)}**`,
    '',
    ...parts.flatMap((part) => [
      `## ${literal(partHeading(part))}`,
      '',
      literal(partWords(part)),
      '',
      ...(part.rows.length === 0 ? [] : table(benchTitles, part.rows.map(benchCells))),
      ...partNotes(part).map((note) => `- ${literal(note)}`),
      '',
    ]),
    ...(crowds.length === 0
      ? []
      : [
          '## Binds over TIME_WAIT sockets',
          '',
          ...table(crowdTitles, crowdRows(crowds)),
          ...table(crowdCostTitles, crowdCostRows(crowds)),
        ]),
  ].join('\n')
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [
    row(titles),
    row(titles.map(() => '---')),
    ...rows.map((cells) => row(cells.map(literal))),
    '',
  ]
}
