import type {Timing} from '../documents/timing-schema.ts'
import {emulationWords, hostWords} from '../documents/words.ts'
import {greatestOf, leastOf} from '../extremes.ts'
import {linearAxis, svg, textAt} from '../render/html/drawing.ts'
import {figure} from '../render/html/figure.ts'
import {html, type Markup} from '../render/html/markup.ts'
import {swatch} from '../render/html/states.ts'
import type {Block, Figure, View} from '../render/model.ts'
import {type Bin, histogram} from '../timing/histogram.ts'

const mostBins = 24
const sizes = {wide: {width: 900, height: 280}, narrow: {width: 280, height: 220}} as const

/** What `rebind timing` measured: how the wait is distributed, and which ports came free together. */
export function timingView(timing: Timing): View {
  const {run, host, residue, summary, spreadSeconds, slots} = timing
  const {unexpected, released, ports, expectedSeconds} = summary
  const tone =
    unexpected > 0 ? 'bad' : released < ports || expectedSeconds === null ? 'open' : 'good'
  const outside = expectedSeconds === null ? '' : `, ${unexpected} outside the expected range`
  const early = run.interrupted === undefined ? '' : `, interrupted by ${run.interrupted}`
  return {
    heading: `Rebind timing ${run.id}`,
    verdict: {tone, text: `${released} of ${ports} ports released${outside}`},
    lead: `${hostWords(host)}; started ${run.startedAt}, took ${run.wallSeconds.toFixed(1)} s${early}. ${residue} on ${ports} ports, closed over ${spreadSeconds} s.${emulationWords(host)}`,
    blocks: [
      {...{kind: 'section', title: 'Outside the expected range'}, blocks: [strays(timing)]},
      {kind: 'facts', facts: timingRows(timing)},
      {...{kind: 'section', title: 'How the wait is distributed'}, blocks: [distribution(timing)]},
      {
        ...{kind: 'section', title: 'Ports released together'},
        blocks: [
          {
            kind: 'table',
            label: 'Ports released together',
            columns: ['released at', 'ports', 'closed within'],
            rows: slots.releases.map(({atSeconds, ports, closedWithinSeconds}) => [
              `${atSeconds.toFixed(3)} s`,
              String(ports),
              `${closedWithinSeconds.toFixed(3)} s`,
            ]),
          },
        ],
      },
    ],
    file: 'timing.json',
  }
}

function strays({samples}: Timing): Block {
  const items = samples
    .filter(({asExpected}) => asExpected === false)
    .map(({port, waitSeconds}) => {
      const wait =
        waitSeconds === null ? 'not released' : `released after ${waitSeconds.toFixed(3)} s`
      return `port ${port}: ${wait}`
    })
  return {kind: 'list', items}
}

function distribution({samples, summary}: Timing): Figure {
  const {released, expectedSeconds} = summary
  const bins = histogram(
    samples.flatMap(({waitSeconds}) => waitSeconds ?? []),
    mostBins,
  )
  const most = greatestOf(
    bins.map(({count}) => count),
    1,
  )
  const decimals = decimalsOf(bins[0])
  return {
    kind: 'figure',
    picture() {
      const label = `Histogram of the wait of ${released} ports; the table of bins below says the same`
      const drawings = (['wide', 'narrow'] as const).map((shown) =>
        figure({shown, label, key, chart: drawing(bins, expectedSeconds, sizes[shown])}),
      )
      return html`${drawings}`
    },
    bars: [
      {
        bars: bins.map(({fromSeconds, count}) => ({
          label: `${fromSeconds.toFixed(decimals)} s`,
          value: String(count),
          share: count / most,
        })),
      },
    ],
    table: {
      kind: 'table',
      label: 'The bins',
      columns: ['from', 'to', 'ports'],
      rows: bins.map(({fromSeconds, toSeconds, count}) => [
        `${fromSeconds.toFixed(3)} s`,
        `${toSeconds.toFixed(3)} s`,
        String(count),
      ]),
    },
  }
}

/** As many decimals as the bins' borders need. */
function decimalsOf(bin: Bin | undefined): number {
  if (bin === undefined) return 0
  return Math.max(0, Math.ceil(-Math.log10(bin.toSeconds - bin.fromSeconds) - 1e-9))
}

/** `60.013 s`, or a dash where there is nothing to tell. */
function secondsWords(seconds: number | null): string {
  return seconds === null ? '-' : `${seconds.toFixed(3)} s`
}

/** `0.42 ms`, or a dash. */
function millisecondsWords(seconds: number | null): string {
  return seconds === null ? '-' : `${(seconds * 1000).toFixed(2)} ms`
}

/** What a timing run measured, as labels and values. */
export function timingRows({summary, slots, run, host}: Timing): [label: string, value: string][] {
  const {uncertainty} = summary
  const waits = [
    `min ${secondsWords(summary.minSeconds)}`,
    `median ${secondsWords(summary.medianSeconds)}`,
    `p95 ${secondsWords(summary.p95Seconds)}`,
    `max ${secondsWords(summary.maxSeconds)}`,
  ]
  const share = (run.cpuSeconds / run.wallSeconds) * 100
  return [
    [
      'ports',
      `${summary.released} of ${summary.ports} ports released, ${summary.attempts} attempts`,
    ],
    ['wait', waits.join(', ')],
    ['uncertainty', host.emulated === true ? emulated : uncertaintyWords(uncertainty)],
    ['expected', expectedWords(summary)],
    [
      "kernel's timer",
      summary.kernelTimerSeconds === null
        ? 'not shown by this OS'
        : `${summary.kernelTimerSeconds.toFixed(2)} s by its own socket table`,
    ],
    ['released', slots.releases.length === 0 ? '-' : releaseWords(slots)],
    ['slot width', slots.releases.length === 0 ? '-' : slotWords(slots)],
    ['tick rate', slots.releases.length === 0 ? '-' : tickRateWords(slots)],
    ['CPU', `${run.cpuSeconds.toFixed(1)} s, ${share.toFixed(0)} % of one core`],
  ]
}

const emulated = 'not stated, because the machine was emulated'

function uncertaintyWords(uncertainty: Timing['summary']['uncertainty']): string {
  const {medianSeconds, p95Seconds, maxSeconds} = uncertainty
  return `median ${millisecondsWords(medianSeconds)}, p95 ${millisecondsWords(p95Seconds)}, worst ${millisecondsWords(maxSeconds)}`
}

function expectedWords({expectedSeconds, source, unexpected, released}: Timing['summary']): string {
  if (expectedSeconds === null) return 'not judged: this OS has no rules here'
  const [min, max] = expectedSeconds.map((seconds) => Number(seconds.toFixed(3)))
  const verdict =
    unexpected > 0 ? `${unexpected} OUTSIDE` : released > 0 ? 'all inside' : 'none to judge'
  return `${min} to ${max} s (${source}): ${verdict}`
}

function releaseWords({releases}: Timing['slots']): string {
  const least = leastOf(releases.map(({ports}) => ports))
  const most = greatestOf(releases.map(({ports}) => ports))
  const together = least === most ? `${most}` : `${least} to ${most}`
  return `at ${releases.length} instant${releases.length > 1 ? 's' : ''}, ${together} ports at each`
}

function slotWords({widthSeconds, releases}: Timing['slots']): string {
  if (widthSeconds !== null) return secondsWords(widthSeconds)
  if (releases.length === 1) return 'needs more than one release: spread the closings (--spread)'
  return 'no slots seen'
}

function tickRateWords({inferredHz, widthSeconds}: Timing['slots']): string {
  if (inferredHz !== null) return `HZ=${inferredHz} explains the slot width`
  return widthSeconds === null ? 'cannot be inferred' : 'none of the usual ones explains it'
}

const key = [
  html`<li>${swatch('<rect x="0.5" y="0.5" width="23" height="11" fill="#0072b2" stroke="currentColor"/>')} ports</li>`,
  html`<li>${swatch('<rect x="0.5" y="0.5" width="23" height="11" fill="var(--expected)" stroke="currentColor" stroke-dasharray="2 2"/>')} expected range</li>`,
]

function drawing(
  bins: readonly Bin[],
  expected: readonly [number, number] | null,
  {width, height}: {width: number; height: number},
): Markup {
  const edges = [
    ...bins.flatMap(({fromSeconds, toSeconds}) => [fromSeconds, toSeconds]),
    ...(expected ?? []),
  ]
  const [min, max] = [leastOf(edges), greatestOf(edges)]
  const margin = Math.max((max - min) * 0.02, 0.001)
  const most = greatestOf(
    bins.map(({count}) => count),
    1,
  )
  const seconds = linearAxis({
    domain: [min - margin, max + margin],
    ...{pixels: width, tickPixels: 90},
  })
  const ports = linearAxis({domain: [0, most], ...{pixels: height, tickPixels: 40}})
  // Half of a port is not a number of ports.
  const whole = ports.ticks.filter(({value}) => Number.isInteger(value))
  const box = (from: number, to: number, count: number, look: Markup) => {
    const [x, high] = [seconds.at(from), ports.at(count)]
    return html`<rect x="${x}" y="${height - high}" width="${seconds.at(to) - x}" height="${high}" ${look}/>`
  }
  const ofRange = html`fill="var(--expected)" stroke="var(--edge)" stroke-dasharray="2 2"`
  const ofBar = html`fill="#0072b2" stroke="var(--ink)" stroke-width="0.6"`
  const bars = bins
    .filter(({count}) => count > 0)
    .map(({fromSeconds, toSeconds, count}) => box(fromSeconds, toSeconds, count, ofBar))
  const axes = [
    ...whole.map(({at}) => `M-5 ${height - at}H0`),
    ...seconds.ticks.map(({at}) => `M${at} ${height}v5`),
    `M0 0V${height}H${width}`,
  ]
  return svg(
    {left: 46, right: 24, top: 10, bottom: 44, width, height},
    html`<path stroke="var(--line)" d="${whole.map(({at}) => `M0 ${height - at}H${width}`).join('')}"/>
${expected !== null && box(...expected, most, ofRange)}${bars}<path stroke="var(--edge)" fill="none" d="${axes.join('')}"/>
${seconds.ticks.map(({at, words}) => textAt({x: at, y: height + 18, words, anchor: 'middle'}))}${whole.map(({at, words}) => textAt({x: -8, y: height - at + 4, words, anchor: 'end'}))}
${textAt({x: width / 2, y: height + 38, words: 'seconds from the closing to the grant', anchor: 'middle'})}<text transform="translate(-34 ${height / 2})rotate(-90)" text-anchor="middle">ports</text>`,
  )
}
