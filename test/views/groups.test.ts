import {stripVTControlCharacters} from 'node:util'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {grouped, groupIdOf} from '../../harness/views/groups.ts'
import {renderHtml} from '../../harness/views/html/render.ts'
import {reportView, wholeReportView} from '../../harness/views/report.ts'
import {groups, scenarios} from '../../scenarios/index.ts'
import {resultOf} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {recordedReport} from '../documents/documents.ts'

const report = recordedReport()
const details = {log: null, sentences: []}
const onTerminal = (width: number, results = report.results) =>
  stripVTControlCharacters(renderForTerminal(reportView({...report, results}, details), width))

test('every scenario is in one group, whose lesson is one sentence', (t) => {
  const ids = groups.flatMap((group) => Object.keys(group.scenarios))
  t.is(new Set(ids).size, ids.length)
  for (const id of Object.keys(scenarios)) t.not(groupIdOf(id), 'own', id)
  for (const {id, lesson} of groups) {
    t.regex(id, /^[a-z]+(-[a-z]+)*$/)
    t.regex(lesson, /^[A-Z](?!.*\. ).*\.$/)
  }
})

test("a report that stores no groups has them; a user's own scenarios come last", (t) => {
  const own = {...resultOf(report, 'server-killed'), scenario: 'mine/arm'}
  const ids = grouped([own, ...report.results]).map(({group}) => group.id)
  t.deepEqual(ids, [...groups.map(({id}) => id), 'own'])
})

test('on a terminal columns stay aligned over groups, wide and narrow', (t) => {
  for (const width of [200, 80]) {
    const text = onTerminal(width)
    for (const {title} of groups) t.true(text.includes(`\n\n${title}: `), title)
    const [table = ''] = /^scenario[\s\S]*?(?=\n\nOther measurements)/m.exec(text) ?? []
    const rows = table.split('\n').filter((line) => /\b(delayed|immediate) /.test(line))
    const places = rows.map((row) => row.search(/\b(delayed|immediate) /))
    t.true(places.length > 40)
    t.is(new Set(places).size, 1, `${width}`)
    t.true(text.split('\n').every((line) => line.length <= width))
  }
})

test('a page and Markdown have a heading and the lesson for each group', async (t) => {
  const page = await renderHtml([report])
  const markdown = renderAsMarkdown(wholeReportView(report, details))
  for (const {title} of groups) {
    t.true(page.includes(`<h3>${title}</h3>`), title)
    t.true(markdown.includes(`### ${title}\n`), title)
  }
})

test('the chart of the waits has the title of each group above its scenarios, as a drawing and in words', async (t) => {
  const page = await renderHtml([report])
  const markdown = renderAsMarkdown(wholeReportView(report, details))
  const [, words = ''] =
    /## When each port came free\n\n```text\n([\s\S]*?)```/.exec(markdown) ?? []
  const drawings = [...page.matchAll(/<figure class="(?:wide|narrow)">.*?<\/figure>/gs)]
  t.is(drawings.length, 2)
  for (const {title, scenarios: own} of groups) {
    const [first = ''] = Object.keys(own)
    t.regex(words, new RegExp(`^${title}\\n +${first}`, 'm'))
    for (const [drawing] of drawings) t.true(drawing.includes(`>${title}</text>`), title)
  }
  t.regex(words, /^ +server-closes-first +6\d\.\d s █{40,}$/m)
  t.regex(words, /^ +client-closes-first +at once$/m)
})

test('a terminal shows way and lines for one scenario, and not for all', (t) => {
  const one = onTerminal(80, [resultOf(report, 'server-closes-first')])
  t.regex(one, /server +LISTEN -> \(SYN_RECV\) -> ESTABLISHED/)
  t.regex(one, /- ss -tano state time-wait 'sport = :\d+'/)
  t.false(onTerminal(80).includes('ss -tano'))
})

test('Markdown folds each scenario, with its way and the lines', (t) => {
  const markdown = renderAsMarkdown(wholeReportView(report, details))
  t.is(markdown.split('<details>').length - 1, report.results.length)
  t.is(markdown.split('</details>').length - 1, report.results.length)
  t.regex(markdown, /```text\nserver {2}LISTEN -> /)
  t.regex(markdown, /- `ss -tano state time-wait 'sport = :\d+'`/)
})

test('a page draws the way of each scenario for wide and narrow screens', async (t) => {
  const page = await renderHtml([report])
  const [figure = ''] = /<figure class="states">.*?<\/figure>/s.exec(page) ?? []
  t.regex(figure, /<svg class="wide"/)
  t.regex(figure, /<svg class="narrow"/)
  t.regex(figure, /class="node server seen"[^>]*><text class="name"[^>]*>TIME_WAIT/)
  t.regex(figure, /class="node client inferred"[^>]*><text class="name"[^>]*>LAST_ACK/)
})
