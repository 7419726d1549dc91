import {fittedTable, tableWidth, withoutTrailingSpace} from '../../harness/render/fitted-table.ts'
import {test} from '../declare.ts'

const titles = ['address', 'plain', 'why']
const rows = [
  ['127.0.0.1', 'granted', '-'],
  ['0.0.0.0', 'EADDRINUSE', 'somebody listens'],
]
const asIs = (title: string) => title

test('rows that fit stand under their titles, without blanks at the ends', (t) => {
  const width = tableWidth([titles, ...rows])
  for (const room of [undefined, width]) {
    t.deepEqual(fittedTable(titles, rows, room, asIs).split('\n'), [
      'address    plain       why',
      '127.0.0.1  granted     -',
      '0.0.0.0    EADDRINUSE  somebody listens',
    ])
  }
})

test('where one column is too much, each row is a paragraph that names its cells', (t) => {
  const width = tableWidth([titles, ...rows]) - 1
  const text = fittedTable(titles, rows, width, asIs)
  t.deepEqual(text.split('\n'), [
    '127.0.0.1',
    '  plain: granted',
    '0.0.0.0',
    '  plain: EADDRINUSE, why: somebody',
    '    listens',
  ])
  t.true(text.split('\n').every(({length}) => length <= width))
})

test('colours take no columns', (t) => {
  const red = (text: string) => `\u001b[31m${text}\u001b[39m`
  t.is(tableWidth([[red('refused'), 'x']]), tableWidth([['refused', 'x']]))
})

test('blanks within a line stay, and take no time that grows with the square of their number', (t) => {
  const blanks = ' '.repeat(300_000)
  const began = process.cpuUsage()
  t.is(withoutTrailingSpace(`a  b  \n${blanks}x\n  `), `a  b\n${blanks}x\n`)
  const {user, system} = process.cpuUsage(began)
  t.true((user + system) / 1e6 < 2, `${(user + system) / 1e6} s`)
})
