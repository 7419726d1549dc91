import {stripVTControlCharacters} from 'node:util'
import {describePlatform} from '../../harness/documents/host.ts'
import {
  type Matrix,
  type MatrixCell,
  matrixAddresses,
  matrixSchema,
} from '../../harness/documents/matrix-schema.ts'
import {cellsOf} from '../../harness/matrix/cells.ts'
import {agreementOf, judged} from '../../harness/matrix/judge.ts'
import {platformOf} from '../../harness/platforms/detect.ts'
import type {Stack} from '../../harness/platforms/platform.ts'
import {gridLines} from '../../harness/render/grid.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {matrixView} from '../../harness/views/matrix.ts'
import {gridsOf, letterGrid} from '../../harness/views/matrix-grid.ts'
import {test} from '../declare.ts'

/** A document in which every cell was observed as a platform's rules say. */
function agreeing(stack: Stack): Matrix {
  const {rules} = platformOf(stack)
  const cells = cellsOf({})
    .map((cell) => judged(cell, undefined, rules))
    .map((cell) => ({...cell, observed: cell.expected, agrees: true}))
  return documentOf(stack, cells)
}

function documentOf(stack: Stack, cells: MatrixCell[], more: Partial<Matrix> = {}): Matrix {
  return matrixSchema.parse({
    format: 'rebind-matrix',
    version: 1,
    host: describePlatform(platformOf(stack)),
    rules: {version: 'some version', measured: false},
    cells,
    agreement: agreementOf(cells),
    wallSeconds: 1.25,
    ...more,
  })
}

const timeWait = (cell: MatrixCell) =>
  cell.residue === 'TIME_WAIT' &&
  cell.predecessor.address === '127.0.0.1' &&
  cell.predecessor.bind === 'reuseaddr' &&
  cell.successor.address === '127.0.0.1' &&
  cell.successor.bind === 'none'

/** One cell of 4896 was granted against the rule. */
const rule = {because: 'the rule <b>says</b> so', source: 'file.c:function'}
const oneDisagrees = documentOf(
  'linux',
  agreeing('linux').cells.map((cell) =>
    timeWait(cell) ? {...cell, observed: 'granted', agrees: false, rule} : cell,
  ),
)

function terminal(matrix: Matrix): string {
  return stripVTControlCharacters(renderForTerminal(matrixView(matrix), undefined))
}

test('residues with the same picture share it, and so do rows that are alike', (t) => {
  t.deepEqual(
    gridsOf(agreeing('linux')).map(({residues}) => residues),
    [
      ['none'],
      ['LISTEN'],
      ['ESTABLISHED', 'FIN_WAIT2', 'TIME_WAIT', 'CLOSE_WAIT'],
      ['outgoing-ESTABLISHED', 'outgoing-TIME_WAIT'],
    ],
  )
  const [, listen] = gridsOf(agreeing('linux'))
  t.deepEqual(listen?.rows.slice(0, 2), [
    {
      address: '127.0.0.1',
      binds: 'none, reuseaddr',
      marks: ['XXXX', 'XXXX', '....', '....', '....', 'XXXX'].map((four) => [...four]),
    },
    {
      address: '127.0.0.1',
      binds: 'reuseport, both',
      marks: ['XX..', 'XX..', '....', '....', '....', 'XX..'].map((four) => [...four]),
    },
  ] as never)
})

test("a picture's columns stand under the addresses of the successors", (t) => {
  const [heading = '', ...rows] = gridLines(
    letterGrid(gridsOf(agreeing('darwin')).at(-1) ?? {residues: [], columns: [], rows: []}),
  )
  t.regex(heading, /^ +127\.0\.0\.1 {2}0\.0\.0\.0 {2}127\.0\.0\.2 {2}::1 {3}:: {4}dual$/)
  for (const address of ['127.0.0.1', '0.0.0.0', '::1', 'dual']) {
    const start = heading.indexOf(address)
    for (const row of rows) t.regex(row.slice(start, start + 4), /^[.X]{4}$/)
  }
})

for (const stack of ['linux', 'darwin', 'gvisor'] as const) {
  test(`the whole table of ${stack} fits 98 columns`, (t) => {
    const lines = stripVTControlCharacters(
      renderForTerminal(matrixView(agreeing(stack)), 98),
    ).split('\n')
    t.true(
      lines.every((line) => line.length <= 98),
      lines.find((line) => line.length > 98),
    )
  })
}

test('on a narrow terminal, columns that do not fit come below the others', (t) => {
  const lines = stripVTControlCharacters(
    renderForTerminal(matrixView(agreeing('linux')), 60),
  ).split('\n')
  t.deepEqual(
    lines.filter((line) => line.length > 60),
    [],
  )
  for (const address of matrixAddresses) {
    t.true(
      lines.some((line) => new RegExp(`^ {10}.* ${address}( |$)`).test(line)),
      address,
    )
  }
})

test('a table that agrees says so first, and lists nothing', (t) => {
  const text = terminal(agreeing('linux'))
  t.regex(
    text,
    /^Bind table\n4896 cells: 4896 agree with the rules, 0 disagree, 0 unknown, in 1\.3 s\n/,
  )
  t.notRegex(text, /Otherwise|Could not be tried/)
})

test('a cell that disagrees parts its residue from the others, and is marked', (t) => {
  const parted = gridsOf(oneDisagrees).find(({residues}) => residues.includes('TIME_WAIT'))
  t.deepEqual(parted?.residues, ['TIME_WAIT'])
  const marks = parted?.rows.map((row) => row.marks.flat().join('')) ?? []
  t.deepEqual(
    marks.filter((row) => row.includes('!')).map((row) => row.slice(0, 4)),
    ['!.X.'],
  )
})

test('a cell that disagrees is listed with the rule that was expected to hold', (t) => {
  const text = terminal(oneDisagrees)
  t.true(text.includes('4896 cells: 4895 agree with the rules, 1 disagree, 0 unknown'))
  t.true(
    text.includes(
      `\nNot as the rules say\nExpected EADDRINUSE, because ${rule.because} (${rule.source}):\n\n` +
        '- TIME_WAIT left by 127.0.0.1 reuseaddr, then 127.0.0.1 none: granted\n',
    ),
    text.slice(0, 600),
  )
})

test('Markdown has the same pictures in code, and the rule without effect', (t) => {
  const markdown = renderAsMarkdown(matrixView(oneDisagrees))
  t.true(markdown.includes('### TIME\\_WAIT\n\n```text\n'))
  t.regex(markdown, / {11}reuseaddr {2}!\.X\. /)
  t.true(markdown.includes('Expected EADDRINUSE, because the rule &lt;b&gt;says&lt;/b&gt; so'))
  t.true(
    markdown.includes(
      '\n- TIME\\_WAIT left by 127.0.0.1 reuseaddr, then 127.0.0.1 none: granted\n',
    ),
  )
})

test('of many cells that disagree the terminal shows some, Markdown more, and both count the others', (t) => {
  const all = documentOf(
    'linux',
    agreeing('linux').cells.map((cell) => ({
      ...cell,
      ...{observed: 'EACCES', agrees: false, rule: 'linux/both-sockets'},
    })),
  )
  const listed = (text: string) => text.split('\n').filter((line) => line.endsWith(': EACCES'))
  const [brief, long] = [terminal(all), renderAsMarkdown(matrixView(all))].map((text) => {
    const shown = listed(text).length
    const more = [...text.matchAll(/- and (\d+) more/g)].map(([, count]) => Number(count))
    t.is(
      more.reduce((sum, count) => sum + count, shown),
      4896,
    )
    return shown
  }) as [number, number]
  t.true(brief > 0 && brief < 100 && long >= 1000)
})

test('what could not be tried is a question mark, and listed by reason', (t) => {
  const untried = documentOf(
    'linux',
    agreeing('linux').cells.map((cell) =>
      timeWait(cell) ? {...cell, observed: null, agrees: null, reason: 'no \u001b[2Jroom'} : cell,
    ),
  )
  const text = renderForTerminal(matrixView(untried), undefined)
  t.false(text.includes('\u001b[2J'))
  t.regex(text, /reuseaddr {2}\?\.X\. /)
  t.regex(text, /Could not be tried\nno room:\n\n- TIME_WAIT left by 127\.0\.0\.1 reuseaddr, then/)
})

test('addresses that the machine does not have are named with the reason', (t) => {
  const leftOut = [{address: '127.0.0.2' as const, reason: 'bind EADDRNOTAVAIL'}]
  const some = documentOf('linux', agreeing('linux').cells, {leftOut})
  t.regex(terminal(some), /Left out.*\n- 127\.0\.0\.2: bind EADDRNOTAVAIL\n/)
  t.regex(
    renderAsMarkdown(matrixView(some)),
    /Left out[^\n]*\n\n- 127\.0\.0\.2: bind EADDRNOTAVAIL\n/,
  )
})

test('a prediction shows what is expected, and says that it is one and whether it was ever measured', (t) => {
  const {rules} = platformOf('darwin')
  const cells = cellsOf({}).map((cell) => judged(cell, undefined, rules))
  const prediction = documentOf('darwin', cells, {predicted: true})
  t.deepEqual(gridsOf(prediction), gridsOf(agreeing('darwin')))
  for (const text of [terminal(prediction), renderAsMarkdown(matrixView(prediction))]) {
    t.regex(text, /macOS: predicted by its rules, nothing was tried/)
    t.regex(text, /4896 cells predicted from the source of some version; not yet measured/)
  }
})
