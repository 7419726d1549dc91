import {readFileSync} from 'node:fs'
import {basename} from 'node:path'
import test from 'ava'
import {pages, withTables} from '../../docs/tables.ts'

for (const page of pages) {
  test(`the tables of ${basename(page)} are current (npm run docs makes them)`, (t) => {
    const text = readFileSync(page, 'utf8')
    t.true(text.includes('<!-- table: '))
    t.is(withTables(text), text)
  })
}

test('a table that nobody makes is an error', (t) => {
  t.throws(() => withTables('<!-- table: of contents -->\n<!-- end -->'), {
    message: 'no table is called "of contents"',
  })
})
