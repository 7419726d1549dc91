import {chmodSync, mkdirSync} from 'node:fs'
import {join} from 'node:path'
import test, {type ExecutionContext} from 'ava'
import {readRecords} from '../../harness/history/read.ts'
import {temporaryFolder} from '../commands/cli.ts'
import {runOf, writeReport} from './runs.ts'

/** Nobody; root may open everything. */
const ordinaryUser = 65_534

/** A folder with a run that can be opened, and folders that cannot. */
function withClosed(t: ExecutionContext, names: readonly string[]): string {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o755)
  writeReport(folder, runOf(0))
  const closed = names.map((name) => join(folder, name))
  for (const path of closed) mkdirSync(path, {mode: 0o700})
  if (process.geteuid?.() === 0) {
    process.seteuid?.(ordinaryUser)
    t.teardown(() => process.seteuid?.(0))
  } else {
    for (const path of closed) chmodSync(path, 0)
    t.teardown(() => {
      for (const path of closed) chmodSync(path, 0o700)
    })
  }
  return folder
}

test.serial(
  'a run folder that is closed to others is named; another folder between is not',
  async (t) => {
    const id = '2026-01-02T04-23-00Z-1a2b'
    const folder = withClosed(t, [id, 'of-another-program'])
    const {records, skipped} = await readRecords([folder])
    t.is(records.length, 1)
    t.like(skipped, [{file: join(folder, id), at: '2026-01-02T04:23:00.000Z'}])
    t.is(skipped.length, 1)
    t.regex(skipped[0]?.because ?? '', /^cannot be opened \(EACCES\); if it is another user's/)
  },
)

test.serial('a folder that was named and is closed is named, whatever it is called', async (t) => {
  const folder = withClosed(t, ['saved'])
  const {skipped} = await readRecords([folder, join(folder, 'saved')])
  t.deepEqual(
    skipped.map(({file}) => file),
    [join(folder, 'saved')],
  )
})
