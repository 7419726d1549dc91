import type {TopLevelSpec} from 'vega-lite'
import {printable} from '../../text.ts'
import {html, type Markup, trusted} from './markup.ts'

/** Draws charts; what it draws with is loaded when needed. */
export type Draw = (spec: TopLevelSpec) => Promise<Markup>

const refuse = async (): Promise<never> => {
  throw new Error('a chart loads nothing: its data is part of it')
}
const nothingToLoad = {load: refuse, sanitize: refuse, http: refuse, file: refuse}

/** The page's own colours, so that a chart follows its theme; attributes of SVG take CSS variables. */
const theme = {
  background: 'transparent',
  aria: false,
  font: 'system-ui, sans-serif',
  view: {stroke: null},
  axis: {
    labelColor: 'var(--ink)',
    titleColor: 'var(--ink)',
    titleFontWeight: 'normal',
    domainColor: 'var(--edge)',
    tickColor: 'var(--edge)',
    gridColor: 'var(--line)',
    labelFontSize: 12,
    titleFontSize: 12,
  },
} as const

/** Loads the charting library with the first chart that it draws: most pages have none, and drawings need none. */
export function drawWhenNeeded(): Draw {
  let draw: Promise<Draw> | undefined
  return async (spec) => {
    draw ??= openCharts()
    return (await draw)(spec)
  }
}

async function openCharts(): Promise<Draw> {
  const [vega, vegaLite] = await Promise.all([import('vega'), import('vega-lite')])
  return async (spec) => {
    const compiled = vegaLite.compile({...withPlainText(spec), config: theme} as TopLevelSpec, {
      logger: vega.logger(vega.None),
    })
    const view = new vega.View(vega.parse(compiled.spec), {
      renderer: 'none',
      loader: nothingToLoad,
      logger: vega.logger(vega.None),
    })
    try {
      return trusted(await view.toSVG())
    } finally {
      view.finalize()
    }
  }
}

/** The library escapes text for XML; what a terminal obeys, or what turns a line around, has no place there either. */
function withPlainText(spec: TopLevelSpec): TopLevelSpec {
  return JSON.parse(JSON.stringify(spec), (_, value) =>
    typeof value === 'string' ? printable(value) : value,
  )
}

/**
 * A chart in the page. Where it does not fit it scrolls, also by the keyboard; whoever does not see it is
 * told what it shows, and where the same is said in words.
 */
export function figure({
  chart,
  label,
  caption,
  key = [],
  shown = '',
}: {
  chart: Markup
  label: string
  caption?: Markup
  key?: readonly Markup[]
  /** `wide` or `narrow`, if it is drawn for that kind of screen only. */
  shown?: '' | 'wide' | 'narrow'
}): Markup {
  return html`<figure class="${shown}">
${key.length > 0 && html`<ul class="key">${key}</ul>`}
<div class="scroll" tabindex="0" role="region" aria-label="${label}"><div class="chart" role="img" aria-label="${label}"><div aria-hidden="true">${chart}</div></div></div>
${caption !== undefined && html`<figcaption>${caption}</figcaption>`}
</figure>`
}
