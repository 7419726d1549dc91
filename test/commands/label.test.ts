import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {freePort} from '../check/servers.ts'
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

test('a check has the label, too', async (t) => {
  const out = temporaryFolder(t)
  const port = String(await freePort(t))
  const args = ['check', '--port', port, '--label', 'ubuntu-24.04', '--out', out, '--json']
  const {stdout, stderr} = await runCli(t, [...args, '--', process.execPath, '-e', '0'])
  t.is(JSON.parse(stdout).host.label, 'ubuntu-24.04', stderr)
})

test('a label is one short line', async (t) => {
  for (const label of ['', ' ', 'two\nlines', 'x'.repeat(61)]) {
    const {status, stderr} = await runCli(t, ['matrix', '--label', label])
    t.is(status, 2)
    t.regex(stderr, /must be a name of at most 60 characters/)
  }
})
