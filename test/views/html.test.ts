import {createHash} from 'node:crypto'
import type {RunLog, ScenarioLog} from '../../harness/documents/run-log.ts'
import {textAt} from '../../harness/render/html/drawing.ts'
import {textOf} from '../../harness/render/html/markup.ts'
import {histogram} from '../../harness/timing/histogram.ts'
import {renderHtml} from '../../harness/views/html/render.ts'
import {resultOf} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {
  hostileText,
  realDocuments,
  recordedReport,
  withHostileText,
} from '../documents/documents.ts'

const mostBytes = 1.5 * 1024 * 1024
const mostSeconds = 2

const documents = await realDocuments()

/** The names of the elements, and of their attributes, in their order; no value of any. */
function structureOf(page: string): string[] {
  return [...page.matchAll(/<([a-z][a-z0-9]*)((?:\s+[a-z:-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(
    ([, name = '', attributes = '']) =>
      `${name}${attributes.replace(/="[^"]*"/g, '').replace(/\s+/g, ' ')}`,
  )
}

for (const [what, document] of Object.entries(documents)) {
  test(`the page of a ${what} loads nothing, runs nothing, and allows nothing but its own style`, async (t) => {
    const page = await renderHtml([document])
    t.notRegex(page, /<script|<link|<iframe|<img|<object|<embed|<form|<base/i)
    t.notRegex(page, /\son[a-z]+=|\sstyle=|javascript:|@import/i)
    for (const [, target = ''] of page.matchAll(/\s(?:href|src|action|data)="([^"]*)"/g)) {
      t.regex(target, /^#(scenario-\d+|state-diagram-[a-z-]+)$/)
    }
    for (const [, target = ''] of page.matchAll(/url\(([^)]*)\)/g)) t.regex(target, /^#state-/)
    const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? ''
    const hash = createHash('sha256').update(style).digest('base64')
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1]
    t.is(
      policy,
      `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`,
    )
  })

  test(`hostile text in every field of a ${what} adds nothing to its page but text`, async (t) => {
    const hostile = await withHostileText(document)
    t.true(JSON.stringify(hostile).split('onerror').length > 5, 'there is hostile text in it')
    const page = await renderHtml([hostile], {log: null, sentences: [hostileText]})
    const known = new Set(structureOf(await renderHtml([document], {log: null, sentences: ['A.']})))
    // The same elements with the same attributes; of some there may be more, as names are no longer alike.
    t.deepEqual(
      structureOf(page).filter((element) => !known.has(element)),
      [],
    )
    t.notRegex(page, /<script|<img|<\/style>.*<\/style>/is)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    t.notRegex(page, /[\u0000-\u0008\u000b-\u001f\u007f\u202e]/)
  })

  test.serial(`the page of a full ${what} is small, and soon made`, async (t) => {
    await renderHtml([document])
    const before = process.cpuUsage()
    const page = await renderHtml([document])
    const {user, system} = process.cpuUsage(before)
    t.true(Buffer.byteLength(page) <= mostBytes, `${Buffer.byteLength(page)} bytes`)
    t.true((user + system) / 1e6 < mostSeconds, `${(user + system) / 1e6} s of processor time`)
  })
}

test('every scenario of a run is in the chart and in the list, with its claim, error and source', async (t) => {
  const report = recordedReport()
  const page = await renderHtml([report])
  for (const {scenario} of report.results) {
    t.true(page.includes(`<span class="id">${scenario}</span>`), scenario)
  }
  const {claim, bind, expected} = resultOf(report, 'server-closes-first')
  for (const text of [claim, bind?.firstError?.message ?? '?', expected?.source ?? '?']) {
    t.true(page.includes(text), text)
  }
  t.true(page.includes('fill="url(#state-TIME_WAIT)"'))
})

test('what went otherwise stands above everything else, with a way to its details', async (t) => {
  const report = recordedReport()
  const [first] = report.results
  if (first === undefined) throw new Error('nothing is recorded')
  const results = [{...first, status: 'unexpected', reason: 'granted too soon'} as const]
  const page = await renderHtml([{...report, results}])
  const places = [
    'verdict bad">0 as expected, 1 unexpected',
    'href="#scenario-0"',
    '<div class="chart"',
  ].map((text) => page.indexOf(text))
  t.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  )
  t.false(places.includes(-1))
  t.true(page.includes('<details id="scenario-0" open>'), 'nobody has to open it first')
})

/** A log of so many attempts in every scenario, as of a system that shows no timers. */
function logOf(scenarios: readonly string[], attempts: number): RunLog {
  const log: ScenarioLog = {
    attempts: Array.from({length: attempts}, (_, index) => ({
      event: 'bind-attempt',
      scenario: '',
      seconds: 1 + index * 0.001 * (1 + (index % 3)),
      attempt: index + 1,
      outcome: 'refused',
      code: 'EADDRINUSE',
      errno: 98,
    })),
    steps: [],
    states: [],
    repetitions: [],
  }
  return {
    start: null,
    scenarios: new Map(scenarios.map((scenario) => [scenario, log])),
    ended: true,
    lastSeconds: 70,
    unreadable: 0,
  }
}

test.serial(
  'attempts by the thousand are drawn as strips, which the page says, and stay small',
  async (t) => {
    const report = recordedReport()
    const log = logOf(
      report.results.map(({scenario}) => scenario),
      30_000,
    )
    const before = process.cpuUsage()
    const page = await renderHtml([report], {log, sentences: []})
    const {user, system} = process.cpuUsage(before)
    t.true(Buffer.byteLength(page) <= mostBytes, `${Buffer.byteLength(page)} bytes`)
    t.true((user + system) / 1e6 < mostSeconds, `${(user + system) / 1e6} s of processor time`)
    t.regex(page, /A tick stands for the refused attempts of [\d.]+ m?s/)
    t.true(page.includes('attempts 2 to 30000: refused, EADDRINUSE 98'))
  },
)

test('the verdict is followed by how many ports were granted at once, and after how long the others', async (t) => {
  const {bind, ...rest} = resultOf(recordedReport(), 'server-closes-first')
  const {bind: immediate} = resultOf(recordedReport(), 'server-closes-first-node')
  if (bind === null) return t.fail('it binds')
  const binds = [
    {...bind, waitSeconds: 61.25},
    {...bind, waitSeconds: 2.04},
    {...bind, verdict: 'blocked', waitSeconds: null} as const,
    {...bind, verdict: 'blocked', waited: false, waitSeconds: null} as const,
    immediate,
    null,
  ]
  const results = binds.map((each) => ({...rest, bind: each}))
  const page = await renderHtml([{...recordedReport(), results}])
  t.true(
    page.includes(
      'Granted at once: 1; after 2.0 to 61.3 s: 2; refused to the end: 1; refused and not waited for: 1; without a bind to judge: 1.',
    ),
  )
})

test('a scenario says in words which options its servers had, and how often it was refused', async (t) => {
  const report = recordedReport()
  const results = [
    resultOf(report, 'reuseaddr-added-late'),
    resultOf(report, 'server-closes-first-node'),
  ]
  const page = await renderHtml([{...report, results}])
  t.regex(page, /old server<\/dt><dd>no option; on 127\.0\.0\.1/)
  t.regex(page, /new server<\/dt><dd>SO_REUSEADDR; on 127\.0\.0\.1/)
  t.regex(page, /old server<\/dt><dd>server\.listen, which sets SO_REUSEADDR; on/)
  t.regex(page, /bind attempts<\/dt><dd>\d+, \d+ refused with EADDRINUSE/)
})

test('a report without a log says that no attempts are shown', async (t) => {
  const page = await renderHtml([recordedReport()])
  t.true(page.includes('no ticks are shown'))
  t.true(page.includes('0 is when the scenario’s first socket was seen'))
})

test("every bar of the histogram stands on zero, and is as high as its bin's ports are many", async (t) => {
  const {timing} = documents
  if (timing?.format !== 'rebind-timing') return t.fail('there is no timing')
  const page = await renderHtml([timing])
  const [wide = ''] = /<figure class="wide">.*?<\/figure>/s.exec(page) ?? []
  const bars = [
    ...wide.matchAll(
      /<rect x="[\d.-]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="#0072b2" stroke="var\(--ink\)"/g,
    ),
  ]
  const heights = bars.map(([, top, height]) => ({bottom: Number(top) + Number(height), height}))
  t.true(heights.length > 3)
  const [ground] = heights.map(({bottom}) => Math.round(bottom))
  t.true(heights.every(({bottom}) => Math.round(bottom) === ground))
  const counts = histogram(
    timing.samples.flatMap(({waitSeconds}) => waitSeconds ?? []),
    24,
  ).map(({count}) => count)
  const tallest = Math.max(...heights.map(({height}) => Number(height)))
  t.deepEqual(
    heights.map(({height}) => Math.round((Number(height) / tallest) * Math.max(...counts))),
    counts.filter((count) => count > 0),
  )
})

test('a report of nothing is a page, too', async (t) => {
  const page = await renderHtml([{...recordedReport(), results: []}])
  t.true(page.includes('0 as expected, 0 unexpected, 0 failed, 0 skipped'))
})

test('a survey says first how many servers got their port back at once', async (t) => {
  const {survey} = documents
  if (survey?.format !== 'rebind-survey') return t.fail('there is no survey')
  const measured = survey.servers.filter(({status}) => status === 'measured')
  const safe = measured.filter(({check}) => check?.safe === true).length
  const page = await renderHtml([survey])
  t.true(
    page.includes(`${safe} got their port back at once, ${measured.length - safe} did not</p>`),
  )
})

test('text in a drawing is text: no markup, nothing that a terminal obeys, nothing that turns a line around', (t) => {
  const words = '\u001b[31m<script>\u202ea\u0000b'
  const svg = textOf(textAt({x: 0, y: 0, words}))
  t.regex(svg, />&lt;script&gt;\ufffda b</)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notRegex(svg, /[\u0000-\u0008\u000b-\u001f\u202e]/)
})
