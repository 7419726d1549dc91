import {type TcpState, tcpStates} from '../../platforms/tcp-states.ts'
import {html, type Markup, trusted} from './markup.ts'

interface StateLook {
  colour: string
  /** Lines or dots on the colour: nobody has to tell the states apart by colour alone. */
  texture: string
}

const texture = {
  none: '',
  rising: '<path d="M-1 1 1-1M0 6 6 0M5 7 7 5"/>',
  falling: '<path d="M-1 5 1 7M0 0 6 6M5-1 7 1"/>',
  upright: '<path d="M3 0V6"/>',
  level: '<path d="M0 3H6"/>',
  crossed: '<path d="M0 0 6 6M0 6 6 0"/>',
  dotted: '<path d="M1.5 0.5V2.5M4.5 3.5V5.5" stroke-width="2"/>',
}

/**
 * Fixed for every report, in light and dark: the palette of Okabe and Ito (Color Universal Design), which
 * the common kinds of colour blindness leave distinct, the states that last in its strongest colours.
 */
const looks: Record<Exclude<TcpState, 'CLOSED'>, StateLook> = {
  LISTEN: {colour: '#0072b2', texture: texture.none},
  SYN_SENT: {colour: '#f0e442', texture: texture.rising},
  SYN_RECV: {colour: '#f0e442', texture: texture.dotted},
  ESTABLISHED: {colour: '#009e73', texture: texture.none},
  FIN_WAIT1: {colour: '#cc79a7', texture: texture.rising},
  FIN_WAIT2: {colour: '#cc79a7', texture: texture.upright},
  CLOSE_WAIT: {colour: '#e69f00', texture: texture.dotted},
  CLOSING: {colour: '#56b4e9', texture: texture.crossed},
  LAST_ACK: {colour: '#56b4e9', texture: texture.level},
  TIME_WAIT: {colour: '#d55e00', texture: texture.falling},
}

/** The states that a chart draws, in the order of their table. */
const drawnStates = tcpStates.filter((state) => state !== 'CLOSED')

/** What fills a state's bar. */
export function fillOf(state: TcpState): string {
  return `url(#state-${state})`
}

/** The patterns that `fillOf` refers to; a page has them once. */
export const statePatterns: Markup = trusted(
  `<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>${Object.entries(
    looks,
  )
    .map(
      ([state, {colour, texture: lines}]) =>
        `<pattern id="state-${state}" width="6" height="6" patternUnits="userSpaceOnUse">` +
        `<rect width="6" height="6" fill="${colour}"/><g fill="none" stroke="#000" stroke-width="0.9">${lines}</g></pattern>`,
    )
    .join('')}</defs></svg>`,
)

/** The id of a part that all diagrams of TCP's states on a page have in common. */
export function diagramId(part: string): string {
  return `state-diagram-${part}`
}

/** The key to those of the states that a chart shows. */
export function stateKey(states: ReadonlySet<TcpState>): Markup[] {
  return drawnStates
    .filter((state) => states.has(state))
    .map(
      (state) =>
        html`<li>${swatch(`<rect x="0.5" y="0.5" width="23" height="11" fill="${fillOf(state)}" stroke="currentColor"/>`)} ${state}</li>`,
    )
}

/** A small picture of a mark, 24 by 12, for the key of a chart. */
export function swatch(shapes: string): Markup {
  return trusted(
    `<svg class="swatch" width="24" height="12" viewBox="0 0 24 12" aria-hidden="true" focusable="false">${shapes}</svg>`,
  )
}
