import type {Timing} from '../documents/timing-schema.ts'
import {hostWords} from '../documents/words.ts'
import {histogram} from '../timing/histogram.ts'
import {literal, row} from './report-markdown.ts'
import {timingRows} from './timing-words.ts'

const mostBins = 24

/** A timing run as GitHub-flavoured Markdown. */
export function renderTimingMarkdown(timing: Timing): string {
  const {run, host, samples, residue, summary, spreadSeconds, slots} = timing
  const interrupted = run.interrupted === undefined ? '' : `, interrupted by ${run.interrupted}`
  const waits = samples.flatMap(({waitSeconds}) => waitSeconds ?? [])
  return [
    `# Rebind timing ${literal(run.id)}`,
    '',
    `${literal(hostWords(host))}; started ${literal(run.startedAt)}, took ` +
      `${run.wallSeconds.toFixed(1)} s${literal(interrupted)}. ${literal(residue)} on ` +
      `${summary.ports} ports, closed over ${spreadSeconds} s.`,
    '',
    ...table(['', 'measured'], timingRows(timing)),
    '',
    '## Distribution of the wait',
    '',
    ...table(
      ['from', 'to', 'ports'],
      histogram(waits, mostBins).map(({fromSeconds, toSeconds, count}) => [
        `${fromSeconds.toFixed(3)} s`,
        `${toSeconds.toFixed(3)} s`,
        String(count),
      ]),
    ),
    '',
    '## Ports released together',
    '',
    ...table(
      ['released at', 'ports', 'closed within'],
      slots.releases.map(({atSeconds, ports, closedWithinSeconds}) => [
        `${atSeconds.toFixed(3)} s`,
        String(ports),
        `${closedWithinSeconds.toFixed(3)} s`,
      ]),
    ),
    '',
  ].join('\n')
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [
    row(titles),
    row(titles.map(() => '---')),
    ...rows.map((cells) => row(cells.map(literal))),
  ]
}
