import {chmodSync, readdirSync} from 'node:fs'
import {join} from 'node:path'
import test from 'ava'
import {surveySchema} from '../../harness/documents/survey-schema.ts'
import {surveyServers} from '../../harness/survey/servers.ts'
import {limitHere} from '../check/servers.ts'
import {problemOf, serverUser} from '../survey/available.ts'
import {complaintsOf, runCli, runFolder, temporaryFolder, testUnless} from './cli.ts'

testUnless(
  problemOf('node'),
  'survey --only checks those servers, names what is not installed, and leaves nothing in the temporary folder',
  async (t) => {
    const folder = temporaryFolder(t)
    // Where the survey is root, its servers are not.
    chmodSync(folder, 0o711)
    const out = join(folder, 'logs')
    const limit = String(await limitHere(2))
    const args = ['survey', '--only', 'node,python3,bun', '--limit', limit, '--json', '--out', out]
    const {status, stdout, stderr} = await runCli(t, args, {env: {TMPDIR: folder}})
    t.is(status, 0, stderr)
    const {servers, format, version} = surveySchema.parse(JSON.parse(stdout))
    t.is(format, 'rebind-survey')
    t.is(version, 1)
    t.deepEqual(
      servers.map(({id}) => id),
      ['node', 'bun', 'python3-raw', 'python3-socketserver', 'python3-http'],
    )
    for (const {id, status, reason, version, check} of servers) {
      if (status === 'not-installed') t.regex(reason ?? '', / is not installed$/, id)
      else {
        t.is(status, 'measured', `${id}: ${reason}`)
        t.regex(version ?? '', /^\d/)
        t.is(check?.rounds.length, 1)
        const through = serverUser?.through ?? []
        t.deepEqual(check?.command.slice(0, through.length), [...through], 'no server of root')
      }
    }
    const node = servers.find(({id}) => id === 'node')
    t.true(node?.check?.safe)
    t.is(typeof node?.outageSeconds, 'number')
    t.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('rebind')),
      [],
    )
    const files = readdirSync(runFolder(out))
    for (const name of ['survey.json', 'survey.md', 'events.ndjson', 'node.log']) {
      t.true(files.includes(name), name)
    }
  },
)

testUnless(
  problemOf('node'),
  'survey without --json prints one table, with a line for those that are not installed',
  async (t) => {
    const out = temporaryFolder(t)
    const {status, stdout} = await runCli(t, ['survey', '--only', 'node', '--out', out])
    t.is(status, 0)
    t.regex(
      stdout,
      /^server +version +SO_REUSEADDR +residue +verdict +outage with a connection open$/m,
    )
    t.regex(stdout, /^Node net\.Server +\d+\.\d+\.\d+ +(set|not known) .*immediate +\d+\.\d+ s$/m)
  },
)

testUnless(
  serverUser === null ? 'servers run as another user only where the survey is root' : undefined,
  'a server that root cannot start as another user is skipped, with the reason, and leaves nothing',
  async (t) => {
    // Mode 0700: its owner's only.
    const folder = temporaryFolder(t)
    const args = ['survey', '--only', 'node', '--out', join(folder, 'logs')]
    const {status, stdout} = await runCli(t, args, {env: {TMPDIR: folder}})
    t.is(status, 0)
    const reason = `cannot enter ${folder}; set TMPDIR to a folder that everybody can enter`
    t.regex(
      stdout,
      new RegExp(`^- Skipped: node: user \\d+, which runs it instead of root, ${reason}$`, 'm'),
    )
    t.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('rebind')),
      [],
    )
  },
)

test('an unknown server is one complaint with the nearest and all, exit status 2', async (t) => {
  const cwd = temporaryFolder(t)
  const {status, stdout, stderr} = await runCli(t, ['survey', '--only', 'node,ngnix'], {cwd})
  t.is(status, 2)
  t.is(stdout, '')
  const [complaint = '', ...others] = complaintsOf(stderr)
  t.deepEqual(others, [])
  t.true(
    complaint.startsWith('rebind: unknown server "ngnix"; the closest is nginx; all: node, bun,'),
  )
  t.deepEqual(readdirSync(cwd), [])
})

test('the ids of the survey are unique', (t) => {
  const ids = surveyServers.map(({id}) => id)
  t.is(new Set(ids).size, ids.length)
})
