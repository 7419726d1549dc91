import {readFileSync, rmSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {gunzipSync} from 'node:zlib'
import test from 'ava'
import {freePort} from '../check/servers.ts'
import {
  complaintsOf,
  projectFolder,
  runCli,
  stackTrace,
  startCli,
  temporaryFolder,
  testUnless,
} from '../commands/cli.ts'
import {withoutNetlink, withoutNetlinkProblem} from '../without-netlink.ts'
import {afterMounting, mountProblem} from './machine.ts'

const full =
  'mount -t tmpfs -o size=16k none "$1"; head -c 1000000 /dev/zero >"$1/fill" 2>/dev/null'

testUnless(
  mountProblem,
  'on a full disk a run prints what it measured, says in one line that nothing is kept, and ends',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', 'server-aborts', 'client-closes-first', '--out', out]
    const {status, stdout, stderr} = await runCli(t, args, {launcher: afterMounting(full, out)})
    t.is(status, 3, stderr)
    t.regex(stdout, /2 as expected, 0 unexpected, 0 failed/)
    t.notRegex(stderr, stackTrace)
    t.regex(stderr, /^rebind: report\.json was not written.*ENOSPC.*--out DIR/m)
  },
)

const node = `require('node:net').createServer((client) => client.on('error', () => {})).listen(process.env.PORT, '127.0.0.1')`

for (const [args, prints, name] of [
  [['policies', 'logs/recorded/linux-6.18/report.json.gz'], /TIME_WAIT/, 'policies'],
  [['compare', '--format', 'text'], /TIME_WAIT/, 'compare'],
  [['matrix', '--residue', 'LISTEN', '--address', '127.0.0.1'], /LISTEN/, 'matrix'],
  [['check', '--port', '{port}', '--', 'node', '-e', node], /SAFE/, 'check'],
] as const) {
  testUnless(
    mountProblem,
    `on a full disk ${name} prints its table before it says that nothing is kept`,
    async (t) => {
      const out = temporaryFolder(t)
      const launcher = afterMounting(full, out)
      const port = String(await freePort(t))
      const [command, ...others] = args.map((arg) => (arg === '{port}' ? port : arg))
      const given = [command ?? '', '--out', out, ...others]
      const {status, stdout, stderr} = await runCli(t, given, {launcher})
      t.is(status, 3, stderr)
      t.regex(stdout, prints)
      t.regex(stderr, new RegExp(`^rebind: ${name}\\.json was not written.*ENOSPC`, 'm'))
    },
  )
}

testUnless(
  mountProblem,
  'on a full disk a difference that compare has found is still its exit status',
  async (t) => {
    const [folder, out] = [temporaryFolder(t), temporaryFolder(t)]
    const baseline = join(projectFolder, 'logs/recorded/linux-6.18/report.json.gz')
    const report = JSON.parse(gunzipSync(readFileSync(baseline)).toString())
    for (const {bind} of report.results) if (bind?.firstError) bind.firstError.code = 'EACCES'
    const changed = join(folder, 'report.json')
    writeFileSync(changed, JSON.stringify(report))
    const args = ['compare', '--baseline', baseline, changed, '--out', out]
    const {status, stdout, stderr} = await runCli(t, args, {launcher: afterMounting(full, out)})
    t.is(status, 1, stderr)
    t.regex(stdout, /^What differs$/m)
    t.regex(stderr, /^rebind: compare\.json was not written.*ENOSPC/m)
  },
)

testUnless(
  mountProblem,
  'a logs folder that can only be read is one complaint, before anything is measured',
  async (t) => {
    const out = temporaryFolder(t)
    const readOnly = 'mount -t tmpfs -o ro none "$1"'
    const {status, stdout, stderr} = await runCli(t, ['run', '--quick', '--out', out], {
      launcher: afterMounting(readOnly, out),
    })
    t.is(status, 2, stderr)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.regex(stderr, /^rebind: cannot write to .* \(EROFS\); choose another folder with --out DIR/)
  },
)

test('a run whose folder is deleted meanwhile prints what it measured, and says that nothing is kept', async (t) => {
  const out = temporaryFolder(t)
  const cli = startCli(t, ['run', 'server-closes-first', '--limit', '20', '--out', out])
  await cli.shows(/server-closes-first: EADDRINUSE/)
  rmSync(out, {recursive: true})
  const {status, stdout, stderr} = await cli.ended
  t.is(status, 3, stderr)
  t.regex(stdout, /1 as expected, 0 unexpected, 0 failed/)
  t.notRegex(stderr, stackTrace)
  t.regex(stderr, /^rebind: report\.json was not written.*ENOENT/m)
})

testUnless(
  mountProblem ?? withoutNetlinkProblem,
  'without /proc and netlink a run judges what it can, and says that the residue is not visible',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', '--json', 'server-closes-first', 'no-tw-buckets', '--out', out]
    const {status, stdout, stderr} = await runCli(t, args, {
      launcher: [...withoutNetlink(t), ...afterMounting('mount -t tmpfs none /proc')],
    })
    t.is(status, 0, stderr)
    const [plain, ...inNamespaces] = JSON.parse(stdout).results
    t.is(plain.status, 'as-expected', plain.reason)
    t.is(plain.residue, null)
    t.is(plain.bind.firstError.code, 'EADDRINUSE')
    t.true(inNamespaces.every(({status}: {status: string}) => status === 'skipped'))
  },
)
