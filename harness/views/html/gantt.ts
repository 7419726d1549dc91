import type {Result} from '../../documents/report-schema.ts'
import {firstErrorWords, verdictWords} from '../../documents/words.ts'
import {greatestOf} from '../../extremes.ts'
import type {TcpState} from '../../platforms/tcp-states.ts'
import {type Axis, linearAxis, svg, textAt} from '../../render/html/drawing.ts'
import {figure} from '../../render/html/figure.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {fillOf, stateKey, swatch} from '../../render/html/states.ts'
import {type Row, type Span, stripsOf, type Weight} from './timeline.ts'

/** Two drawings of the same: names beside the bars, or above them for a phone. */
const layouts = {
  wide: {plotPixels: 800, rowPixels: 32, leftPixels: 310, rightPixels: 10, namesAbove: false},
  narrow: {plotPixels: 320, rowPixels: 50, leftPixels: 8, rightPixels: 8, namesAbove: true},
} as const

type Layout = (typeof layouts)[keyof typeof layouts]

const axisPixels = 40
const pixelsPerTick = 80
const tickPixels: Record<Weight, number> = {one: 3, some: 6, many: 9}
/** What fits beside the bars; the whole name is in the list. */
const nameCharacters = 46
/** Narrower bars could not be seen. */
const leastPixels = 2
/** Of the letters of a state's name, which is written where its bar has room for it. */
const pixelsPerCharacter = 9

/** Scenarios that belong together. */
interface RowGroup {
  title: string
  rows: readonly Row[]
}

/** What is drawn on a row of the chart. */
type Line = Row | {title: string}

/** The timeline of all scenarios, from their first bind attempts on, below the titles of their groups. */
export function renderGantt(groups: readonly RowGroup[]): Markup {
  const rows = groups.flatMap((group) => group.rows)
  const lines = groups.flatMap(({title, rows: own}): Line[] => [{title}, ...own])
  const states = new Set<TcpState>(rows.flatMap((row) => row.states.map(({state}) => state)))
  const label =
    `Timeline of ${rows.length} scenarios: the TCP states at the server's end, refused bind attempts, ` +
    'and when the port was granted. The list of scenarios below says the same in words.'
  const drawings = (['wide', 'narrow'] as const).map((shown) => {
    const domain = domainOf(rows, layouts[shown])
    const secondsPerPixel = (domain.to - domain.from) / layouts[shown].plotPixels
    return figure({
      shown,
      label,
      key: [...stateKey(states), ...marksKey],
      chart: drawing(lines, domain, layouts[shown]),
      caption: html`The upper bar of a row is the listening socket, the lower one the connections.
          A tick stands for the refused attempts of ${durationWords(secondsPerPixel)}: low for one, higher for 2 to 9,
          highest for 10 or more. No bar is drawn narrower than ${leastPixels} pixels
          (${durationWords(secondsPerPixel * leastPixels)}); the exact times are below.
          ${rows.some(({refused}) => refused === null) && 'Where no events were logged, no ticks are shown.'}
          ${rows.some(({origin}) => origin === 'first seen') && 'Where no first bind attempt is known, 0 is when the scenario’s first socket was seen.'}`,
    })
  })
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

function domainOf(rows: readonly Row[], {namesAbove}: Layout): Span {
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
  return {from: first, to: last + (last - first) * (namesAbove ? 0.02 : 0.1)}
}

function drawing(lines: readonly Line[], domain: Span, layout: Layout): Markup {
  const {plotPixels, rowPixels, leftPixels, rightPixels, namesAbove} = layout
  const height = lines.length * rowPixels
  const axis = linearAxis({
    domain: [domain.from, domain.to],
    ...{pixels: plotPixels, tickPixels: pixelsPerTick},
  })
  const borders = lines.map((_, row) => `M0 ${(row + 1) * rowPixels}H${plotPixels}`)
  const title = {words: 'seconds since the first bind attempt', x: plotPixels / 2, y: -27} as const
  const frame = {left: leftPixels, right: rightPixels, top: axisPixels, bottom: 4}
  const rows = lines.map((line, index) => {
    const inside =
      'title' in line
        ? textAt({
            ...{x: namesAbove ? 0 : 8 - leftPixels, y: 9, words: line.title},
            ...{size: 13, weight: 'bold'},
          })
        : html`${marksOf(line, domain, axis, layout)}${namesOf(line, axis, layout)}`
    return html`<g transform="translate(0 ${(index + 0.5) * rowPixels})">${inside}</g>\n`
  })
  return svg(
    {...frame, width: plotPixels, height},
    html`<path stroke="var(--edge)" d="M0 0H${plotPixels}"/><path stroke="var(--line)" d="${[...borders, ...axis.ticks.map(({at}) => `M${at} -5V${height}`)].join('')}"/>
${textAt({...title, anchor: 'middle'})}${axis.ticks.map(({at, words}) => textAt({x: at, y: -9, words, anchor: 'middle'}))}
${rows}`,
  )
}

/** The bars and marks of a row, which are a little lower where the names are above. */
function marksOf(row: Row, domain: Span, {at}: Axis, {plotPixels, namesAbove}: Layout): Markup {
  const {states, refused, granted, expected} = row
  const top = namesAbove ? 8 : 0
  const widthOf = ({from, to}: Span) => Math.max(leastPixels, at(to) - at(from))
  const bars = states.map((span) => {
    const [y, height] = span.socket === 'listener' ? [top - 12, 4] : [top - 6, 10]
    return html`<rect x="${at(span.from)}" y="${y}" width="${widthOf(span)}" height="${height}" fill="${fillOf(span.state)}" stroke="var(--ink)" stroke-width="0.6"/>`
  })
  const secondsPerPixel = (domain.to - domain.from) / plotPixels
  const strips = stripsOf(refused ?? [], secondsPerPixel).map(({weight, ...span}) => {
    const [width, height] = [Math.max(1, at(span.to) - at(span.from)), tickPixels[weight]]
    return `M${at(span.from)} ${top + 14}h${width}v${-height}h${-width}z`
  })
  const labels = states
    .filter((each) => each.socket === 'connection')
    .filter((each) => widthOf(each) > each.state.length * pixelsPerCharacter)
    .map(({state, from}) =>
      textAt({
        ...{x: at(from) + 4, y: top + 3, words: state},
        ...{size: 10, weight: 'bold', haloed: true},
      }),
    )
  return html`${expected !== null && html`<rect x="${at(expected.from)}" y="${top - 14}" width="${widthOf(expected)}" height="28" fill="var(--expected)" stroke="var(--edge)" stroke-dasharray="2 2"/>`}${bars}${
    strips.length > 0 && html`<path d="${strips.join('')}"/>`
  }${granted !== null && html`<path d="M${at(granted) - 4.5} ${top - 13}h9l-4.5 8z" stroke="var(--paper)"/>`}${labels}`
}

function namesOf(row: Row, {at}: Axis, {plotPixels, namesAbove}: Layout): Markup {
  const words = shortened(row.result.scenario)
  const outcome = outcomeOf(row)
  const beside = {words: outcome.words, size: 11, haloed: true}
  return namesAbove
    ? html`${textAt({x: 0, y: -12, words})}${textAt({...beside, x: plotPixels, y: -12, anchor: 'end'})}`
    : html`${textAt({x: -8, y: 4, words, anchor: 'end'})}${textAt({...beside, x: at(outcome.seconds) + 8, y: 9})}`
}

function shortened(name: string): string {
  return name.length > nameCharacters ? `${name.slice(0, nameCharacters - 1)}…` : name
}

/** Where the row's outcome is written, which is beside all else, and what it is. */
function outcomeOf({result, refused, states, expected}: Row): {seconds: number; words: string} {
  const {bind} = result
  const seconds = Math.max(
    bind?.waitSeconds ?? 0,
    // Where nothing was granted, the range may begin far from what was seen.
    bind?.waitSeconds == null ? 0 : (expected?.to ?? 0),
    ...(refused?.slice(-1) ?? []),
    greatestOf(states.map(({to}) => to)),
  )
  return {seconds, words: outcomeWords(result)}
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
