import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {readReport, runCli, runFolder, temporaryFolder} from './cli.ts'

test('--label names the system in the document, in its texts and in the log', async (t) => {
  const out = temporaryFolder(t)
  const label = 'gVisor 20240729'
  const args = ['run', 'client-aborts', '--quick', '--label', label, '--out', out]
  const {stdout, stderr} = await runCli(t, args)
  t.is(readReport(out).host.label, label, stderr)
  t.true(stdout.includes(`${label} (`))
  const [first = ''] = readFileSync(join(runFolder(out), 'events.ndjson'), 'utf8').split('\n')
  t.is(JSON.parse(first).host.label, label)
})

test('a label is one short line', async (t) => {
  for (const label of ['', ' ', 'two\nlines', 'x'.repeat(61)]) {
    const {status, stderr} = await runCli(t, ['matrix', '--label', label])
    t.is(status, 2)
    t.regex(stderr, /must be a name of at most 60 characters/)
  }
})
