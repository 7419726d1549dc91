import {readFileSync} from 'node:fs'
import type {Bench} from '../../harness/bench/document.ts'
import {amountWords, benchView} from '../../harness/bench/view.ts'
import {literal, renderAsMarkdown} from '../../harness/render/markdown.ts'
import {test} from '../declare.ts'

const file = new URL('../../harness/bench/recorded.json', import.meta.url)
const bench: Bench = JSON.parse(readFileSync(file, 'utf8'))

test('the Markdown has every row of every part, and every crowd', (t) => {
  const markdown = renderAsMarkdown(benchView(bench))
  t.true(bench.parts.length > 0 && bench.crowds.length > 0)
  for (const {part, title, rows} of bench.parts) {
    t.true(markdown.includes(`## ${part}. ${title}\n`), title)
    for (const {what} of rows) t.true(markdown.includes(`| ${literal(what)} |`), what)
  }
  for (const {reached} of bench.crowds) {
    t.true(markdown.includes(`| ${reached.toLocaleString('en')} |`), `${reached}`)
  }
})

test('a missed target stands out, and is named at the top', (t) => {
  // Whether the recorded one has missed any depends on its machine.
  const parts = bench.parts.map((part) => ({
    ...part,
    rows: part.rows.map((row) => (row.met === true ? {...row, met: false} : row)),
  }))
  const markdown = renderAsMarkdown(benchView({...bench, parts}))
  const missed = parts.flatMap(({rows}) => rows.filter(({met}) => met === false))
  t.true(missed.length > 0)
  t.is(markdown.match(/\| \*\*NO\*\* \|$/gm)?.length, missed.length)
  t.regex(markdown.split('\n')[2] ?? '', new RegExp(`${missed.length} missed \\(`))
})

test('less than all is said before anything that was measured', (t) => {
  const quick = {...bench, run: {...bench.run, quick: true}}
  const markdown = renderAsMarkdown(benchView(quick))
  const at = markdown.indexOf('LESS was measured')
  t.true(at > 0 && at < markdown.indexOf('\n- '))
})

test('amounts have the unit that fits', (t) => {
  t.is(amountWords(61.29, 'seconds'), '61.3 s')
  t.is(amountWords(0.00083, 'seconds'), '830 us')
  t.is(amountWords(0.0123, 'seconds'), '12.3 ms')
  t.is(amountWords(94_100_000, 'bytes'), '94.1 MB')
  t.is(amountWords(250, 'bytes'), '250 bytes')
  t.is(amountWords(0, 'bytes'), '0 bytes')
  t.is(amountWords(108_999.6, 'per-second'), '109,000/s')
  t.is(amountWords(null, 'seconds'), 'not measured')
})
