import {scaleLinear, scaleUtc} from 'd3-scale'
import {html, type Markup} from './markup.ts'

export interface Tick {
  /** In milliseconds where it is a moment. */
  value: number
  at: number
  words: string
}

/** Where a value is in a drawing, and where its axis has round values. */
export interface Axis {
  /** In pixels from the beginning of the axis, to a tenth. */
  at(value: number): number
  ticks: Tick[]
}

export interface AxisOptions {
  /** The values at its beginning and its end. */
  domain: readonly [number, number]
  pixels: number
  /** About as far as its ticks are to be from each other. */
  tickPixels: number
}

export function linearAxis(options: AxisOptions): Axis {
  return axisOf(scaleLinear(options.domain, [0, options.pixels]), options)
}

/** Moments, in milliseconds since the epoch; its words are of UTC. */
export function timeAxis(options: AxisOptions): Axis {
  return axisOf(scaleUtc(options.domain, [0, options.pixels]), options)
}

interface Scale<Value> {
  (value: number): number
  ticks(count: number): Value[]
  tickFormat(count: number): (value: Value) => string
}

function axisOf<Value extends number | Date>(
  scale: Scale<Value>,
  {pixels, tickPixels}: AxisOptions,
): Axis {
  const words = scale.tickFormat(pixels / tickPixels)
  const at = (value: number) => rounded(scale(value))
  return {
    at,
    ticks: scale.ticks(pixels / tickPixels).map((value) => {
      return {value: Number(value), at: at(Number(value)), words: words(value)}
    }),
  }
}

/** Of a drawing; what a document says may be too far away for a number. */
function rounded(pixels: number): number {
  return Number.isFinite(pixels) ? Math.round(pixels * 10) / 10 : 0
}

export interface TextLook {
  x: number
  y: number
  words: string
  size?: number
  weight?: 'bold'
  /** Which end of the text is at x. */
  anchor?: 'middle' | 'end'
  fill?: string
  /** Whether it stands on bars and lines, which then leave room around its letters. */
  haloed?: boolean
}

export function textAt({x, y, words, size, weight, anchor, fill, haloed}: TextLook): Markup {
  return html`<text x="${x}" y="${y}"${size !== undefined && html` font-size="${size}"`}${weight !== undefined && html` font-weight="${weight}"`}${anchor !== undefined && html` text-anchor="${anchor}"`}${fill !== undefined && html` fill="${fill}"`}${haloed === true && html` stroke="var(--paper)" stroke-width="3" paint-order="stroke"`}>${words}</text>`
}

export interface Frame {
  left: number
  top: number
  /** Of what is drawn, without what stands around it. */
  width: number
  height: number
  right: number
  bottom: number
}

/** A drawing of fixed size, whose origin is where what is drawn begins. */
export function svg({left, top, width, height, right, bottom}: Frame, inside: Markup): Markup {
  const [whole, high] = [left + width + right, top + height + bottom]
  return html`<svg width="${whole}" height="${high}" viewBox="${-left} ${-top} ${whole} ${high}" fill="var(--ink)" font-size="12">
${inside}
</svg>`
}
