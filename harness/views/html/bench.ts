import type {TopLevelSpec} from 'vega-lite'
import type {Bench, BenchPart, Crowd} from '../../documents/bench-schema.ts'
import {type Draw, figure} from '../../render/html/chart.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {type Article, badge, list, section, table} from '../../render/html/page.ts'
import {printable} from '../../text.ts'
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
} from '../bench-words.ts'

const sizes = {wide: {width: 820, height: 420}, narrow: {width: 260, height: 300}} as const
/** Where a port without any is drawn: there is no zero on a logarithmic axis. */
const drawnAtNone = 10

/** The page of `npm run bench`. */
export async function benchArticle(bench: Bench, draw: Draw): Promise<Article> {
  const {run, parts, crowds} = bench
  const {words, missed, open} = verdictOfBench(bench)
  return {
    title: `Rebind bench ${run.id}`,
    body: html`${list(benchPremises(bench))}
<p class="verdict ${missed > 0 ? 'bad' : open > 0 ? 'open' : 'good'}">${words}</p>
${parts.map((part) => section(partHeading(part), partBody(part)))}
${section('Binds over TIME_WAIT sockets', crowds.length > 0 && (await crowdBody(crowds, draw)))}`,
  }
}

function partBody(part: BenchPart): Markup {
  const rows = part.rows.map((row) => {
    const cells = benchCells(row)
    const met = row.met === null ? '-' : badge(row.met ? 'good' : 'bad', row.met ? 'met' : 'missed')
    return [...cells.slice(0, -1), met]
  })
  return html`<p>${partWords(part)}</p>
${rows.length > 0 && table(partHeading(part), benchTitles, rows)}
${list(partNotes(part))}`
}

async function crowdBody(crowds: readonly Crowd[], draw: Draw): Promise<Markup> {
  const label =
    'How long a bind takes over how many TIME_WAIT sockets, both axes logarithmic; the table below says the same'
  const drawings: Markup[] = []
  for (const shown of ['wide', 'narrow'] as const) {
    const chart = await draw(crowdSpec(crowds, sizes[shown]))
    drawings.push(figure({chart, label, shown, caption: explanation}))
  }
  return html`${drawings}
${table('What a crowded port costs', crowdCostTitles, crowdCostRows(crowds))}
<details><summary>Every bind</summary><div>${table('Binds by TIME_WAIT sockets', crowdTitles, crowdRows(crowds))}</div></details>`
}

const explanation = html`Both axes are logarithmic; a port without any TIME_WAIT socket is drawn at ${drawnAtNone}.
Filled marks are granted binds, hollow ones refused. Lines of one address have one colour.`

function crowdSpec(
  crowds: readonly Crowd[],
  {width, height}: {width: number; height: number},
): TopLevelSpec {
  const values = crowds.flatMap(({reached, binds}) =>
    binds.map(({bind, address, outcome, medianSeconds}) => ({
      sockets: Math.max(reached, drawnAtNone),
      microseconds: medianSeconds * 1e6,
      series: printable(`${bind}, ${address}`),
      address: printable(address),
      outcome: outcome === 'granted' ? 'granted' : 'refused',
    })),
  )
  const narrow = width < 400
  const x = {
    field: 'sockets',
    type: 'quantitative',
    scale: {type: 'log', nice: false},
    axis: {title: 'TIME_WAIT sockets on the port', tickCount: narrow ? 3 : 5, format: '~s'},
  } as const
  const y = {
    field: 'microseconds',
    type: 'quantitative',
    scale: {type: 'log'},
    axis: {title: 'microseconds for one bind', tickCount: 5, format: '~g'},
  } as const
  const colour = {
    field: 'address',
    type: 'nominal',
    legend: legend('address', narrow),
    scale: {range: ['#0072b2', '#d55e00', '#009e73', '#cc79a7']},
  } as const
  return {
    width,
    height,
    data: {values},
    encoding: {x, y, color: colour},
    layer: [
      {
        mark: {type: 'line', strokeWidth: 1.5},
        encoding: {
          detail: {field: 'series', type: 'nominal'},
          strokeDash: {
            field: 'series',
            type: 'nominal',
            legend: null,
          },
        },
      },
      {
        mark: {type: 'point', size: 60, strokeWidth: 1.5},
        encoding: {
          detail: {field: 'series', type: 'nominal'},
          fillOpacity: {
            field: 'outcome',
            type: 'nominal',
            legend: null,
            scale: {domain: ['granted', 'refused'], range: [1, 0]},
          },
          fill: {...colour, legend: null},
        },
      },
    ] as never,
  }
}

function legend(title: string, narrow: boolean) {
  return {
    title,
    orient: narrow ? 'top' : 'right',
    labelColor: 'var(--ink)',
    titleColor: 'var(--ink)',
  } as const
}
