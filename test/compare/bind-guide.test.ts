/** May I bind? Folding must lose nothing, and what is linked to must stay. */
import {stripVTControlCharacters} from 'node:util'
import {bindGuide} from '../../harness/compare/bind-guide.ts'
import {compare} from '../../harness/compare/compare.ts'
import {cellKey, type MatrixDocument} from '../../harness/compare/documents.ts'
import type {Comparison} from '../../harness/documents/comparison-schema.ts'
import {darwin} from '../../harness/platforms/darwin.ts'
import {gvisor} from '../../harness/platforms/gvisor.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import type {View} from '../../harness/render/model.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {bindGuideView, hasBindGuide} from '../../harness/views/bind-guide.ts'
import {renderViewAsPage} from '../../harness/views/html/render.ts'
import {test} from '../declare.ts'
import {matrixOn} from '../platforms/buggy-kernel.ts'
import {everyCell, matrixBy} from './documents-by-rules.ts'

const three = [matrixBy(linux), matrixBy(gvisor), matrixBy(darwin)]
const onKernel = (version: string): MatrixDocument => ({
  kind: 'matrix',
  file: version,
  content: matrixOn(version),
})
const halfOfGvisor = matrixBy(gvisor, {keep: ({residue}) => residue === 'LISTEN'})

const systems: [what: string, documents: MatrixDocument[]][] = [
  ['three systems', three],
  ['a kernel with bugs', [onKernel('6.1.4'), onKernel('6.18.44'), matrixBy(gvisor)]],
  ['a system with some of the cells', [matrixBy(linux), halfOfGvisor]],
]

for (const [what, documents] of systems) {
  test(`of ${what} every cell is in one row, which answers as each system does`, (t) => {
    const answers = new Map<string, (string | null)[]>()
    for (const row of bindGuide(documents).rows) {
      let count = 0
      for (const residue of row.residues) {
        for (const old of row.predecessors) {
          for (const bind of row.successors) {
            for (const {predecessors, successors} of row.addresses) {
              for (const address of predecessors) {
                for (const own of successors) {
                  const predecessor = {bind: old, address}
                  const key = cellKey({residue, predecessor, successor: {bind, address: own}})
                  t.false(answers.has(key), key)
                  answers.set(key, row.outcomes)
                  count++
                }
              }
            }
          }
        }
      }
      t.is(count, row.cells, row.id)
    }
    for (const [side, {content}] of documents.entries()) {
      const wrong = content.cells.filter(
        (cell) => answers.get(cellKey(cell))?.[side] !== cell.observed,
      )
      t.deepEqual(wrong, [])
    }
    t.is(answers.size, everyCell().length)
  })
}

test('the rows are few, and begin with the commonest case', (t) => {
  const {rows} = bindGuide(three)
  t.true(rows.length < 60, `${rows.length}`)
  t.like(rows[0], {residues: ['TIME_WAIT', 'FIN_WAIT2', 'ESTABLISHED', 'CLOSE_WAIT']})
  t.deepEqual(rows[0]?.successors, ['none'])
  t.deepEqual(rows[0]?.addresses[0]?.predecessors[0], '127.0.0.1')
  t.is(rows.at(-1)?.residues[0], 'none')
})

test('each row names the rules that decide, a known bug among them', (t) => {
  const {rows} = bindGuide([onKernel('6.1.4'), onKernel('6.18.44')])
  t.true(rows.every(({rules}) => rules.every((ids) => ids.length > 0)))
  const named = new Set(rows.flatMap(({rules}) => rules[0] ?? []))
  t.true(named.has('linux/bug-time-wait-overlooked'))
})

test('a row that is linked to stays when more systems are compared', (t) => {
  const idsOf = (documents: MatrixDocument[]) => bindGuide(documents).rows.map(({id}) => id)
  const all = idsOf([...three, onKernel('6.1.4')])
  t.is(new Set(all).size, all.length)
  const few = idsOf(three.slice(0, 2))
  t.deepEqual(
    few.filter((id) => !all.includes(id)),
    [],
  )
})

function viewOf(documents: MatrixDocument[]): View {
  const comparison: Comparison = compare(documents)
  if (!hasBindGuide(comparison)) throw new Error('matrices have answers')
  return bindGuideView(comparison)
}

const anchor = 'time_wait.none.127.0.0.1.reuseaddr.127.0.0.1'

test('each row has an anchor, in Markdown and on the page, and its rules lead to their sources', async (t) => {
  const view = viewOf(three)
  const [markdown, page] = [renderAsMarkdown(view), renderViewAsPage(view)]
  t.true(
    markdown.includes(
      `\n| <a id="${anchor}"></a>[no option or SO\\_REUSEPORT](#${anchor}) | SO\\_REUSEADDR | **refused** | **refused** | granted | [\`linux/both-sockets\`](#linux/both-sockets), `,
    ),
  )
  t.true(markdown.includes('\n| <a id="linux/both-sockets"></a>[linux/both-sockets]'))
  t.true(page.includes(`<th scope="row" id="${anchor}"><a href="#${anchor}">`))
  t.true(page.includes('<a href="#linux/both-sockets"><code>linux/both-sockets</code></a>'))
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)
  t.is(new Set(ids).size, ids.length)
  for (const [, to] of page.matchAll(/ href="#([^"]+)"/g)) t.true(ids.includes(to), to)
  t.true(
    stripVTControlCharacters(renderForTerminal(view, 80)).includes('no option or SO_REUSEPORT'),
  )
})

test('systems that answer everything alike share a column', (t) => {
  const markdown = renderAsMarkdown(
    viewOf([onKernel('6.18.44'), onKernel('6.12.1'), onKernel('6.1.4')]),
  )
  t.regex(
    markdown,
    /\| old socket had \| new server sets \| Linux \(2 systems\) \| Linux[^|]* \| rules \|/,
  )
})

test('what is in an anchor ends neither an attribute nor a link', async (t) => {
  const view: View = {
    heading: 'Anchors',
    blocks: [
      {
        ...{kind: 'table', label: 'a table', columns: ['a'], rows: [['a cell']]},
        anchors: ['"><script>alert(1)</script>) [x](javascript:alert(1)'],
      },
      {kind: 'text', text: [{code: 'a rule', to: '"onclick="alert(1)) | x'}]},
    ],
    file: 'a.json',
  }
  for (const text of [renderAsMarkdown(view), renderViewAsPage(view)]) {
    t.notRegex(text, /<script|javascript:alert\(|onclick="/)
  }
})
