import {execFileSync} from 'node:child_process'
import {
  constants,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import {open} from 'node:fs/promises'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {openServerLog} from '../../harness/check/server-log.ts'
import {openEventLog} from '../../harness/documents/event-log.ts'
import {appendToFile, proveWritable, writeNamedFile} from '../../harness/documents/output-file.ts'
import {readObject} from '../../harness/documents/read-json.ts'
import type {Repetition} from '../../harness/documents/report-schema.ts'
import {makeRunFolder} from '../../harness/documents/run-folder.ts'
import {UsageError} from '../../harness/errors.ts'
import {mostPlays} from '../../harness/run/limit.ts'
import {writeDocuments} from '../../harness/views/write.ts'
import {missingProgram, temporaryFolder, testUnless} from '../commands/cli.ts'
import {recordedReport} from '../documents/documents.ts'

const unixOnly = process.platform === 'win32' ? 'Windows has no such modes and links' : undefined

/** A short run: its page is soon made. */
const report = {...recordedReport(), results: recordedReport().results.slice(0, 1)}

async function fullRunFolder(t: ExecutionContext) {
  const folder = await makeRunFolder(temporaryFolder(t), new Date())
  const events = openEventLog(folder.events, folder.id, 0)
  events.write('run-start', {at: 0})
  events.close()
  const log = openServerLog(join(folder.path, 'server.log'))
  log.add({pid: 1, stream: 'stdout', text: 'password: ...\n'})
  await log.close()
  await writeDocuments(folder, [report])
  return folder
}

testUnless(
  unixOnly,
  'what a run leaves behind is readable by its user only, whatever the umask says',
  async (t) => {
    const before = process.umask(0)
    t.teardown(() => process.umask(before))
    const {path} = await fullRunFolder(t)
    t.is(statSync(path).mode & 0o777, 0o700)
    const names = readdirSync(path)
    t.deepEqual(names.sort(), [
      ...['events.ndjson', 'report.html', 'report.json', 'report.md', 'server.log'],
    ])
    for (const name of names) t.is(statSync(join(path, name)).mode & 0o777, 0o600, name)
  },
)

testUnless(
  unixOnly,
  'links that somebody has put where a run folder is written anew are replaced, and what they lead to is not touched',
  async (t) => {
    const folder = await makeRunFolder(temporaryFolder(t), new Date())
    const victim = join(temporaryFolder(t), 'victim')
    writeFileSync(victim, 'precious')
    const planted = ['report.json', 'report.md', 'report.html', 'report.json.part']
    for (const name of planted) symlinkSync(victim, join(folder.path, name))
    await writeDocuments(folder, [report])
    t.is(readFileSync(victim, 'utf8'), 'precious')
    for (const name of planted.slice(0, 3)) {
      t.false(lstatSync(join(folder.path, name)).isSymbolicLink(), name)
    }
    t.deepEqual(readdirSync(folder.path).sort(), planted.sort(), 'nothing else is left')
  },
)

testUnless(
  unixOnly,
  "a server's output and the events are not written through a link",
  async (t) => {
    const folder = temporaryFolder(t)
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'precious')
    symlinkSync(victim, join(folder, 'server.log'))
    const log = openServerLog(join(folder, 'server.log'))
    log.add({pid: 1, stream: 'stdout', text: 'owned\n'})
    await log.close()
    t.is(readFileSync(victim, 'utf8'), 'precious')
    // The events are safe because a run folder is always a new one of our own.
    const path = join(folder, 'planted')
    symlinkSync(folder, path)
    const {path: made} = await makeRunFolder(path, new Date())
    t.true(lstatSync(made).isDirectory())
  },
)

testUnless(
  unixOnly,
  'a file that the user has named is not written through a link, and says why',
  async (t) => {
    const folder = temporaryFolder(t)
    const victim = join(folder, 'victim')
    writeFileSync(victim, 'precious')
    const link = join(folder, 'junit.xml')
    symlinkSync(victim, link)
    await t.throwsAsync(proveWritable(link, '--junit FILE'), {
      instanceOf: UsageError,
      message: `cannot write to ${link} (it is a symbolic link); name another file with --junit FILE`,
    })
    await t.throwsAsync(writeNamedFile(link, 'owned'), {code: 'ELOOP'})
    t.is(readFileSync(victim, 'utf8'), 'precious')
    const dangling = join(folder, 'dangling.xml')
    symlinkSync(join(folder, 'nowhere'), dangling)
    await t.throwsAsync(proveWritable(dangling, '--junit FILE'), {message: /symbolic link/})
    await t.throwsAsync(writeNamedFile(dangling, 'owned'), {code: 'ELOOP'})
    t.false(readdirSync(folder).includes('nowhere'))
    await writeNamedFile(victim, 'new')
    t.is(readFileSync(victim, 'utf8'), 'new')
  },
)

testUnless(
  unixOnly ?? missingProgram('mkfifo'),
  'a FIFO in the place of a file that the user has named gets nothing, read or not',
  async (t) => {
    const fifo = join(temporaryFolder(t), 'junit.xml')
    execFileSync('mkfifo', [fifo])
    await t.throwsAsync(proveWritable(fifo, '--junit FILE'), {
      instanceOf: UsageError,
      message: `cannot write to ${fifo} (it is not a regular file); name another file with --junit FILE`,
    })
    // With a reader, not even a program that waits is held up.
    const reader = await open(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
    t.teardown(() => reader.close())
    await t.throwsAsync(writeNamedFile(fifo, 'owned'), {code: 'it is not a regular file'})
    await t.throwsAsync(
      appendToFile(fifo, () => 'owned'),
      {code: 'it is not a regular file'},
    )
    t.is((await reader.read(Buffer.alloc(9))).bytesRead, 0)
  },
)

/** A repetition that takes as much room as any does, and a reason besides. */
const repetition: Repetition = {
  status: 'unexpected',
  reason: 'repetition 100 of 1000: refused with EADDRINUSE, expected the verdict "immediate"',
  bind: {
    ...{verdict: 'delayed', waited: true, attempts: 12_345, errors: {EADDRINUSE: 12_344}},
    ...{waitSeconds: 61.23456789012, residueSeconds: 61.23456789012},
    ...{uncertaintySeconds: 0.00123456789012, firstAttemptAtSeconds: 61.23456789012},
    firstError: {code: 'EADDRINUSE', errno: 98, syscall: 'bind', message: 'bind EADDRINUSE'},
    residueAtSeconds: 61.23456789012,
  },
  outageSeconds: 61.23456789012,
  measurements: {connections: 123, answersFromPredecessor: 45, answersFromSuccessor: 67},
}

test('a report of as many repetitions as a run plays can be read back', async (t) => {
  const folder = await makeRunFolder(temporaryFolder(t), new Date())
  const {results} = recordedReport()
  const repeats = Array<Repetition>(Math.floor(mostPlays / results.length)).fill(repetition)
  const repeated = results.map((result) => ({...result, repeats}))
  await writeDocuments(folder, [{...recordedReport(), results: repeated}])
  const read = await readObject(join(folder.path, 'report.json'))
  t.is((read.results as unknown[]).length, results.length)
})

test('a document that would not be read back is not written', async (t) => {
  const folder = await makeRunFolder(temporaryFolder(t), new Date())
  const repeats = Array<Repetition>(2 * mostPlays).fill(repetition)
  const [result] = recordedReport().results
  if (result === undefined) return t.fail()
  await t.throwsAsync(
    writeDocuments(folder, [{...recordedReport(), results: [{...result, repeats}]}]),
    {message: /^report\.json was not written: it would be too large for rebind to read/},
  )
  t.deepEqual(readdirSync(folder.path), [])
})

test('a file that cannot take its place leaves nothing of itself', async (t) => {
  const folder = await makeRunFolder(temporaryFolder(t), new Date())
  mkdirSync(join(folder.path, 'report.json'))
  writeFileSync(join(folder.path, 'report.json', 'in-the-way'), '')
  await t.throwsAsync(writeDocuments(folder, [report]))
  t.deepEqual(readdirSync(folder.path), ['report.json'])
})
