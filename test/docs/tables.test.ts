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

test('every row of the table of releases has measured what its source says', (t) => {
  const page = pages.find((name) => basename(name) === 'residue-rule-release.md') ?? ''
  const [, table = ''] =
    /<!-- table: release -->([\s\S]*?)<!-- end -->/.exec(withTables(readFileSync(page, 'utf8'))) ??
    []
  const rows = [...table.matchAll(/\| (\S+) to (\S+) s \| .* \| (\S+) to (\S+) s \|$/gm)]
  t.true(rows.length >= 4)
  for (const [row, ...numbers] of rows) {
    const [least = 0, greatest = 0, from = 0, to = 0] = numbers.map(Number)
    t.true(from <= least && least <= greatest && greatest <= to, row)
  }
})

test('a table that nobody makes is an error', (t) => {
  t.throws(() => withTables('<!-- table: of contents -->\n<!-- end -->'), {
    message: 'no table or sample is called "of contents"',
  })
})
