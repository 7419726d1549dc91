import test from 'ava'
import {outcomeFor} from '../../harness/commands/policies.ts'
import type {Timing} from '../../harness/documents/timing-schema.ts'
import {releasesOf} from '../../harness/policies/recorded.ts'
import {realDocuments} from '../documents/documents.ts'

test.serial('a timing is kept where what it was for cannot be measured', async (t) => {
  const timing = (await realDocuments()).timing as Timing
  const releases = releasesOf(timing, 'logs/run/timing.json')
  const {execPath} = process
  t.teardown(() => {
    process.execPath = execPath
  })
  process.execPath = '/no/such/node'
  const {documents, reported, status, complaint} = await outcomeFor(releases, [timing])
  t.deepEqual([documents, reported, status], [[timing], null, 3])
  t.regex(
    complaint ?? '',
    /ENOENT.*; the timing is kept.*: rebind policies logs\/run\/timing\.json$/,
  )
  await t.throwsAsync(outcomeFor(releases, []), {code: 'ENOENT'})
})
