import type {Report} from '../../harness/documents/report-schema.ts'
import type {WhyPort} from '../../harness/documents/why-schema.ts'
import {annotationLine, newsOf} from '../../harness/feeds/github.ts'
import {renderJunit} from '../../harness/feeds/junit.ts'
import {plainProgress} from '../../harness/feeds/progress.ts'
import {type JudgedDocument, suiteOf} from '../../harness/feeds/suite.ts'
import {renderTap} from '../../harness/feeds/tap.ts'
import {plainWatch} from '../../harness/feeds/watch.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {checkView} from '../../harness/views/check.ts'
import {comparisonView, judgementView} from '../../harness/views/comparison.ts'
import type {RunDocument} from '../../harness/views/kinds.ts'
import {markdownOf} from '../../harness/views/markdown.ts'
import {matrixView} from '../../harness/views/matrix.ts'
import {policiesView} from '../../harness/views/policies.ts'
import {reportView} from '../../harness/views/report.ts'
import {surveyView} from '../../harness/views/survey.ts'
import {timingView} from '../../harness/views/timing.ts'
import {whyView} from '../../harness/views/why.ts'
import {test} from '../declare.ts'
import {
  hostileText,
  realDocuments,
  recordedReport,
  withHostileText,
} from '../documents/documents.ts'

const documents = await realDocuments()

const judgedKinds = ['report', 'matrix', 'timing', 'check', 'survey', 'judgement']

/** Every way to show a document as text, by what it shows. */
const renderers: [name: string, document: string, render: (document: never) => string][] = [
  [
    'terminal',
    'report',
    (report: Report) =>
      renderForTerminal(reportView(report, {log: null, sentences: [hostileText]}), undefined),
  ],
  [
    'narrow terminal',
    'report',
    (report: Report) =>
      renderForTerminal(reportView(report, {log: null, sentences: [hostileText]}), 40),
  ],
  ...judgedKinds.flatMap((kind): [string, string, (document: never) => string][] => [
    ['TAP', kind, tapOf],
    ['JUnit', kind, junitOf],
  ]),
  // The others are as expected, and annotate nothing.
  ...['report', 'check', 'survey', 'judgement'].map(
    (kind): [string, string, (document: never) => string] => ['annotations', kind, annotationsOf],
  ),
  ['progress', 'report', progressOf],
  ['terminal', 'matrix', (matrix: never) => renderForTerminal(matrixView(matrix), 80)],
  ['terminal', 'timing', (timing: never) => renderForTerminal(timingView(timing), 80)],
  ['terminal', 'policies', (policies: never) => renderForTerminal(policiesView(policies), 200)],
  ['terminal', 'check', (check: never) => renderForTerminal(checkView(check), 80)],
  ['terminal', 'survey', (survey: never) => renderForTerminal(surveyView(survey), 200)],
  [
    'terminal',
    'comparison',
    (comparison: never) => renderForTerminal(comparisonView(comparison), 80),
  ],
  ['terminal', 'judgement', (judgement: never) => renderForTerminal(judgementView(judgement), 80)],
]

/** Where the document has no word of its own, what somebody has said stands. */
function hostileSuite(document: JudgedDocument) {
  const {wallSeconds, startedAt} = recordedReport().run
  return suiteOf(document, {startedAt, wallSeconds, id: hostileText, interrupted: hostileText})
}

function tapOf(document: JudgedDocument): string {
  return renderTap(hostileSuite(document))
}

function junitOf(document: JudgedDocument): string {
  return renderJunit(hostileSuite(document))
}

function annotationsOf(document: JudgedDocument): string {
  const {annotations} = newsOf(hostileSuite(document), '')
  return annotations.map((annotation) => `${annotationLine(annotation)}\n`).join('')
}

function progressOf({results}: Report): string {
  const {text, stream} = collector()
  const display = plainProgress(stream)
  for (const result of results) display.finish(result.scenario, result)
  return text()
}

function collector() {
  let all = ''
  const write = (text: string | Uint8Array) => {
    all += String(text)
    return true
  }
  return {text: () => all, stream: {write}}
}

/** In names of fields, too, where those are the document's own. */
async function hostile(document: RunDocument): Promise<RunDocument> {
  const copy = (await withHostileText(document)) as Report
  const {host, results = []} = copy
  if (host !== undefined) host.settings = {...host.settings, [hostileText]: hostileText}
  for (const result of Array.isArray(results) ? results : []) {
    if (copy.format !== 'rebind-report') break
    result.measurements = {...result.measurements, [hostileText]: 1}
    if (result.status !== 'as-expected') continue
    // What went otherwise is told in more words.
    result.status = 'unexpected'
    result.reason = hostileText
  }
  return copy
}

/** Whatever moves the cursor, begins an escape sequence, breaks a line elsewhere or turns one around. */
const harmful =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

/** Lines that only a document's own line breaks could have begun. */
const forged = /^(::error title=forged|ok 1 - forged|# forged|\| a \||```|\r)/m

/** What GitHub makes links and mentions of, in text without any markup. */
const linked = /:\/\/|\bwww\.|@\w|(?<!&)#\d|\bGH-\d/i

for (const [name, kind, render] of renderers) {
  test(`hostile text in every field of a ${kind} stays text on its line: ${name}`, async (t) => {
    const document = documents[kind]
    if (document === undefined) return t.fail(`there is no ${kind}`)
    const text = render((await hostile(document)) as never)
    t.is(harmful.exec(text)?.[0], undefined)
    t.is(forged.exec(text)?.[0], undefined)
    t.true(text.length > 20)
  })
}

/** What the renderer itself begins and ends: places folded away, and a figure's lines, in a fence that none of them ends. */
const ownMarkup =
  /^(?:<details(?: open)?>\n<summary><b>[^<\n]*<\/b>: [^<\n]*<\/summary>|<\/details>)$|^(`{3,})text\n(?:(?!\1).*\n)+\1$/gm

/** The lines for a shell: programs and words of ours, and a port. */
const ownCode = /(?<!\\)`(?:ss|netstat|grep|lsof|sudo) [\w .:'=|/-]+`/g

const withoutOwn = (text: string) => text.replace(ownMarkup, '').replace(ownCode, '')

/** How many there are: text of a document must neither add one nor take one away. */
function ownMarks(text: string): number[] {
  return [/^<details/gm, /^<summary>/gm, /^<\/details>$/gm, /^`{3,}text$/gm, /^`{3,}$/gm].map(
    (mark) => text.match(mark)?.length ?? 0,
  )
}

for (const [kind, document] of Object.entries(documents)) {
  test(`hostile text in every field of a ${kind} takes no effect as Markdown, nor as HTML in it`, async (t) => {
    const details = {log: null, sentences: [hostileText]}
    const own = await markdownOf(await hostile(document), details)
    if (kind === 'report') {
      t.deepEqual(ownMarks(own), ownMarks(await markdownOf(document, details)))
    }
    const text = withoutOwn(own)
    t.is(harmful.exec(own)?.[0], undefined)
    t.is(forged.exec(text)?.[0], undefined)
    // The only tag of our own is a line break within a table's cell.
    t.notRegex(text.replaceAll('<br>', ''), /</)
    t.notRegex(text, /[^\\]\]\(javascript:/)
    t.notRegex(text, /(^|[^\\])`/m)
    t.is(linked.exec(text)?.[0], undefined)
    const columns = (row: string) => row.match(/(?<!\\)\|/g)?.length
    const lines = text.split('\n')
    for (const [index, line] of lines.entries()) {
      if (/^\| ---/.test(line)) t.is(columns(line), columns(lines[index - 1] ?? ''))
    }
  })
}

const notDrawn = () => {
  throw new Error('not drawn')
}

test('hostile text in what a figure or a summary says can end neither fence nor details', (t) => {
  const text = `${hostileText}\n\`\`\`\`\`\n</summary></details>\n~~~`
  const figure = {kind: 'figure', picture: notDrawn} as const
  const markdown = renderAsMarkdown({
    heading: 'a',
    file: 'a.json',
    blocks: [
      {
        kind: 'details',
        summary: [text, {code: text}],
        aside: [{strong: text}],
        badge: {tone: 'good', words: text},
        blocks: [
          {
            ...figure,
            lines: {
              rows: [
                [text, text],
                ['`'.repeat(7), ''],
              ],
              note: text,
            },
          },
          {
            ...figure,
            grid: {columns: [text], rows: [{names: [text, text], marks: [[text]]}], tones: {}},
          },
        ],
      },
    ],
  })
  t.is(harmful.exec(markdown)?.[0], undefined)
  // The longest run is 7 in one figure, 5 in the other.
  t.deepEqual(markdown.match(/^`{3,}(?:text)?$/gm), [
    '````````text',
    '````````',
    '``````text',
    '``````',
  ])
  const outside = markdown.replace(/^(`{3,})text\n[\s\S]*?\n\1$/gm, '')
  t.deepEqual(outside.match(/<[^>]*>/g), [
    ...['<details>', '<summary>', '<b>', '</b>', '</summary>', '</details>'],
  ])
  t.is(forged.exec(outside)?.[0], undefined)
  t.is(linked.exec(outside)?.[0], undefined)
  t.notRegex(outside, /(^|[^\\])`/m)
})

test('JUnit XML of hostile text has the elements of any other', async (t) => {
  const elements = (xml: string) => new Set(xml.match(/<\/?[a-z-]+/g))
  const report = {...recordedReport(), results: recordedReport().results.slice(0, 3)}
  const plain = structuredClone(report)
  for (const result of plain.results) Object.assign(result, {status: 'unexpected', reason: 'a'})
  t.deepEqual(elements(junitOf((await hostile(report)) as Report)), elements(junitOf(plain)))
})

test('TAP of hostile text has a point for each result, and no more', async (t) => {
  const report = (await hostile(documents.report as Report)) as Report
  const points = tapOf(report).match(/^(not )?ok /gm)
  t.is(points?.length, report.results.length)
})

const host = recordedReport().host
const holder = {pid: 7, parent: 1, uid: 0, user: hostileText, command: hostileText}
const end = {address: hostileText, port: 1}
const cause = {
  kind: 'listener',
  text: hostileText,
  because: hostileText,
  source: hostileText,
} as const

test('what other programs are named does nothing in the answers of why', (t) => {
  const answer = {
    format: 'rebind-why',
    version: 1,
    host,
    bindable: false,
    causes: [cause],
    advice: [{kind: 'note', text: hostileText}],
    unseen: [hostileText],
  } as const
  const socket = {state: 'LISTEN', local: end, remote: end, expiresInSeconds: null, pid: 7} as const
  const port: WhyPort = {
    ...structuredClone(answer),
    port: 1,
    sockets: [{...socket, command: hostileText, processes: [holder]}],
    bind: [{address: hostileText, bind: 'none', observed: hostileText}],
    freeInSeconds: null,
    freeInSecondsAtLeast: null,
  } as unknown as WhyPort
  t.notRegex(renderForTerminal(whyView(port), 80), harmful)
  const path = {...structuredClone(answer), path: hostileText, processes: [holder]}
  t.notRegex(renderForTerminal(whyView(path as never), 80), harmful)
})

test('what other programs are named does nothing in the lines of watch', (t) => {
  const {text, stream} = collector()
  const entry = {state: 'LISTEN', local: end, remote: end, expiresInSeconds: null} as const
  const display = plainWatch(stream as never, {port: 1, began: 0, untilFree: false})
  display.reading({
    at: 1,
    sockets: [{entry, holders: [holder], remaining: null}],
    changes: [{change: 'appeared', entry}] as never,
  })
  t.is(harmful.exec(text())?.[0], undefined)
  t.is(text().split('\n').length, 2)
})
