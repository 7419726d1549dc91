import type {TcpState} from '../../platforms/tcp-states.ts'
import {isTransition, transitions} from '../../platforms/tcp-transitions.ts'
import {html, type Markup} from '../../render/html/markup.ts'
import {diagramId} from '../../render/html/states.ts'
import {leastToldSeconds, type Stop, type Way, type Ways, wayWords} from '../state-ways.ts'

interface Layout {
  name: 'wide' | 'narrow'
  width: number
  /** The middle of each column. */
  columns: readonly [left: number, middle: number, right: number]
  nodeWidth: number
  /** What leads from one state to another; a phone has no room for it. */
  labels: boolean
}

const layouts: readonly Layout[] = [
  {name: 'wide', width: 720, columns: [100, 360, 620], nodeWidth: 132, labels: true},
  {name: 'narrow', width: 344, columns: [62, 174, 286], nodeWidth: 92, labels: false},
]

const nodeHeight = 46
const rowPixels = 74
const height = 7 * rowPixels - (rowPixels - nodeHeight) + 16

/** Where a state stands: as in RFC 9293 figure 5. A connection begins in the CLOSED above and ends in the one below. */
const places: Record<TcpState | 'begin', readonly [column: 0 | 1 | 2, row: number]> = {
  begin: [1, 0],
  LISTEN: [1, 1],
  SYN_RECV: [0, 2],
  SYN_SENT: [2, 2],
  ESTABLISHED: [1, 3],
  FIN_WAIT1: [0, 4],
  CLOSE_WAIT: [2, 4],
  FIN_WAIT2: [0, 5],
  CLOSING: [1, 5],
  LAST_ACK: [2, 5],
  TIME_WAIT: [1, 6],
  CLOSED: [2, 6],
}

type Place = keyof typeof places
type Point = readonly [x: number, y: number]

/** The ways of both ends in the diagram of TCP's states. */
export function renderStateDiagram(shown: Ways, notes: string): Markup {
  const {ways} = shown
  const words = ways.map((way) => `${way.endpoint}: ${wayWords(way)}`)
  const label = `The states of TCP as RFC 9293 figure 5 draws them, with the way of each end. ${words.join('; ')}`
  return html`<figure class="states">
<div role="img" aria-label="${label}"><div aria-hidden="true">${layouts.map((layout) => drawing(layout, ways))}</div></div>
<figcaption>${ways.map((way) => html`<p class="${way.endpoint}"><strong>${way.endpoint}</strong> ${wayWords(way)}</p>`)}<p>${notes}</p></figcaption>
</figure>`
}

/** What every diagram of a page has in common; a page has it once, and only one with a run needs it. */
export function stateDiagramParts(): Markup {
  return html`<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>
${['edge', 'server', 'client'].map((name) => html`<marker id="${diagramId(name)}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="head ${name}" d="M0 0 8 4 0 8Z"/></marker>`)}
${layouts.map((layout) => html`<g id="${diagramId(layout.name)}" class="diagram">${base(layout)}</g><g id="${diagramId(`${layout.name}-labels`)}" class="diagram">${layout.labels && labels(layout)}</g>`)}</defs></svg>`
}

function base(layout: Layout): Markup[] {
  const edges = transitions.map(
    (each) =>
      html`<path class="edge" d="${pathOf(edgeOf(each, layout))}" marker-end="url(#${diagramId('edge')})"/>`,
  )
  const nodes = (Object.keys(places) as Place[]).map(
    (place) => html`${box(place, layout, 'node')}${nameOf(place, layout, 4)}`,
  )
  return [...edges, ...nodes]
}

/** Above the ways, so that they stay readable. */
function labels(layout: Layout): Markup[] {
  return transitions.map((each) => edgeLabel(edgeOf(each, layout), each.on))
}

function edgeOf({from, to}: (typeof transitions)[number], layout: Layout): Point[] {
  return route(from === 'CLOSED' ? 'begin' : from, to, layout)
}

function drawing(layout: Layout, ways: readonly Way[]): Markup {
  const {name, width} = layout
  return html`<svg class="${name}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><use href="#${diagramId(name)}"/>
${ways.map((way) => legs(way, ways, layout))}<use href="#${diagramId(`${name}-labels`)}"/>${visits(ways).map((visit) => visited(visit, layout))}</svg>`
}

interface Visit {
  state: TcpState
  stops: readonly (Stop & {endpoint: Way['endpoint']})[]
}

function visits(ways: readonly Way[]): Visit[] {
  const all = ways.flatMap(({endpoint, stops}) => stops.map((stop) => ({...stop, endpoint})))
  return [...new Set(all.map(({state}) => state))].map((state) => ({
    state,
    stops: all.filter((stop) => stop.state === state),
  }))
}

function visited({state, stops}: Visit, layout: Layout): Markup {
  const [x, y] = centre(state, layout)
  const ends = new Set(stops.map(({endpoint}) => endpoint))
  const [only = 'server'] = ends
  const whose = ends.size > 1 ? 'both' : only
  const seen = stops.some((stop) => stop.seen)
  const first = stops.length > 1 ? 3 : 11
  const lines = stops.slice(0, 2).map(({endpoint, seen: isSeen, seconds = 0}, index) => {
    const lasted = seconds >= leastToldSeconds ? ` ${seconds.toFixed(1)} s` : ''
    const words = isSeen ? `${endpoint}${lasted}` : `(${endpoint})`
    return html`<text class="${endpoint}" x="${x}" y="${y + first + index * 13}">${words}</text>`
  })
  return html`${box(state, layout, `node ${whose} ${seen ? 'seen' : 'inferred'}`)}${nameOf(state, layout, stops.length > 1 ? -9 : -4)}${lines}`
}

/** Two ends on one leg are drawn beside each other. */
function legs({endpoint, stops}: Way, ways: readonly Way[], layout: Layout): Markup[] {
  const pairs = stops.slice(1).map((to, index) => ({from: stops[index] ?? to, to}))
  return pairs.map(({from, to}) => {
    const travellers = ways.filter((way) =>
      way.stops.some(
        ({state}, index) => state === to.state && way.stops[index - 1]?.state === from.state,
      ),
    )
    const beside = travellers.length < 2 ? 0 : endpoint === 'server' ? -3 : 3
    const known = isTransition(from.state, to.state)
    const points = known ? route(from.state, to.state, layout) : straightOut(from.state, layout)
    const moved = points.map(([x, y]): Point => [x + beside, y + beside])
    const isSeen = known && from.seen && to.seen
    return html`<path class="leg ${endpoint}${!isSeen && ' inferred'}" d="${pathOf(moved)}" marker-end="url(#${diagramId(endpoint)})"/>`
  })
}

function centre(place: Place, {columns}: Layout): Point {
  const [column, row] = places[place]
  return [columns[column], row * rowPixels + nodeHeight / 2 + 2]
}

/** From the edge of one box to that of the other. */
function route(from: Place, to: Place, layout: Layout): Point[] {
  const [a, b] = [centre(from, layout), centre(to, layout)]
  if (from === 'FIN_WAIT1' && to === 'TIME_WAIT') {
    return between([a[0] + layout.nodeWidth / 2, a[1] + 14], b, gapOf(0, layout), layout)
  }
  return [borderOf(a, b, layout), borderOf(b, a, layout)]
}

/** To CLOSED by a way that the figure does not have: around the boxes. */
function straightOut(from: TcpState, layout: Layout): Point[] {
  const [a, closed] = [centre(from, layout), centre('CLOSED', layout)]
  const half = layout.nodeWidth / 2
  const [column] = places[from]
  if (column > 0) {
    const side = column === 1 ? half : -half
    return between([a[0] + side, a[1] + 14], closed, gapOf(1, layout), layout)
  }
  const below = closed[1] + nodeHeight / 2 + 10
  return [
    [a[0] - half, a[1]],
    [a[0] - half - 8, a[1]],
    [a[0] - half - 8, below],
    [closed[0], below],
    [closed[0], closed[1] + nodeHeight / 2],
  ]
}

/** Down through the gap between two columns. */
function between(start: Point, end: Point, gap: number, {nodeWidth}: Layout): Point[] {
  const y = end[1] - 12
  return [start, [gap, start[1]], [gap, y], [end[0] - nodeWidth / 2, y]]
}

function gapOf(left: 0 | 1, {columns}: Layout): number {
  return ((columns[left] ?? 0) + (columns[left + 1] ?? 0)) / 2
}

function borderOf([x, y]: Point, towards: Point, {nodeWidth}: Layout): Point {
  const [dx, dy] = [towards[0] - x, towards[1] - y]
  const share = Math.min(
    dx === 0 ? Infinity : nodeWidth / 2 / Math.abs(dx),
    dy === 0 ? Infinity : nodeHeight / 2 / Math.abs(dy),
  )
  return [Math.round(x + dx * share), Math.round(y + dy * share)]
}

function pathOf(points: readonly Point[]): string {
  return points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x} ${y}`).join('')
}

function edgeLabel(points: readonly Point[], on: readonly (string | undefined)[]): Markup {
  const [from = [0, 0], to = from] = points.length > 2 ? points.slice(1) : points
  const isUpright = points.length === 2 && from[0] === to[0]
  const isLevel = points.length === 2 && from[1] === to[1]
  // Beside an edge that is hardly longer than the words are high, and above a level one: words on it would cover it.
  const [x, y] = [(from[0] + to[0]) / 2 + (isUpright ? 6 : 0), (from[1] + to[1]) / 2]
  return html`<text class="on${isUpright && ' beside'}" x="${x}" y="${y + (isLevel ? -5 : on.length > 1 ? -2 : 4)}">${on.map((line, index) => html`<tspan x="${x}"${index > 0 && html` dy="12"`}>${line}</tspan>`)}</text>`
}

function box(place: Place, layout: Layout, className: string): Markup {
  const [x, y] = centre(place, layout)
  return html`<rect class="${className}" x="${x - layout.nodeWidth / 2}" y="${y - nodeHeight / 2}" width="${layout.nodeWidth}" height="${nodeHeight}" rx="5"/>`
}

function nameOf(place: Place, layout: Layout, down: number): Markup {
  const [x, y] = centre(place, layout)
  return html`<text class="name" x="${x}" y="${y + down}">${place === 'begin' ? 'CLOSED' : place}</text>`
}
