import {chmodSync, mkdirSync, readdirSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {complaintsOf, runCli, temporaryFolder, testUnless} from './cli.ts'

const usageErrors: [what: string, args: string[], complaint: RegExp][] = [
  ['an unknown option', ['run', '--bogus'], /unknown option '--bogus'/],
  ['a limit that is no number', ['run', '--limit', 'abc'], /--limit.*'abc'.*number of seconds/],
  ['a negative limit', ['run', '--limit', '-1'], /--limit.*'-1'.*greater than 0/],
  ['a limit of 0', ['run', '--limit', '0'], /--limit.*'0'.*greater than 0/],
  ['an empty limit', ['run', '--limit', ''], /--limit.*''.*greater than 0/],
  ['an endless limit', ['run', '--limit', 'Infinity'], /--limit.*'Infinity'.*number of seconds/],
  ['a limit that is missing', ['run', '--limit'], /--limit.*argument missing/],
  ['a scenario for list', ['list', 'server-aborts'], /too many arguments for 'list'/],
  ['nc without a port', ['nc', '127.0.0.1'], /missing required argument 'port'/],
  ['nc with a port above 65535', ['nc', '127.0.0.1', '70000'], /'70000'.*port from 1 to 65535/],
  ['nc with port 0', ['nc', '127.0.0.1', '0'], /'0'.*port from 1 to 65535/],
  ['nc with a port that is no number', ['nc', '127.0.0.1', '8o8o'], /'8o8o'.*port from 1/],
]

for (const [what, args, complaint] of usageErrors) {
  test(`${what} is one complaint and a hint at the help, exit status 2, and makes no run folder`, async (t) => {
    const cwd = temporaryFolder(t)
    const {status, stdout, stderr} = await runCli(t, args, {cwd})
    t.is(status, 2)
    t.is(stdout, '')
    const complaints = complaintsOf(stderr)
    t.is(complaints.length, 1, stderr)
    t.regex(complaints[0] ?? '', complaint)
    t.regex(complaints[0] ?? '', /^rebind: /)
    t.regex(stderr, /--help/)
    t.deepEqual(readdirSync(cwd), [])
  })
}

test('an unknown command is answered with the nearest one and exit status 2', async (t) => {
  const cwd = temporaryFolder(t)
  const {status, stdout, stderr} = await runCli(t, ['rnu'], {cwd})
  t.is(status, 2)
  t.is(stdout, '')
  t.deepEqual(complaintsOf(stderr), ["rebind: unknown command 'rnu'"])
  t.regex(stderr, /Did you mean run\?/)
  t.regex(stderr, /--help/)
  t.deepEqual(readdirSync(cwd), [])
})

test('an unknown scenario is answered in one line with the nearest ids and exit status 2', async (t) => {
  const cwd = temporaryFolder(t)
  const {status, stdout, stderr} = await runCli(t, ['run', 'server-abort'], {cwd})
  t.is(status, 2)
  t.is(stdout, '')
  const complaints = complaintsOf(stderr)
  t.is(complaints.length, 1, stderr)
  t.regex(
    complaints[0] ?? '',
    /^rebind: unknown scenario "server-abort"; the closest: server-aborts/,
  )
  t.regex(stderr, /rebind list/)
  t.deepEqual(readdirSync(cwd), [])
})

test('one unknown scenario among known ones keeps all of them from running', async (t) => {
  const cwd = temporaryFolder(t)
  const {status, stdout, stderr} = await runCli(t, ['run', 'server-aborts', 'nope'], {cwd})
  t.is(status, 2)
  t.is(stdout, '')
  t.regex(stderr, /"nope"/)
  t.deepEqual(readdirSync(cwd), [])
})

test('no command at all is answered with the help on stderr and exit status 2', async (t) => {
  const {status, stdout, stderr} = await runCli(t, [])
  t.is(status, 2)
  t.is(stdout, '')
  t.regex(stderr, /^Usage: rebind/)
})

const unwritable: [what: string, path: string][] = [
  ['that is a file', 'in-the-way'],
  ['below a file', join('in-the-way', 'logs')],
]

for (const [what, path] of unwritable) {
  test(`an output folder ${what} is one complaint that names it, and exit status 2`, async (t) => {
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'in-the-way'), 'kept')
    const out = join(folder, path)
    const {status, stdout, stderr} = await runCli(t, ['run', 'server-aborts', '--out', out])
    t.is(status, 2)
    t.is(stdout, '')
    const complaints = complaintsOf(stderr)
    t.is(complaints.length, 1, stderr)
    t.true(complaints[0]?.includes(`cannot write to ${out}`), stderr)
    t.regex(stderr, /--out DIR/)
    t.deepEqual(readdirSync(folder), ['in-the-way'])
  })
}

testUnless(
  process.getuid?.() === 0 ? 'root may write to every folder' : undefined,
  'an output folder that is read-only is one complaint that names it, and exit status 2',
  async (t) => {
    const out = join(temporaryFolder(t), 'read-only')
    mkdirSync(out)
    chmodSync(out, 0o555)
    const {status, stdout, stderr} = await runCli(t, ['run', 'server-aborts', '--out', out])
    t.is(status, 2)
    t.is(stdout, '')
    t.is(complaintsOf(stderr).length, 1, stderr)
    t.true(stderr.includes(`cannot write to ${out} (EACCES)`), stderr)
    t.deepEqual(readdirSync(out), [])
  },
)
