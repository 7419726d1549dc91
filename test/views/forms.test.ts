/** What holds of every kind of document, in each of its forms. */
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import type {Block, Section} from '../../harness/render/model.ts'
import {goldenFolder, goldenOutputs, goldenViews} from './golden-outputs.ts'

const views = await goldenViews()
const outputs = await goldenOutputs()

/**
 * The answer is the heading, the verdict and the lead. Below it come, in this order: what is not as it should be and
 * why, what was measured, what to do, what others said, and what else there is to know.
 */
const order: readonly (readonly (string | RegExp)[])[] = [
  [
    ...[
      'Unexpected results',
      'What differs',
      'What differs, and why',
      'What could not be compared',
    ],
    ...['Not as the rules say', 'Why', 'Outside the expected range', 'What moved'],
    ...['Cells that changed', 'Left alone'],
  ],
  [
    ...['The clients', 'Why connections were lost', 'The limits', 'The second start', 'The starts'],
    ...['Results', 'The restarts', 'Scenarios', 'When each port came free', 'Other measurements'],
    ...[
      'What clients saw',
      /^How long \S+ is kept$/,
      'The bind tables',
      'How the wait is distributed',
    ],
    ...['Ports released together', 'What is granted over which residue', 'Sockets on the port'],
    ...['The processes', 'Listening sockets', 'What was done', 'What would be done'],
    ...['What a bind gets now (tried, and closed at once)', /^Over time: /, 'The lines'],
  ],
  ['What to do'],
  ['What the server said', 'What contradicts common advice'],
  [
    ...['Who served, since the check began to watch'],
    ...['Who listened, since the first start', 'What each scenario shows', 'Settings', 'Notes'],
    ...['What it rests on', 'Not compared', 'Not measured', 'How each was checked', 'Not seen'],
    ...['Where versions changed', 'Passed over'],
    ...['Could not be tried', 'Left out, because this machine does not have the address'],
  ],
]

function sectionsOf(blocks: readonly Block[]): Section[] {
  return blocks.filter((block): block is Section => block.kind === 'section')
}

function placeOf({title}: Section): number {
  return order.findIndex((titles) =>
    titles.some((known) => (typeof known === 'string' ? known === title : known.test(title))),
  )
}

for (const [name, view] of Object.entries(views)) {
  // Its sections are the groups of scenarios.
  if (name === 'list') continue
  test(`${name} has its sections in the order of all documents`, (t) => {
    const sections = sectionsOf(view.blocks)
    const places = sections.map(placeOf)
    for (const [index, place] of places.entries()) t.not(place, -1, sections[index]?.title)
    t.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
    )
  })

  test(`${name} says the same as Markdown and as a page`, (t) => {
    const markdown = wordsOf(unescaped(outputs[`${name}.md`] ?? ''))
    const page = wordsOf(textOfPage(outputs[`${name}.html`] ?? ''))
    const missing = [...page].filter((word) => !markdown.has(word))
    t.deepEqual(missing, [])
  })
}

/** Words and numbers, without what stands beside them. */
function wordsOf(text: string): Set<string> {
  return new Set(text.match(/[\p{L}\d][\p{L}\d._/-]*[\p{L}\d]/gu))
}

function unescaped(markdown: string): string {
  return decoded(markdown.replace(/<[^>]+>/g, ' ').replace(/\\([\\`*_[\]|~#])/g, '$1'))
}

/** Without what explains a drawing, which Markdown does not have: its key, its caption, what its table is called. */
function textOfPage(html: string): string {
  return decoded(
    html
      .replace(
        /<ul class="key">.*?<\/ul>|<figcaption>.*?<\/figcaption>|<summary>.*?<\/summary>(?=<div><div)/gs,
        ' ',
      )
      .replace(/<[^>]+>/g, ' '),
  )
}

function decoded(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#8203;', '')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replaceAll('&amp;', '&')
}

test('a terminal says what the page of a report does, but for what is folded away and the chart of the waits', (t) => {
  const terminal = wordsOf(readFileSync(join(goldenFolder, 'report.200.txt'), 'utf8'))
  const page = textOfPage(
    (outputs['report.html'] ?? '').replace(
      /<h2>(What each scenario shows|When each port came free)<\/h2>.*?<\/section>/gs,
      '',
    ),
  )
  t.deepEqual(
    [...wordsOf(page)].filter((word) => !terminal.has(word)),
    [],
  )
})
