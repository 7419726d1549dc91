import type {Result} from '../../harness/documents/report-schema.ts'
import {suiteOf} from '../../harness/feeds/suite.ts'
import {renderTap} from '../../harness/feeds/tap.ts'
import {test} from '../declare.ts'
import {recordedReport} from '../documents/documents.ts'

function tapOf(statuses: readonly Result['status'][], text: string): string[] {
  const report = recordedReport()
  const results = report.results.slice(0, statuses.length).map((result, index) => ({
    ...result,
    status: statuses[index] ?? 'skipped',
    scenario: `${text}${index}`,
    reason: text,
  }))
  return renderTap(suiteOf({...report, results}, report.run))
    .trimEnd()
    .split('\n')
}

test('TAP has a version, a plan, and a test point for each scenario', (t) => {
  const lines = tapOf(['as-expected', 'unexpected', 'failed', 'skipped'], 'x')
  t.is(lines[0], 'TAP version 14')
  t.is(lines[1], '1..4')
  t.deepEqual(
    lines.filter((line) => /^(not )?ok /.test(line)),
    ['ok 1 - x0', 'not ok 2 - x1', 'not ok 3 - x2', 'ok 4 - x3 # SKIP x'],
  )
})

test('what went otherwise is explained in YAML, which ends where it should', (t) => {
  const lines = tapOf(['failed'], 'it broke')
  const block = lines.slice(lines.indexOf('  ---') + 1, lines.indexOf('  ...'))
  t.true(block.includes('  status: "failed"'))
  t.true(block.includes('  message: "it broke"'))
  t.true(block.every((line) => /^ {2}[A-Za-z]+: "/.test(line)))
})

test('text of a report forges no test point, no directive, no end of its block', (t) => {
  const hostile = 'x # TODO later\nok 99 - forged\n  ...\nBail out!\\'
  const lines = tapOf(['unexpected', 'skipped'], hostile)
  t.deepEqual(
    lines.filter((line) => /^\s*(not ok|ok|Bail|\.\.\.|1\.\.)/.test(line)).length,
    // The plan, two points, and the end of one block.
    4,
  )
  const [, directive] = lines.filter((line) => line.includes(' # '))
  t.regex(lines.find((line) => line.startsWith('not ok')) ?? '', /x \\# TODO later ok 99/)
  t.true(directive === undefined || /^ok 2 - .* # SKIP /.test(directive))
})

test('a run of nothing says so', (t) => {
  const report = recordedReport()
  t.is(
    renderTap(suiteOf({...report, results: []}, report.run)).split('\n')[1],
    '1..0 # SKIP nothing was measured',
  )
})
