import type {Timing} from '../documents/timing-schema.ts'
import {hostWords} from '../documents/words.ts'
import {coloursFor} from '../render/colours.ts'
import {wrap} from '../render/wrap.ts'
import {printable} from '../text.ts'
import {histogram} from '../timing/histogram.ts'
import {timingRows} from './timing-words.ts'

const pc = coloursFor(process.stdout)

const mostBins = 24
const defaultColumns = 80

/**
 * The distribution of the wait: a histogram, and what it says.
 * @param width the terminal's columns; undefined where the output is not a terminal
 */
export function renderTimingTerminal(timing: Timing, width: number | undefined): string {
  const rows = timingRows(timing)
  const labels = Math.max(...rows.map(([label]) => label.length))
  return `${[
    pc.bold(hostWords(timing.host)),
    `${timing.residue} on ${timing.summary.ports} ports, closed over ${timing.spreadSeconds} s`,
    '',
    ...bars(timing, width ?? defaultColumns),
    ...rows.map(([label, value]) =>
      wrap(`${label.padEnd(labels)}  ${printable(value)}`, width, ' '.repeat(labels + 2)),
    ),
    ...(timing.summary.unexpected > 0 ? ['', ...strays(timing)] : []),
  ].join('\n')}\n`
}

function bars({samples}: Timing, width: number): string[] {
  const bins = histogram(
    samples.flatMap(({waitSeconds}) => waitSeconds ?? []),
    mostBins,
  )
  if (bins.length === 0) return []
  const most = Math.max(...bins.map(({count}) => count))
  const decimals = decimalsOf(bins[0])
  const titles = bins.map(({fromSeconds}) => `${fromSeconds.toFixed(decimals)} s`)
  const title = Math.max(...titles.map(({length}) => length))
  const digits = String(most).length
  const room = Math.max(10, width - title - digits - 4)
  const lines = bins.map(({count}, index) => {
    const bar = '█'.repeat(Math.ceil((count / most) * room))
    return `${(titles[index] ?? '').padStart(title)}  ${String(count).padStart(digits)} ${pc.cyan(bar)}`
  })
  return [...lines, '']
}

/** As many decimals as the bins' borders need. */
function decimalsOf(bin: {fromSeconds: number; toSeconds: number} | undefined): number {
  if (bin === undefined) return 0
  return Math.max(0, Math.ceil(-Math.log10(bin.toSeconds - bin.fromSeconds) - 1e-9))
}

function strays({samples}: Timing): string[] {
  return samples
    .filter(({asExpected}) => asExpected === false)
    .map(({port, waitSeconds}) => {
      const wait =
        waitSeconds === null ? 'not released' : `released after ${waitSeconds.toFixed(3)} s`
      return `${pc.red('unexpected')} port ${port}: ${wait}`
    })
}
