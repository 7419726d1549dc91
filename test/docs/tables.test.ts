import {readFileSync} from 'node:fs'
import {basename} from 'node:path'
import test from 'ava'
import {pages, withTables} from '../../docs/tables.ts'

for (const page of pages) {
  test(`the tables and samples of ${basename(page)} are current (npm run docs makes them)`, (t) => {
    const text = readFileSync(page, 'utf8')
    t.true(/<!-- (table|sample): /.test(text))
    t.is(withTables(text), text)
  })
}

test('a table that nobody makes is an error', (t) => {
  t.throws(() => withTables('<!-- table: of contents -->\n<!-- end -->'), {
    message: 'no table or sample is called "of contents"',
  })
})
