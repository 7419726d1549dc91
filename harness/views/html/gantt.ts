import type {TopLevelSpec} from 'vega-lite'
import type {Result} from '../../documents/report-schema.ts'
import {firstErrorWords, verdictWords} from '../../documents/words.ts'
import {greatestOf} from '../../extremes.ts'
import type {TcpState} from '../../platforms/tcp-states.ts'
import {type Draw, figure} from '../../render/html/chart.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {fillOf, stateKey, swatch} from '../../render/html/states.ts'
import {type Row, type Strip, stripsOf, type Weight} from './timeline.ts'

/** Two drawings of the same: names beside the bars, or above them for a phone. */
const layouts = {
  wide: {plotPixels: 800, rowPixels: 32, namePixels: 310, namesAbove: false},
  narrow: {plotPixels: 320, rowPixels: 50, namePixels: 8, namesAbove: true},
} as const

type Layout = (typeof layouts)[keyof typeof layouts]

const tickPixels: Record<Weight, number> = {one: 3, some: 6, many: 9}
/** What fits beside the bars; the whole name is in the list. */
const nameCharacters = 46
/** Narrower bars could not be seen. */
const leastPixels = 2

/** Scenarios that belong together. */
interface RowGroup {
  title: string
  rows: readonly Row[]
}

/** What is drawn on a row of the chart. */
type Line = Row | {title: string}

/** The timeline of all scenarios, from their first bind attempts on, below the titles of their groups. */
export async function renderGantt(groups: readonly RowGroup[], draw: Draw): Promise<Markup> {
  const rows = groups.flatMap((group) => group.rows)
  const lines = groups.flatMap(({title, rows: own}): Line[] => [{title}, ...own])
  const states = new Set<TcpState>(rows.flatMap((row) => row.states.map(({state}) => state)))
  const label =
    `Timeline of ${rows.length} scenarios: the TCP states at the server's end, refused bind attempts, ` +
    'and when the port was granted. The list of scenarios below says the same in words.'
  const drawings: Markup[] = []
  for (const shown of ['wide', 'narrow'] as const) {
    const domain = domainOf(rows, layouts[shown])
    const secondsPerPixel = (domain[1] - domain[0]) / layouts[shown].plotPixels
    drawings.push(
      figure({
        shown,
        label,
        key: [...stateKey(states), ...marksKey],
        chart: await draw(specOf(lines, domain, layouts[shown])),
        caption: html`The upper bar of a row is the listening socket, the lower one the connections.
          A tick stands for the refused attempts of ${durationWords(secondsPerPixel)}: low for one, higher for 2 to 9,
          highest for 10 or more. No bar is drawn narrower than ${leastPixels} pixels
          (${durationWords(secondsPerPixel * leastPixels)}); the exact times are below.
          ${rows.some(({refused}) => refused === null) && 'Where no events were logged, no ticks are shown.'}
          ${rows.some(({origin}) => origin === 'first seen') && 'Where no first bind attempt is known, 0 is when the scenario’s first socket was seen.'}`,
      }),
    )
  }
  return html`${drawings}`
}

const marksKey: readonly Markup[] = [
  html`<li>${swatch('<path d="M4 12V9M9 12V6M14 12V3M19 12V3" stroke="currentColor" stroke-width="1.5"/>')} bind refused</li>`,
  html`<li>${swatch('<path d="M6 1H18L12 11Z" fill="currentColor"/>')} port granted</li>`,
  html`<li>${swatch('<rect x="0.5" y="0.5" width="23" height="11" fill="var(--expected)" stroke="currentColor" stroke-dasharray="2 2"/>')} expected to be granted</li>`,
]

function durationWords(seconds: number): string {
  return seconds >= 0.1 ? `${seconds.toPrecision(2)} s` : `${(seconds * 1000).toPrecision(2)} ms`
}

function domainOf(rows: readonly Row[], {namesAbove}: Layout): [number, number] {
  const moments = rows.flatMap(({states, refused, granted, expected}) => [
    ...states.flatMap(({from, to}) => [from, to]),
    ...(refused?.slice(-1) ?? []),
    granted ?? 0,
    expected?.to ?? 0,
  ])
  const [first, last] = [
    moments.reduce((a, b) => Math.min(a, b), 0),
    moments.reduce((a, b) => Math.max(a, b), 0.1),
  ]
  // The outcome is written to the right of its mark.
  return [first, last + (last - first) * (namesAbove ? 0.02 : 0.1)]
}

function specOf(
  lines: readonly Line[],
  domain: readonly [number, number],
  {plotPixels, rowPixels, namePixels, namesAbove}: Layout,
): TopLevelSpec {
  const pixel = (domain[1] - domain[0]) / plotPixels
  const top = namesAbove ? 8 : 0
  const rows = lines.filter((line) => 'result' in line)
  const each = <T>(of: (row: Row) => readonly T[]) =>
    lines.flatMap((line, index) =>
      'result' in line ? of(line).map((value) => ({row: index, ...value})) : [],
    )
  const visible = <T extends {from: number; to: number}>(span: T) => ({
    ...span,
    to: Math.max(span.to, span.from + pixel * leastPixels),
  })
  const states = (socket: string) =>
    each((row) => row.states.filter((span) => span.socket === socket).map(visible))
  const strips = each<Strip>(({refused}) => stripsOf(refused ?? [], pixel))
  const y = {
    field: 'row',
    type: 'ordinal',
    scale: {domain: lines.map((_, index) => index), padding: 0},
    axis: {
      labels: false,
      ticks: false,
      domain: false,
      grid: true,
      bandPosition: 1,
      title: null,
      tickBand: 'extent',
    },
  } as const
  const x = {
    field: 'from',
    type: 'quantitative',
    scale: {domain: [...domain], nice: false, zero: false},
    axis: {
      orient: 'top',
      title: 'seconds since the first bind attempt',
      tickCount: plotPixels / 80,
    },
  } as const
  const spans = (values: object[], mark: object, encoding: object = {}) => ({
    data: {values},
    mark: {type: 'bar' as const, ...mark},
    encoding: {y, x, x2: {field: 'to'}, ...encoding},
  })
  const fill = {
    fill: {
      field: 'state',
      type: 'nominal',
      legend: null,
      scale: {domain: [...usedStates(rows)], range: [...usedStates(rows)].map(fillOf)},
    },
  } as const
  const outline = {stroke: 'var(--ink)', strokeWidth: 0.6}
  const text = {type: 'text', baseline: 'middle', font: 'system-ui, sans-serif'} as const
  const haloed = (layer: {data: object; mark: object; encoding: object}) =>
    [{stroke: 'var(--paper)', strokeWidth: 3, fill: 'var(--paper)'}, {fill: 'var(--ink)'}].map(
      (paint) => ({...layer, mark: {...layer.mark, ...paint}}),
    )
  const names = {
    data: {values: each(({result}) => [{name: shortened(result.scenario)}])},
    mark: {
      ...text,
      fill: 'var(--ink)',
      fontSize: 12,
      align: namesAbove ? 'left' : 'right',
      yOffset: namesAbove ? -16 : 0,
    },
    encoding: {y, x: {value: namesAbove ? 0 : -8}, text: {field: 'name'}},
  }
  const titles = {
    data: {
      values: lines.flatMap((line, row) => ('title' in line ? [{row, title: line.title}] : [])),
    },
    mark: {
      ...text,
      fill: 'var(--ink)',
      fontSize: 13,
      fontWeight: 'bold',
      align: 'left',
      yOffset: 4,
    },
    encoding: {y, x: {value: namesAbove ? 0 : 8 - namePixels}, text: {field: 'title'}},
  }
  const outcomes = {
    data: {values: each((row) => [outcomeOf(row)])},
    mark: {
      ...text,
      fontSize: 11,
      align: namesAbove ? 'right' : 'left',
      xOffset: namesAbove ? 0 : 8,
      yOffset: namesAbove ? -16 : 5,
    },
    encoding: {
      y,
      x: namesAbove ? {value: plotPixels} : {...x, field: 'at'},
      text: {field: 'words'},
    },
  }
  const labels = {
    data: {
      values: states('connection').filter(
        ({from, to, state}) => (to - from) / pixel > state.length * 9,
      ),
    },
    mark: {...text, fontSize: 10, fontWeight: 'bold', align: 'left', xOffset: 4, yOffset: top - 1},
    encoding: {y, x, text: {field: 'state'}},
  }
  return {
    width: plotPixels,
    height: lines.length * rowPixels,
    // The library can only guess at how wide a text will be, and would leave room for twice as much.
    autosize: {type: 'none'},
    padding: {left: namePixels, right: namesAbove ? 8 : 10, top: 40, bottom: 4},
    layer: [
      spans(
        each(({expected}) => (expected === null ? [] : [expected])),
        {
          height: 28,
          yOffset: top,
          color: 'var(--expected)',
          stroke: 'var(--edge)',
          strokeDash: [2, 2],
        },
      ),
      spans(states('listener'), {height: 4, yOffset: top - 10, ...outline}, fill),
      spans(states('connection'), {height: 10, yOffset: top - 1, ...outline}, fill),
      ...Object.entries(tickPixels).map(([weight, height]) =>
        spans(
          strips.filter((strip) => strip.weight === weight),
          {height, yOffset: top + 14 - height / 2, color: 'var(--ink)'},
        ),
      ),
      {
        data: {values: each(({granted}) => (granted === null ? [] : [{from: granted}]))},
        mark: {
          type: 'point',
          shape: 'triangle-down',
          size: 70,
          opacity: 1,
          filled: true,
          color: 'var(--ink)',
          stroke: 'var(--paper)',
          strokeWidth: 1,
          yOffset: top - 9,
        },
        encoding: {y, x},
      },
      ...haloed(labels),
      titles,
      names,
      ...haloed(outcomes),
    ] as never,
  }
}

function shortened(name: string): string {
  return name.length > nameCharacters ? `${name.slice(0, nameCharacters - 1)}…` : name
}

function usedStates(rows: readonly Row[]): Set<TcpState> {
  return new Set(rows.flatMap(({states}) => states.map(({state}) => state)))
}

/** Where the row's outcome is written, which is beside all else, and what it is. */
function outcomeOf({result, refused, states, expected}: Row): {at: number; words: string} {
  const {bind} = result
  const at = Math.max(
    bind?.waitSeconds ?? 0,
    // Where nothing was granted, the range may begin far from what was seen.
    bind?.waitSeconds == null ? 0 : (expected?.to ?? 0),
    ...(refused?.slice(-1) ?? []),
    greatestOf(states.map(({to}) => to)),
  )
  return {at, words: outcomeWords(result)}
}

/** `61.2 s`, `at once`, `refused, EADDRINUSE 98`. */
export function outcomeWords(result: Result): string {
  const {bind, status} = result
  if (bind === null) return status === 'as-expected' ? '' : status
  const {waitSeconds, verdict} = bind
  if (waitSeconds === null) return `${verdictWords(result)}, ${firstErrorWords(result)}`
  if (verdict === 'immediate') return 'at once'
  return `${waitSeconds.toFixed(waitSeconds < 10 ? 3 : 1)} s`
}
