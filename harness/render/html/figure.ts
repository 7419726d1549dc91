import {html, type Markup} from './markup.ts'

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
