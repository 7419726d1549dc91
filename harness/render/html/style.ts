/** The page's style. Contrasts are those of WCAG 2.2 AA at least, in both themes. */
export const style = `
:root {
  --paper: #fff; --ink: #1a1c20; --muted: #565b66; --line: #e3e5ea; --edge: #747a86; --panel: #f5f6f8;
  --expected: #0072b233; --link: #0b57a4; --good: #0a6640; --bad: #a81c07; --open: #565b66;
  --server: #00598c; --client: #9a4a00; --granted: #d7ecf9; --refused: #8c3a00; --on-refused: #fff; --differs: #ffe9a8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --ink: #eceef2; --muted: #a9afbb; --line: #2c3038; --edge: #858c99; --panel: #1d2026;
    --expected: #56b4e940; --link: #8cc4ff; --good: #5fd39d; --bad: #ff9d85; --open: #a9afbb;
    --server: #6cc0f2; --client: #f0a35e; --granted: #17394f; --refused: #f0a35e; --on-refused: #14161a; --differs: #57460c;
  }
}
* { box-sizing: border-box }
html { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; background: var(--paper); color: var(--ink) }
body { margin: 0 }
main, footer { max-width: 72rem; margin: 0 auto; padding: 1rem 1.25rem }
footer { color: var(--muted); font-size: .875rem; border-top: 1px solid var(--line) }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; overflow-wrap: anywhere }
h3 { font-size: 1rem; margin: 1rem 0 .25rem }
p, li, dd, figcaption { overflow-wrap: anywhere; max-width: 60rem }
article + article { border-top: 3px solid var(--line); margin-top: 3rem; padding-top: 1rem }
a { color: var(--link) }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px }
.muted, figcaption { color: var(--muted) }
.verdict { font-size: 1.25rem; font-weight: 600; border-left: .4rem solid var(--open); padding: .4rem .8rem; background: var(--panel); margin: .75rem 0 }
.verdict.good { border-color: var(--good) }
.verdict.bad { border-color: var(--bad) }
.badge { font-weight: 600; white-space: nowrap }
.badge.good { color: var(--good) } .badge.bad { color: var(--bad) } .badge.open { color: var(--open) }
.patterns { position: absolute }
figure { margin: 1rem 0 }
figcaption { font-size: .875rem; margin-top: .25rem }
.scroll { overflow-x: auto; max-width: 100% }
.chart svg { display: block; max-width: none }
.states svg, .ladder svg { max-width: 100%; height: auto; overflow: visible }
.states p { margin: .15rem 0 } .states p.server { color: var(--server) } .states p.client { color: var(--client) }
.states text, .diagram text { font: 11.5px system-ui, sans-serif; text-anchor: middle; fill: var(--ink) }
.states text.name { font-weight: 700 } .diagram text.name { fill: var(--muted); font-size: 11.5px }
.diagram text.on { fill: var(--muted); font-size: 10.5px; stroke: var(--paper); stroke-width: 5px; stroke-linejoin: round; paint-order: stroke } .diagram text.on.beside { text-anchor: start }
.ladder text { font: 12px system-ui, sans-serif; text-anchor: middle; fill: var(--ink); font-variant-numeric: tabular-nums } .ladder text.name { font-weight: 700 }
.ladder text.time { text-anchor: start; fill: var(--muted) } .ladder text.middle { text-anchor: middle } .ladder text.left { text-anchor: end } .ladder text.right { text-anchor: start }
.ladder text.server { fill: var(--server) } .ladder text.client { fill: var(--client) } .ladder svg.narrow text { font-size: 10.5px }
.node { fill: var(--paper); stroke: var(--edge) } .edge { fill: none; stroke: var(--edge) }
.node.seen { fill: var(--panel); stroke-width: 2.5 } .node.inferred { stroke-width: 2; stroke-dasharray: 4 3 }
.node.server { stroke: var(--server) } .node.client { stroke: var(--client) } .node.both { stroke: var(--ink) }
.states text.server, .head.server { fill: var(--server) } .states text.client, .head.client { fill: var(--client) } .head.edge { fill: var(--edge); stroke: none }
.leg { fill: none; stroke-width: 2.5 } .leg.server { stroke: var(--server) } .leg.client { stroke: var(--client) } .leg.inferred { stroke-dasharray: 5 4 }
.lesson { color: var(--muted); margin-top: 0 }
.narrow { display: none }
.key { list-style: none; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 .5rem; padding: 0; font-size: .875rem }
.swatch { vertical-align: -1px; margin-right: .2rem }
table { border-collapse: collapse; font-size: .9375rem; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums }
thead th { border-bottom: 2px solid var(--edge); white-space: nowrap }
tbody th { font-weight: 600 }
td .tone { font-weight: 600 } td .good { color: var(--good) } td .bad { color: var(--bad) } td .open { background: var(--differs); padding: 0 .3rem }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: .1rem 1.5rem; margin: .5rem 0 }
dt { color: var(--muted); font-size: .875rem }
dd { margin: 0 0 .4rem }
details { border-bottom: 1px solid var(--line) }
summary { padding: .5rem .25rem; cursor: pointer; overflow-wrap: anywhere }
summary:hover { background: var(--panel) }
summary .id { font-weight: 600; margin-right: .75rem }
summary .what { color: var(--muted); margin-right: .75rem }
details > div { padding: 0 0 1rem 1.25rem }
code, pre { font: .875rem/1.4 ui-monospace, SFMono-Regular, Consolas, monospace; white-space: pre-wrap; overflow-wrap: anywhere }
pre { background: var(--panel); padding: .5rem .75rem; margin: .25rem 0 }
@media (max-width: 60rem) {
  .wide { display: none }
  .narrow { display: block }
  main, footer { padding: .75rem }
  details > div { padding-left: .25rem }
}
@media print {
  html { font-size: 10pt }
  main, footer { max-width: none; padding: 0 }
  details::details-content { content-visibility: visible; block-size: auto; display: block }
  figure, tr, dl > div, li { break-inside: avoid }
  h2, h3, summary { break-after: avoid }
  .scroll { overflow: visible }
  figure.wide { display: block }
  figure.narrow { display: none }
  .chart svg { max-width: 100%; max-height: 18cm; width: auto; height: auto }
  summary { list-style: none }
  .chart, .badge, td, .verdict { print-color-adjust: exact; -webkit-print-color-adjust: exact }
}
`
