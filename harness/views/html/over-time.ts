import type {HistoryMark, HistoryPoint, HistorySeries} from '../../documents/history-schema.ts'
import {greatestOf, leastOf} from '../../extremes.ts'
import {bucketed} from '../../history/points.ts'
import {svg, textAt, timeAxis} from '../../render/html/drawing.ts'
import {figure} from '../../render/html/figure.ts'
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
export function renderOverTime(
  series: readonly HistorySeries[],
  marks: readonly HistoryMark[],
): Markup {
  const label = `${series.length} lines over time; the text below says where each is now`
  const drawings = (['wide', 'narrow'] as const).map((shown) =>
    figure({shown, label, key, chart: drawing(series, marks, layouts[shown])}),
  )
  return html`${drawings}`
}

function drawing(
  series: readonly HistorySeries[],
  marks: readonly HistoryMark[],
  layout: Layout,
): Markup {
  const {plotPixels, rowPixels, namePixels, scalePixels, namesAbove} = layout
  const most = Math.max(fewestDrawn, Math.min(mostDrawn, Math.floor(mostInAll / series.length)))
  const moments = [
    ...series.flatMap(({points}) => points.map(({at}) => Date.parse(at))),
    ...marks.map(({at}) => Date.parse(at)),
  ]
  const first = leastOf(moments)
  const {at, ticks} = timeAxis({
    domain: [first, Math.max(greatestOf(moments), first + 1)],
    ...{pixels: plotPixels, tickPixels: 90},
  })
  const named = !namesAbove && marks.length <= mostNamedMarks ? marks : []
  const size = {width: plotPixels, height: series.length * rowPixels}
  const frame = {left: namePixels, right: scalePixels, top: named.length === 0 ? 26 : 44, bottom: 6}
  const above = ticks.map((tick) =>
    textAt({x: tick.at, y: -9, words: tick.words, anchor: 'middle'}),
  )
  const names = named.map((mark) => {
    const words = `${mark.what} ${mark.to}`
    return textAt({x: at(Date.parse(mark.at)), y: -25, words, size: 11, fill: 'var(--muted)'})
  })
  const borders = series.map((_, row) => `M0 ${row * rowPixels}H${plotPixels}`)
  const verticals = marks.map((mark) => `M${at(Date.parse(mark.at))} 0V${size.height}`)
  const rows = series.map(({points, subject}, row) => {
    const drawn = rowOf(bucketed(points, most), layout, at)
    const inside = html`${linesOf(drawn)}${textsOf(shortened(subject), drawn.scale, layout)}`
    return html`<g transform="translate(0 ${row * rowPixels})">${inside}</g>\n`
  })
  return svg(
    {...size, ...frame},
    html`${above}${names}
<path stroke="var(--line)" d="${borders.join('')}M0 ${size.height}H${plotPixels}"/><path stroke="var(--edge)" stroke-dasharray="4 3" d="${verticals.join('')}"/>
${rows}`,
  )
}

/** The points of a line, in pixels of its row. */
interface DrawnRow {
  places: {x: number; y: number; low: number; high: number}[]
  blocked: {x: number; y: number}[]
  scale: string
}

function linesOf({places, blocked}: DrawnRow): Markup {
  const path = (points: readonly {x: number; y: number}[]) =>
    points.map(({x, y}, index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('')
  const range = [
    ...places.map(({x, low}) => ({x, y: low})),
    ...places.toReversed().map(({x, high}) => ({x, y: high})),
  ]
  const last = places.at(-1)
  const crosses = blocked.map(({x, y}) => `M${x - 3} ${y - 3}l6 6M${x + 3} ${y - 3}l-6 6`)
  return html`<path fill="var(--expected)" d="${path(range)}z"/><path fill="none" stroke="var(--link)" stroke-width="1.6" d="${path(places)}"/>${last !== undefined && html`<circle cx="${last.x}" cy="${last.y}" r="2.6" fill="var(--link)"/>`}<path stroke="var(--bad)" stroke-width="1.6" d="${crosses.join('')}"/>`
}

/** The name of a row, and from where to where it goes. */
function textsOf(name: string, scale: string, {plotPixels, rowPixels, namesAbove}: Layout): Markup {
  const beside = {words: scale, size: 11, fill: 'var(--muted)', haloed: true}
  const y = rowPixels * (namesAbove ? 0.16 : 0.5) + 4
  return namesAbove
    ? html`${textAt({x: 0, y, words: name, weight: 'bold', haloed: true})}${textAt({...beside, x: 0, y: rowPixels * 0.36 + 4})}`
    : html`${textAt({x: -10, y, words: name, anchor: 'end', haloed: true})}${textAt({...beside, x: plotPixels + 10, y})}`
}

function shortened(name: string): string {
  return name.length > nameCharacters ? `${name.slice(0, nameCharacters - 1)}…` : name
}

function rowOf(
  points: readonly HistoryPoint[],
  {rowPixels, namesAbove}: Layout,
  at: (moment: number) => number,
): DrawnRow {
  const lows = points.flatMap(({low}) => low ?? [])
  const from = lows.length === 0 ? 0 : leastOf(lows)
  const greatest = greatestOf(
    points.flatMap(({high}) => high ?? []),
    0,
  )
  const span = Math.max(greatest - from, leastSpanSeconds)
  const top = namesAbove ? 0.5 : 0.12
  const place = (value: number) =>
    Number((rowPixels * (0.92 - (0.92 - top) * ((value - from) / span))).toFixed(1))
  return {
    places: points.flatMap((point) => {
      const {value, low, high} = point
      if (value === null) return []
      const range = {low: place(low ?? value), high: place(high ?? value)}
      return [{x: at(Date.parse(point.at)), y: place(value), ...range}]
    }),
    blocked: points
      .filter(({value, answer}) => value === null && answer === 'blocked')
      .map((point) => ({x: at(Date.parse(point.at)), y: place(from + span)})),
    scale: `${from.toFixed(digits(span))} to ${greatest.toFixed(digits(span))} s`,
  }
}

function digits(span: number): number {
  return span >= 10 ? 1 : span >= 1 ? 2 : 3
}
