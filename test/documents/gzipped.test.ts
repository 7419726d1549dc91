import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import test, {type ExecutionContext} from 'ava'
import {readDocuments} from '../../harness/compare/documents.ts'
import {readObject} from '../../harness/documents/read-json.ts'
import {UsageError} from '../../harness/errors.ts'
import {linux} from '../../harness/platforms/linux.ts'
import {runCli, temporaryFolder} from '../commands/cli.ts'
import {reportBy} from '../compare/documents-by-rules.ts'

const packed = gzipSync(JSON.stringify(reportBy(linux).content))

function inFile(t: ExecutionContext, bytes: Buffer): string {
  const file = join(temporaryFolder(t), 'report.json.gz')
  writeFileSync(file, bytes)
  return file
}

test('a gzipped report is read as itself, from its file and from its run folder', async (t) => {
  const file = inFile(t, packed)
  for (const path of [file, join(file, '..')]) {
    const [document, ...others] = await readDocuments(path)
    t.deepEqual(document?.content, reportBy(linux).content)
    t.deepEqual(others, [])
  }
})

const bad: [what: string, bytes: Buffer, complaint: RegExp][] = [
  ['an empty file', Buffer.alloc(0), /is not a complete gzip file/],
  ['text', Buffer.from('{}'), /is not a complete gzip file/],
  ['cut off', packed.subarray(0, -20), /is not a complete gzip file/],
  ['damaged', Buffer.concat([packed.subarray(0, -8), Buffer.alloc(8)]), /not a complete gzip file/],
  ['of text that is not JSON', gzipSync('no'), /is not JSON/],
  [
    'of 17 MB',
    gzipSync(Buffer.alloc(17 * 1024 * 1024, 32)),
    /is larger than any document of rebind/,
  ],
]

for (const [what, bytes, complaint] of bad) {
  test(`a gzipped document that is ${what} is refused in one line`, async (t) => {
    const file = inFile(t, bytes)
    const error = await t.throwsAsync(readObject(file), {instanceOf: UsageError})
    t.regex(error.message, complaint)
    t.true(error.message.startsWith(file))
    t.notRegex(error.message, /\n/)
  })
}

test('rebind compare refuses a broken one with exit status 2', async (t) => {
  const file = inFile(t, packed.subarray(0, 100))
  const {status, stdout, stderr} = await runCli(t, ['compare', file])
  t.is(status, 2)
  t.is(stdout, '')
  t.regex(stderr, /^rebind: .+ is not a complete gzip file; fetch it again\n$/)
})
