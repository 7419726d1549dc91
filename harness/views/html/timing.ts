import type {TopLevelSpec} from 'vega-lite'
import type {Timing} from '../../documents/timing-schema.ts'
import {hostWords} from '../../documents/words.ts'
import {greatestOf, leastOf} from '../../extremes.ts'
import {type Draw, figure} from '../../render/html/chart.ts'
import {html} from '../../render/html/markup.ts'
import {type Article, definitions, section, table} from '../../render/html/page.ts'
import {swatch} from '../../render/html/states.ts'
import {type Bin, histogram} from '../../timing/histogram.ts'
import {timingRows} from '../timing-words.ts'

const mostBins = 40
const releasesShown = 100
const sizes = {wide: {width: 900, height: 280}, narrow: {width: 280, height: 220}} as const

/** The page of `rebind timing`: how the wait is distributed. */
export async function timingArticle(timing: Timing, draw: Draw): Promise<Article> {
  const {run, host, samples, residue, summary, spreadSeconds, slots} = timing
  const waits = samples.flatMap(({waitSeconds}) => waitSeconds ?? [])
  const bins = histogram(waits, mostBins)
  const {unexpected, released, ports, expectedSeconds} = summary
  const verdict =
    unexpected > 0 ? 'bad' : released < ports || expectedSeconds === null ? 'open' : 'good'
  const label = `Histogram of the wait of ${released} ports; the table of bins below says the same`
  const drawings = []
  for (const shown of bins.length === 0 ? [] : (['wide', 'narrow'] as const)) {
    const chart = await draw(histogramSpec(bins, expectedSeconds, sizes[shown]))
    drawings.push(figure({shown, label, chart, key}))
  }
  const more = slots.releases.length - releasesShown
  return {
    title: `Rebind timing ${run.id}`,
    body: html`<p>${hostWords(host)}; started ${run.startedAt}, took ${run.wallSeconds.toFixed(1)} s.${run.interrupted !== undefined && ` Interrupted by ${run.interrupted}.`}
${residue} on ${ports} ports, closed over ${spreadSeconds} s.</p>
<p class="verdict ${verdict}">${released} of ${ports} ports released${expectedSeconds !== null && `, ${unexpected} outside the expected range`}</p>
${definitions(timingRows(timing))}
${section(
  'How the wait is distributed',
  drawings.length > 0 &&
    html`${drawings}
<details><summary>The bins</summary><div>${table(
      'Ports by wait',
      ['from', 'to', 'ports'],
      bins.map(({fromSeconds, toSeconds, count}) => [
        `${fromSeconds.toFixed(3)} s`,
        `${toSeconds.toFixed(3)} s`,
        String(count),
      ]),
    )}</div></details>`,
)}
${section(
  'Ports released together',
  slots.releases.length > 0 &&
    html`${table(
      'Ports released together',
      ['released at', 'ports', 'closed within'],
      slots.releases
        .slice(0, releasesShown)
        .map(({atSeconds, ports: together, closedWithinSeconds}) => [
          `${atSeconds.toFixed(3)} s`,
          String(together),
          `${closedWithinSeconds.toFixed(3)} s`,
        ]),
    )}${more > 0 && html`<p>and ${more} more in timing.json</p>`}`,
)}`,
  }
}

const key = [
  html`<li>${swatch('<rect x="0.5" y="0.5" width="23" height="11" fill="#0072b2" stroke="currentColor"/>')} ports</li>`,
  html`<li>${swatch('<rect x="0.5" y="0.5" width="23" height="11" fill="var(--expected)" stroke="currentColor" stroke-dasharray="2 2"/>')} expected range</li>`,
]

function histogramSpec(
  bins: readonly Bin[],
  expected: readonly [number, number] | null,
  {width, height}: {width: number; height: number},
): TopLevelSpec {
  const edges = [
    ...bins.flatMap(({fromSeconds, toSeconds}) => [fromSeconds, toSeconds]),
    ...(expected ?? []),
  ]
  const [min, max] = [leastOf(edges), greatestOf(edges)]
  const margin = Math.max((max - min) * 0.02, 0.001)
  const x = {
    field: 'fromSeconds',
    type: 'quantitative',
    scale: {domain: [min - margin, max + margin], nice: false, zero: false},
    axis: {title: 'seconds from the closing to the grant', tickCount: width / 90, grid: false},
  } as const
  const range =
    expected === null
      ? []
      : [
          {
            data: {values: [{fromSeconds: expected[0], toSeconds: expected[1]}]},
            mark: {
              type: 'rect',
              color: 'var(--expected)',
              stroke: 'var(--edge)',
              strokeDash: [2, 2],
            },
            encoding: {x, x2: {field: 'toSeconds'}},
          },
        ]
  return {
    width,
    height,
    layer: [
      ...range,
      {
        data: {values: bins.filter(({count}) => count > 0)},
        mark: {type: 'rect', color: '#0072b2', stroke: 'var(--ink)', strokeWidth: 0.6},
        encoding: {
          x,
          x2: {field: 'toSeconds'},
          y: {
            field: 'count',
            type: 'quantitative',
            scale: {zero: true, nice: true},
            axis: {title: 'ports', tickMinStep: 1, format: 'd'},
          },
          y2: {datum: 0},
        },
      },
    ] as never,
  }
}
