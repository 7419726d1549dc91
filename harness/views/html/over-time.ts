import type {TopLevelSpec} from 'vega-lite'
import type {HistoryMark, HistoryPoint, HistorySeries} from '../../documents/history-schema.ts'
import {greatestOf, leastOf} from '../../extremes.ts'
import {bucketed} from '../../history/points.ts'
import {type Draw, figure} from '../../render/html/chart.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {swatch} from '../../render/html/states.ts'

/** Two drawings of the same: names beside the lines, or above them for a phone. */
const layouts = {
  wide: {plotPixels: 560, rowPixels: 34, namePixels: 320, scalePixels: 120, namesAbove: false},
  narrow: {plotPixels: 300, rowPixels: 60, namePixels: 8, scalePixels: 12, namesAbove: true},
} as const

type Layout = (typeof layouts)[keyof typeof layouts]

/** So many points can be told apart; of many lines fewer, to keep the page small. */
const mostDrawn = 60
const mostInAll = 6000
const fewestDrawn = 8
/** Beside more of them there is no room for their names. */
const mostNamedMarks = 4
const nameCharacters = 46
/** A row that spans less is drawn as if it spanned so much: seconds. */
export const leastSpanSeconds = 0.1

const key = [
  html`<li>${swatch('<path d="M1 8L9 3L16 7L23 4" fill="none" stroke="var(--link)" stroke-width="2"/>')} seconds that a port was refused, or a server not reached</li>`,
  html`<li>${swatch('<rect x="0.5" y="2" width="23" height="8" fill="var(--expected)"/>')} uncertainty, or range of the runs that are drawn as one</li>`,
  html`<li>${swatch('<path d="M7 1L17 11M17 1L7 11" stroke="var(--bad)" stroke-width="2"/>')} never granted</li>`,
  html`<li>${swatch('<path d="M12 0V12" stroke="currentColor" stroke-width="1.5" stroke-dasharray="3 2"/>')} another kernel, Node or Rebind</li>`,
]

/** A row for each line of a system, on a common axis of time; each row has its own scale, written beside it. */
export async function renderOverTime(
  series: readonly HistorySeries[],
  marks: readonly HistoryMark[],
  draw: Draw,
): Promise<Markup> {
  const label = `${series.length} lines over time; the text below says where each is now`
  const drawings: Markup[] = []
  for (const shown of ['wide', 'narrow'] as const) {
    const chart = await draw(specOf(series, marks, layouts[shown]))
    drawings.push(figure({shown, label, key, chart}))
  }
  return html`${drawings}`
}

interface Place {
  at: number
  y: number
  low: number
  high: number
  row: number
}

function specOf(
  series: readonly HistorySeries[],
  marks: readonly HistoryMark[],
  layout: Layout,
): TopLevelSpec {
  const {plotPixels, rowPixels, namePixels, scalePixels, namesAbove} = layout
  const most = Math.max(fewestDrawn, Math.min(mostDrawn, Math.floor(mostInAll / series.length)))
  const rows = series.map(({points}, row) => rowOf(bucketed(points, most), row, namesAbove))
  const places = rows.flatMap((each) => each.places)
  const moments = [
    ...series.flatMap(({points}) => points.map(({at}) => Date.parse(at))),
    ...marks.map(({at}) => Date.parse(at)),
  ]
  const domain = [leastOf(moments), Math.max(greatestOf(moments), leastOf(moments) + 1)]
  const x = {
    field: 'at',
    type: 'temporal',
    scale: {type: 'utc', domain, nice: false},
    axis: {title: null, orient: 'top', tickCount: plotPixels / 90, labelOverlap: true, grid: false},
  } as const
  const y = {
    field: 'y',
    type: 'quantitative',
    scale: {domain: [series.length, 0], nice: false, zero: false},
    axis: {
      ...{title: null, labels: false, ticks: false, domain: false, grid: true},
      values: series.map((_, row) => row),
    },
  } as const
  const line = {type: 'line', stroke: 'var(--link)', strokeWidth: 1.6} as const
  const alone = rows.flatMap((each) => each.places.slice(-1))
  const named = !namesAbove && marks.length <= mostNamedMarks ? marks : []
  return {
    width: plotPixels,
    height: series.length * rowPixels,
    // As for other charts: the library can only guess at how wide a text will be.
    autosize: {type: 'none'},
    padding: {left: namePixels, right: scalePixels, top: named.length === 0 ? 26 : 44, bottom: 6},
    layer: [
      {
        data: {values: marks.map((mark) => ({at: Date.parse(mark.at)}))},
        mark: {type: 'rule', stroke: 'var(--edge)', strokeDash: [4, 3]},
        encoding: {x},
      },
      {
        data: {values: named.map(markLabel)},
        mark: {...textMark, fontSize: 11, baseline: 'bottom', dy: -22, fill: 'var(--muted)'},
        encoding: {x, y: {value: 0}, text: {field: 'text'}},
      },
      {
        data: {values: places.map(({at, low, high, row}) => ({at, y: low, high, row}))},
        mark: {type: 'area', fill: 'var(--expected)'},
        encoding: {x, y, y2: {field: 'high'}, detail: {field: 'row'}},
      },
      {
        data: {values: places.map(({at, y: place, row}) => ({at, y: place, row}))},
        mark: line,
        encoding: {x, y, detail: {field: 'row'}},
      },
      {
        data: {values: alone.map(({at, y: place}) => ({at, y: place}))},
        mark: {type: 'point', filled: true, fill: 'var(--link)', size: 22, opacity: 1},
        encoding: {x, y},
      },
      {
        data: {values: rows.flatMap((each) => each.blocked)},
        mark: {
          type: 'point',
          shape: 'M-1-1L1 1M1-1L-1 1',
          size: 40,
          stroke: 'var(--bad)',
          strokeWidth: 1.6,
          opacity: 1,
        },
        encoding: {x, y},
      },
      ...rowTexts(series, rows, layout).flatMap(({values, mark, place}) =>
        [{...mark, ...halo}, mark].map((each) => ({
          data: {values},
          mark: each,
          encoding: {x: {value: place}, y, text: {field: 'text'}},
        })),
      ),
    ] as never,
  }
}

const textMark = {type: 'text', align: 'left', fill: 'var(--ink)', fontSize: 12} as const

/** Below a text, so that no line strikes it through. */
const halo = {stroke: 'var(--paper)', strokeWidth: 4, fill: 'var(--paper)'} as const

function markLabel({at, what, to}: HistoryMark): {at: number; text: string} {
  return {at: Date.parse(at), text: `${what} ${to}`}
}

/** The name of each row, and from where to where it goes. */
function rowTexts(
  series: readonly HistorySeries[],
  rows: readonly DrawnRow[],
  {plotPixels, namesAbove}: Layout,
) {
  const y = (row: number) => row + (namesAbove ? 0.16 : 0.5)
  const names = series.map(({subject}, row) => ({y: y(row), text: shortened(subject)}))
  const scales = rows.map(({scale}, row) => ({y: y(row), text: scale}))
  const beside = {...textMark, baseline: 'middle'} as const
  return namesAbove
    ? [
        {values: names, mark: {...beside, fontWeight: 600}, place: 0},
        {
          values: scales.map(({text}, row) => ({y: row + 0.36, text})),
          mark: {...beside, fontSize: 11, fill: 'var(--muted)'},
          place: 0,
        },
      ]
    : [
        {values: names, mark: {...beside, align: 'right'}, place: -10},
        {
          values: scales,
          mark: {...beside, fontSize: 11, fill: 'var(--muted)'},
          place: plotPixels + 10,
        },
      ]
}

function shortened(name: string): string {
  return name.length > nameCharacters ? `${name.slice(0, nameCharacters - 1)}…` : name
}

interface DrawnRow {
  places: Place[]
  blocked: {at: number; y: number}[]
  scale: string
}

/** Where the points of a line are, within its row. */
function rowOf(points: readonly HistoryPoint[], row: number, namesAbove: boolean): DrawnRow {
  const lows = points.flatMap(({low}) => low ?? [])
  const from = lows.length === 0 ? 0 : leastOf(lows)
  const greatest = greatestOf(
    points.flatMap(({high}) => high ?? []),
    0,
  )
  const span = Math.max(greatest - from, leastSpanSeconds)
  const top = namesAbove ? 0.5 : 0.12
  const place = (value: number) =>
    Number((row + 0.92 - (0.92 - top) * ((value - from) / span)).toFixed(3))
  return {
    places: points.flatMap(({at, value, low, high}) =>
      value === null
        ? []
        : {
            ...{at: Date.parse(at), row, y: place(value)},
            ...{low: place(low ?? value), high: place(high ?? value)},
          },
    ),
    blocked: points
      .filter(({value, answer}) => value === null && answer === 'blocked')
      .map(({at}) => ({at: Date.parse(at), y: place(from + span)})),
    scale: `${from.toFixed(digits(span))} to ${greatest.toFixed(digits(span))} s`,
  }
}

function digits(span: number): number {
  return span >= 10 ? 1 : span >= 1 ? 2 : 3
}
