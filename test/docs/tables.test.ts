import {readFileSync} from 'node:fs'
import {basename, relative} from 'node:path'
import test from 'ava'
import {pages, withTables} from '../../docs/tables.ts'
import {projectFolder} from '../commands/cli.ts'

for (const page of pages) {
  test(`the tables and samples of ${relative(projectFolder, page)} are current (npm run docs makes them)`, (t) => {
    const text = readFileSync(page, 'utf8')
    t.true(/<!-- (table|sample): /.test(text))
    t.is(withTables(text), text)
  })
}

test('every release of the page has measured what its source says', (t) => {
  const page = pages.find((name) => basename(name) === 'residue-rule-release.md') ?? ''
  const [, table = ''] =
    /<!-- table: release -->([\s\S]*?)<!-- end -->/.exec(withTables(readFileSync(page, 'utf8'))) ??
    []
  const rows = [...table.matchAll(/: (\S+) to (\S+) s .*; measured (\S+) to (\S+) s /g)]
  t.is(rows.length, 5)
  for (const [row, ...numbers] of rows) {
    const [from = 0, to = 0, least = 0, greatest = 0] = numbers.map(Number)
    // What was measured begins with the last refusal, which may be before the release.
    t.true(from <= greatest && least <= greatest && greatest <= to, row)
    t.true(to - from < 6, row)
  }
})

test('a table that nobody makes is an error', (t) => {
  t.throws(() => withTables('<!-- table: of contents -->\n<!-- end -->'), {
    message: 'no table or sample is called "of contents"',
  })
})
