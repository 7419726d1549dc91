import {existsSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {projectFolder} from '../commands/cli.ts'
import {test} from '../declare.ts'
import {titlesIn} from './test-titles.ts'

const text = readFileSync(join(projectFolder, 'SECURITY.md'), 'utf8')

/** A row of the table at the end: number, file, title. */
const row = /^\| (\d+) \| `([^`]+)` \| (.+) \|$/gm
const tests = [...text.matchAll(row)].map(([, number, file = '', title = '']) => ({
  number: Number(number),
  file,
  title,
}))
const claimed = text.slice(0, text.indexOf('## Not defended against'))
const claims = [...claimed.matchAll(/^- (?:.+\n)(?: {2}.+\n)*/gm)].map(([claim]) => claim)

test('every claim of SECURITY.md names its tests', (t) => {
  t.true(claims.length > 15)
  for (const claim of claims) t.regex(claim, /\[\d+(, \d+)*\]\n$/, claim)
})

test('the tests that SECURITY.md names are numbered, and each is named by a claim', (t) => {
  t.deepEqual(
    tests.map(({number}) => number),
    tests.map((_, index) => index + 1),
  )
  const named = claims.flatMap((claim) =>
    [...claim.matchAll(/\[(\d+(?:, \d+)*)\]/g)].flatMap(([, list = '']) =>
      list.split(', ').map(Number),
    ),
  )
  t.deepEqual(
    [...new Set(named)].sort((a, b) => a - b),
    tests.map(({number}) => number),
  )
})

for (const file of new Set(tests.map((each) => each.file))) {
  test(`the tests that SECURITY.md names in ${file} exist`, (t) => {
    t.true(existsSync(join(projectFolder, file)), `there is no ${file}`)
    const titles = titlesIn(join(projectFolder, file))
    for (const {title} of tests.filter((each) => each.file === file)) {
      t.true(
        titles.some((pattern) => pattern.test(title)),
        `${file} has no test "${title}"`,
      )
    }
  })
}

test('a title that only resembles a test is not taken for one', (t) => {
  const titles = titlesIn(join(projectFolder, 'test/docs/security.test.ts'))
  const has = (title: string) => titles.some((pattern) => pattern.test(title))
  t.true(has('every claim of SECURITY.md names its tests'))
  t.true(has('the tests that SECURITY.md names in test/a.test.ts exist'))
  t.false(has('every claim of SECURITY.md names its test'))
  t.false(has('SECURITY.md'))
})
