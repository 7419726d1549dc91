import test from 'ava'
import {benchSchema} from '../../harness/documents/bench-schema.ts'
import {literal} from '../../harness/render/markdown.ts'
import {renderBenchMarkdown} from '../../harness/views/bench-markdown.ts'
import {renderBenchTerminal} from '../../harness/views/bench-terminal.ts'
import {amountWords, verdictOfBench} from '../../harness/views/bench-words.ts'
import {renderHtml} from '../../harness/views/html/render.ts'
import {recordedBench} from '../documents/documents.ts'

const bench = recordedBench()

test('a benchmark survives its own schema', (t) => {
  t.deepEqual(benchSchema.parse(JSON.parse(JSON.stringify(bench))), bench)
  t.deepEqual(
    bench.parts.map(({part}) => part),
    [1, 2, 3, 4, 5, 6],
  )
})

test('every rendering has every row, with its target and whether that is met', async (t) => {
  const markdown = renderBenchMarkdown(bench)
  const terminal = renderBenchTerminal(bench, undefined)
  const page = await renderHtml([bench])
  for (const {what} of bench.parts.flatMap(({rows}) => rows)) {
    t.true(markdown.includes(`| ${literal(what)} |`), what)
    t.regex(terminal, new RegExp(`^${what.replace(/[()]/g, '.')} `, 'm'), what)
    t.true(page.includes(`<th scope="row">${what.replaceAll("'", '&#39;')}</th>`), what)
  }
  const {words} = verdictOfBench(bench)
  for (const text of [terminal, markdown.replaceAll('\\', '')]) t.true(text.includes(words))
})

test('the page draws the binds over TIME_WAIT sockets, once for each width of screen', async (t) => {
  const page = await renderHtml([bench])
  t.is(page.match(/class="chart" role="img" aria-label="[^"]*both axes logarithmic/g)?.length, 2)
  t.true(page.includes('microseconds for one bind'))
})

test('less than all is said before anything else is', (t) => {
  const quick = {...bench, run: {...bench.run, quick: true}}
  for (const text of [renderBenchMarkdown(quick), renderBenchTerminal(quick, undefined)]) {
    t.regex(text.split('\n').slice(0, 8).join('\n'), /LESS THAN ALL/)
  }
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
