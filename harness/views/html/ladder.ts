import {html, type Markup} from '../../render/html/markup.ts'
import {type Ladder, type Rung, stateWords} from '../ladder.ts'

interface Layout {
  name: 'wide' | 'narrow'
  width: number
  /** Where the lines of both ends stand. */
  ends: {server: number; client: number}
  /** A phone has room for the time above the arrow only. */
  timeAt: number | undefined
}

const layouts: readonly Layout[] = [
  {name: 'wide', width: 720, ends: {server: 230, client: 590}, timeAt: 8},
  {name: 'narrow', width: 344, ends: {server: 86, client: 258}, timeAt: undefined},
]

const rungPixels = 30
const topPixels = 34
const headPixels = 7

/** The packets between both ends, one below the other; what is between them is not drawn to scale. */
export function renderLadder({rungs, notes}: Ladder): Markup {
  const label = `Ladder of ${rungs.length} packets and states between server and client, with their times. ${notes}`
  return html`<figure class="ladder">
<div role="img" aria-label="${label}"><div aria-hidden="true">${layouts.map((layout) => drawing(rungs, layout))}</div></div>
<figcaption>${notes}</figcaption>
</figure>`
}

function drawing(rungs: readonly Rung[], layout: Layout): Markup {
  const {name, width, ends} = layout
  const height = topPixels + rungs.length * rungPixels + 6
  return html`<svg class="${name}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
${(['server', 'client'] as const).map((end) => html`<path class="edge" d="M${ends[end]} 20V${height - 4}"/><text class="name ${end}" x="${ends[end]}" y="14">${end}</text>`)}
${rungs.map((rung, index) => rungOf(rung, topPixels + index * rungPixels + 12, layout))}
</svg>`
}

function rungOf(rung: Rung, y: number, layout: Layout): Markup {
  const {ends, timeAt} = layout
  const middle = (ends.server + ends.client) / 2
  if (rung.kind === 'left-out') {
    return html`<text x="${middle}" y="${y + 4}">… ${rung.packets} packets are left out here …</text>`
  }
  const time = rung.seconds.toFixed(timeAt === undefined ? 4 : 6)
  const isPacket = rung.kind === 'packet'
  const above = timeAt === undefined ? `${time}  ` : ''
  return html`${timeAt !== undefined && html`<text class="time" x="${timeAt}" y="${y + 4}">${time} s</text>`}${
    isPacket
      ? html`${arrow(rung, y, layout)}<text x="${middle}" y="${y - 5}">${above}${rung.words}</text>`
      : above !== '' && html`<text class="time middle" x="${middle}" y="${y + 4}">${time}</text>`
  }${beside(rung, y, layout)}`
}

/** A packet that was dropped does not reach the other end. */
function arrow(
  {from, dropped}: Extract<Rung, {kind: 'packet'}>,
  y: number,
  {ends}: Layout,
): Markup {
  const to = from === 'server' ? ends.client : ends.server
  const direction = from === 'server' ? 1 : -1
  if (!dropped) {
    const tip = to - direction * 2
    const back = tip - direction * headPixels
    return html`<path class="leg ${from}" d="M${ends[from]} ${y}H${back}"/><path class="head ${from}" d="M${back} ${y - 4}L${tip} ${y}L${back} ${y + 4}Z"/>`
  }
  const end = to - direction * 14
  return html`<path class="leg ${from} inferred" d="M${ends[from]} ${y}H${end}"/><path class="leg ${from}" d="M${end - 5} ${y - 5}L${end + 5} ${y + 5}M${end - 5} ${y + 5}L${end + 5} ${y - 5}"/>`
}

function beside(
  {server, client}: Exclude<Rung, {kind: 'left-out'}>,
  y: number,
  {ends}: Layout,
): Markup {
  return html`${server !== undefined && html`<text class="server left" x="${ends.server - 6}" y="${y + 4}">${stateWords(server)}</text>`}${client !== undefined && html`<text class="client right" x="${ends.client + 6}" y="${y + 4}">${stateWords(client)}</text>`}`
}
