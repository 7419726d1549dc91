import {spawnSync} from 'node:child_process'
import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {fileURLToPath} from 'node:url'
import test, {type ExecutionContext} from 'ava'
import type {Report, Result} from '../../harness/documents/report-schema.ts'
import {renderJunit} from '../../harness/feeds/junit.ts'
import {suiteOf} from '../../harness/feeds/suite.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'
import {hostileText, recordedReport} from '../documents/documents.ts'

const schema = fileURLToPath(new URL('junit.rng', import.meta.url))
const missing = missingProgram('xmllint')

function reportOf(statuses: readonly Result['status'][], text: string): Report {
  const report = recordedReport()
  const results = report.results.slice(0, statuses.length).map((result, index) => {
    const status = statuses[index] ?? 'skipped'
    return status === 'as-expected'
      ? {...result, status}
      : {...result, status, reason: text, claim: text, scenario: `${index}${text}`}
  })
  return {...report, run: {...report.run, id: text}, results}
}

const junitOf = (report: Report) => renderJunit(suiteOf(report, report.run))
const everyStatus = ['as-expected', 'unexpected', 'failed', 'skipped'] as const

/** What a CI would read of it, by an XPath expression. */
function read(t: ExecutionContext, xml: string, expression: string): string {
  const file = join(temporaryFolder(t), 'junit.xml')
  writeFileSync(file, xml)
  const {stdout, stderr, status} = spawnSync('xmllint', ['--xpath', expression, file], {
    encoding: 'utf8',
  })
  t.is(status, 0, stderr)
  return stdout.trim()
}

const worst = `${hostileText}]]>\u0001\ud800\uffff\r\n\t`

for (const [what, report] of Object.entries({
  'a run as expected': recordedReport(),
  'a run of every status': reportOf(everyStatus, 'a reason'),
  'a run with hostile text': reportOf(everyStatus, worst),
  'a run of nothing': {...recordedReport(), results: []},
  'an interrupted run': {
    ...recordedReport(),
    run: {...recordedReport().run, interrupted: 'SIGINT'},
  },
})) {
  testUnless(missing, `the JUnit XML of ${what} is valid`, (t) => {
    const file = join(temporaryFolder(t), 'junit.xml')
    writeFileSync(file, junitOf(report))
    const {status, stderr} = spawnSync('xmllint', ['--noout', '--relaxng', schema, file], {
      encoding: 'utf8',
    })
    t.is(status, 0, stderr)
  })
}

testUnless(missing, 'unexpected is a failure, failed an error, skipped is skipped', (t) => {
  const xml = junitOf(reportOf(everyStatus, 'a reason'))
  const count = (path: string) => read(t, xml, `count(${path})`)
  t.is(count('//testcase'), '4')
  t.is(count('//testcase[1]/*'), '0')
  t.is(count('//testcase[2]/failure[@message="a reason"]'), '1')
  t.is(count('//testcase[3]/error[@message="a reason"]'), '1')
  t.is(count('//testcase[4]/skipped[@message="a reason"]'), '1')
  for (const name of ['failures', 'errors', 'skipped']) {
    t.is(read(t, xml, `string(//testsuite/@${name})`), '1', name)
  }
  t.is(read(t, xml, 'string(//testsuite/@tests)'), '4')
})

testUnless(missing, 'hostile text is read back as it was, but for what XML cannot hold', (t) => {
  const xml = junitOf(reportOf(['failed'], worst))
  t.is(
    read(t, xml, 'string(//error/@message)'),
    worst
      .replace(
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what XML cannot hold
        /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u202e\u2066\ud800\uffff]/g,
        '\ufffd',
      )
      .trim(),
  )
})

test('no character that XML forbids is left, even without an XML reader to say so', (t) => {
  const xml = junitOf(reportOf(everyStatus, worst))
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  t.notRegex(xml, /[\u0000-\u0008\u000b-\u001f\uffff]|[\ud800-\udfff]/)
  t.notRegex(xml, /<script|]]>/)
})
