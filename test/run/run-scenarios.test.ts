import {mkdtempSync, readdirSync, rmSync} from 'node:fs'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import test from 'ava'
import {reportSchema} from '../../harness/documents/report-schema.ts'
import {runScenarios, type Scenario, scenario, UsageError} from '../../harness/index.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {readReport, temporaryFolder, testUnless} from '../commands/cli.ts'
import {namespaceProblem} from '../namespaces/available.ts'

// Whatever were written without being told where would be here.
const here = mkdtempSync(join(tmpdir(), 'rebind-test-'))
process.chdir(here)
test.after.always(() => rmSync(here, {recursive: true, force: true}))

const restart = scenario({
  title: 'Mine',
  claim: 'It is mine.',
  predecessor: {opener: 'node'},
  successor: {opener: 'node'},
  async script({server, client, successor}) {
    await client.connect()
    await server.abortConnection()
    await server.exit()
    await successor.start()
  },
  residue: {server: 'none'},
})

test('runScenarios returns a report, and writes nothing unless told where', async (t) => {
  const report = await runScenarios({scenarios: {restart}, quick: true})
  t.notThrows(() => reportSchema.parse(report))
  t.deepEqual(
    report.results.map(({scenario, status}) => [scenario, status]),
    [['restart', 'as-expected']],
  )
  t.deepEqual(readdirSync(here), [])
})

test('two runs at once keep to ports of their own, and a run folder holds what is returned', async (t) => {
  const out = temporaryFolder(t)
  const [first, second] = await Promise.all([
    runScenarios({scenarios: {restart}, out}),
    runScenarios({scenarios: {restart}}),
  ])
  t.not(first.results[0]?.port, second.results[0]?.port)
  t.deepEqual(readReport(out).results, first.results)
})

const destroysNothing = scenario({
  title: 'Nothing to destroy',
  claim: 'Where no socket is destroyed, the residue is as old as it was.',
  predecessor: {bind: 'none'},
  successor: {bind: 'none'},
  namespace: {destroysSockets: true, settings: {tcp_fin_timeout: 8}},
  async script({server, client, network, successor, seconds}) {
    await client.connect({hold: true})
    await server.closeConnection()
    await server.exit()
    await seconds(1)
    await network.destroy('SYN_SENT')
    await successor.start()
  },
  residue: {server: 'FIN_WAIT2', client: 'CLOSE_WAIT'},
})

testUnless(
  namespaceProblem ?? nativeOpenerProblem(),
  'where nothing was destroyed the time of the residue does not begin again',
  async (t) => {
    const report = await runScenarios({scenarios: {'destroys-nothing': destroysNothing}})
    const [result] = report.results
    // Only opening its namespace shows whether this kernel can.
    if (result?.status === 'skipped') {
      t.regex(result.reason ?? '', /^this kernel does not destroy sockets/)
      return
    }
    t.is(result?.status, 'as-expected', result?.reason)
    t.is(result?.measurements?.destroyedSockets, 0)
    t.true((result?.bind?.residueSeconds ?? 0) >= 8)
  },
)

test('a signal ends a run early, and the report says so', async (t) => {
  const report = await runScenarios({
    scenarios: {restart},
    signal: AbortSignal.abort(new Error('enough')),
  })
  t.is(report.run.interrupted, 'Error: enough')
  t.is(report.results[0]?.status, 'skipped')
})

const bad: [what: string, options: Parameters<typeof runScenarios>[0], message: RegExp][] = [
  ['an unknown id', {ids: ['server-abort']}, /unknown scenario "server-abort"; .*server-aborts/],
  [
    'an id that is built in',
    {scenarios: {'server-aborts': restart}},
    /"server-aborts" is built in/,
  ],
  ['a limit of 0', {limitSeconds: 0}, /limitSeconds must be/],
  [
    'more repetitions than a report can hold',
    {repeat: 1000},
    /1000 repetitions are more than one report can hold; repeat \d+ scenarios up to \d+ times/,
  ],
  ['half a repetition', {repeat: 0.5}, /repeat must be/],
  [
    'a scenario of the wrong shape',
    {scenarios: {mine: {title: 'x'} as Scenario}},
    /"mine" is not a scenario: claim: /,
  ],
]

for (const [what, options, message] of bad) {
  test(`runScenarios refuses ${what}`, async (t) => {
    await t.throwsAsync(runScenarios(options), {instanceOf: UsageError, message})
  })
}
