import {execFileSync} from 'node:child_process'
import {mkdirSync, truncateSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import fc from 'fast-check'
import {judge} from '../../harness/compare/baseline.ts'
import {compare} from '../../harness/compare/compare.ts'
import {readDocuments, readRecorded} from '../../harness/compare/documents.ts'
import {UsageError} from '../../harness/errors.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {renderAsMarkdown} from '../../harness/render/markdown.ts'
import {renderForTerminal} from '../../harness/render/terminal.ts'
import {printable} from '../../harness/text.ts'
import {comparisonView} from '../../harness/views/comparison.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'
import {matrixBy, reportBy} from './documents-by-rules.ts'

const report = reportBy(linux).content
const matrix = matrixBy(linux, {keep: ({residue}) => residue === 'LISTEN'}).content
const reportText = JSON.stringify(report)

const [aResult] = report.results
const [aCell] = matrix.cells

function text(change: object): string {
  return JSON.stringify({...report, ...change})
}

const badDocuments: [what: string, text: string | Buffer, complaint: RegExp][] = [
  ['an empty file', '', /is empty: the run that should have written it did not finish/],
  ['no JSON', 'Linux 6.18 x64\n\nscenario  residue', /is not JSON; name a report\.json/],
  ['bytes', Buffer.from([0, 1, 2, 0xff, 0xfe]), /is not JSON/],
  ['JSON that is no document', '[1, 2]', /is JSON, but not a rebind document/],
  ['a JSON object of something else', '{"name": "rebind"}', /is a document not of rebind/],
  [
    'another format',
    text({format: 'rebind-list'}),
    /of the format "rebind-list"; name what rebind run/,
  ],
  ['a newer version', text({version: 2}), /has version 2, and this rebind knows version 1; update/],
  ['an older version', text({version: 0}), /at version .*; repeat the run/],
  ['a report cut off in a string', reportText.slice(0, 900), /is cut off in the middle/],
  ['a report cut off before its end', reportText.slice(0, -1), /is cut off in the middle/],
  ['a report that lacks its host', text({host: undefined}), /at host /],
  [
    'a value that no report has',
    text({results: [aResult, {...aResult, status: 'fine'}]}),
    /at results\[1\]\.status /,
  ],
  [
    'a bad repetition',
    text({results: [{...aResult, repeats: [{status: 'failed'}]}]}),
    /at results\[0\]\.repeats\[0\]\.bind /,
  ],
  [
    'a scenario given twice',
    text({results: [aResult, aResult]}),
    /has at results\[1\] what it had/,
  ],
  [
    'a cell given twice',
    JSON.stringify({...matrix, cells: [aCell, aCell]}),
    /has at cells\[1\] what it had/,
  ],
  [
    'a key that reaches into prototypes',
    reportText.replace('"run":', '"__proto__": {"polluted": true}, "run":'),
    /has a key "__proto__"/,
  ],
  [
    'such a key deep inside',
    reportText.replace('"settings":{', '"settings":{"constructor": {"prototype": {}}, '),
    /has a key "prototype"/,
  ],
  [
    'a terminal sequence for a name',
    text({results: [{...aResult, scenario: '\u001b[2Jgone'}]}),
    /has a name at results\[0\]\.scenario with control characters/,
  ],
  [
    'a name that turns the line around',
    text({host: {...report.host, release: '6.18\u202e'}}),
    /has a name at host\.release/,
  ],
  [
    'a name without end',
    text({results: [{...aResult, scenario: 'a'.repeat(10_000)}]}),
    /of more than 200 characters/,
  ],
  [
    'a document nested without end',
    '['.repeat(200_000),
    /is not JSON|is cut off|is nested|not a rebind document/,
  ],
  [
    'nesting without end inside a report',
    reportText.replace('"run":', `"deep": ${'['.repeat(50_000)}${']'.repeat(50_000)}, "run":`),
    /is nested deeper/,
  ],
]

function inFile(t: ExecutionContext, content: string | Buffer): string {
  const file = join(temporaryFolder(t), 'report.json')
  writeFileSync(file, content)
  return file
}

async function refusal(t: ExecutionContext, path: string): Promise<string> {
  const error = await t.throwsAsync(readDocuments(path), {instanceOf: UsageError})
  return error?.message ?? ''
}

for (const [what, content, complaint] of badDocuments) {
  test(`${what} is refused in one line that names the file`, async (t) => {
    const file = inFile(t, content)
    const message = await refusal(t, file)
    t.regex(message, complaint)
    t.true(message.startsWith(file))
    t.true(message.length < file.length + 300, message)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    t.notRegex(message, /[\u0000-\u001f\u007f-\u009f\u202e]/)
    t.is(({} as Record<string, unknown>).polluted, undefined)
  })
}

test.serial('200 MB are refused by their size, before they are read', async (t) => {
  const file = inFile(t, '')
  truncateSync(file, 200 * 1024 * 1024)
  const before = process.cpuUsage()
  t.regex(await refusal(t, file), /is 200 MB large, but a rebind document never exceeds 16 MB/)
  const {user, system} = process.cpuUsage(before)
  t.true(user + system < 100_000, `${user + system} us of CPU`)
})

testUnless(missingProgram('mkfifo'), 'a FIFO is refused, and not waited for', async (t) => {
  const fifo = join(temporaryFolder(t), 'fifo')
  execFileSync('mkfifo', [fifo])
  t.regex(await refusal(t, fifo), /is not a regular file/)
})

test('a path that is not there, or a folder without documents, is refused with what to name instead', async (t) => {
  const folder = temporaryFolder(t)
  t.regex(
    await refusal(t, join(folder, 'nope.json')),
    /^cannot read .*nope\.json \(ENOENT\); name a/,
  )
  t.regex(await refusal(t, folder), /holds neither report\.json nor matrix\.json/)
})

test('a run folder gives its report and its matrix', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'matrix.json'), JSON.stringify(matrix))
  writeFileSync(join(folder, 'report.json'), reportText)
  writeFileSync(join(folder, 'events.ndjson'), 'not a document\n')
  const documents = await readDocuments(folder)
  t.deepEqual(
    documents.map(({kind, file}) => [kind, file]),
    [
      ['report', join(folder, 'report.json')],
      ['matrix', join(folder, 'matrix.json')],
    ],
  )
})

test('recorded documents are files and run folders, in the order of their names', async (t) => {
  const folder = temporaryFolder(t)
  t.deepEqual(await readRecorded(join(folder, 'nothing-there')), [])
  mkdirSync(join(folder, 'b-run'))
  writeFileSync(join(folder, 'b-run', 'report.json'), reportText)
  writeFileSync(join(folder, 'c.json'), JSON.stringify(matrix))
  writeFileSync(join(folder, 'a.json'), reportText)
  writeFileSync(join(folder, 'README.md'), '# How they were recorded\n')
  const documents = await readRecorded(folder)
  t.deepEqual(
    documents.map(({file}) => file),
    [join(folder, 'a.json'), join(folder, 'b-run', 'report.json'), join(folder, 'c.json')],
  )
})

test('a byte order mark and fields of a later version do no harm', async (t) => {
  const [document] = await readDocuments(inFile(t, `\ufeff${text({later: [1]})}`))
  t.is(document?.kind, 'report')
})

/** Where in a JSON value something can be changed: the keys on the way there. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, each]) => pathsOf(each, [...path, key]))]
}

function changedAt(value: unknown, [key, ...rest]: readonly string[], put: unknown): unknown {
  if (key === undefined) return put
  const copy: unknown = Array.isArray(value) ? [...value] : {...(value as object)}
  const fields = copy as Record<string, unknown>
  fields[key] = changedAt(fields[key], rest, put)
  return copy
}

/** What is read is compared and rendered without a fault; what is not is refused in one line. */
async function isHandled(file: string): Promise<boolean> {
  const original = {kind: 'report', file: 'original', content: report} as const
  const originalTable = {kind: 'matrix', file: 'original', content: matrix} as const
  try {
    const documents = await readDocuments(file)
    const comparison = compare([original, originalTable, ...documents])
    renderAsMarkdown(comparisonView(comparison))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get through
    if (/[\u0000-\u0009\u000b-\u001f]/.test(renderForTerminal(comparisonView(comparison), 80)))
      return false
    judge([original, originalTable], documents)
    return true
  } catch (error) {
    return error instanceof UsageError && printable(error.message) === error.message
  }
}

const hostileValue = fc.oneof(
  fc.jsonValue({maxDepth: 2}),
  fc.constantFrom(
    '__proto__',
    'constructor',
    '\u001b[2J',
    '\u0000',
    '',
    -0,
    -1,
    1e308,
    'dual',
    '::1',
  ),
  fc.constantFrom(
    'delayed',
    'blocked',
    'failed',
    'skipped',
    'granted',
    'gvisor',
    'darwin',
    'unknown',
  ),
)

for (const [what, value] of [
  ['report', {...report, results: report.results.slice(0, 2)}],
  ['matrix', {...matrix, cells: matrix.cells.slice(0, 3)}],
] as const) {
  test(`whatever is put in whatever place of a ${what}, it is compared or refused, and never a crash`, async (t) => {
    const file = inFile(t, '')
    const change = fc.tuple(fc.constantFrom(...pathsOf(value)), hostileValue)
    await fc.assert(
      fc.asyncProperty(fc.array(change, {minLength: 1, maxLength: 3}), async (changes) => {
        let mutated: unknown = value
        for (const [path, put] of changes) {
          if (pathsOf(mutated).some((known) => known.join('/') === path.join('/'))) {
            mutated = changedAt(mutated, path, put)
          }
        }
        writeFileSync(file, JSON.stringify(mutated) ?? '')
        return isHandled(file)
      }),
      {numRuns: 300},
    )
    t.pass()
  })

  test(`wherever a ${what} is cut off or garbled, it is compared or refused, and never a crash`, async (t) => {
    const file = inFile(t, '')
    const whole = Buffer.from(JSON.stringify(value))
    await fc.assert(
      fc.asyncProperty(
        fc.nat(whole.length - 1),
        fc.option(fc.uint8Array({maxLength: 4})),
        async (at, bytes) => {
          const rest = bytes === null ? [] : [bytes, whole.subarray(at + bytes.length)]
          writeFileSync(file, Buffer.concat([whole.subarray(0, at), ...rest]))
          return isHandled(file)
        },
      ),
      {numRuns: 200},
    )
    t.pass()
  })
}
