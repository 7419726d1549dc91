import {writeFileSync} from 'node:fs'
import {join} from 'node:path'
import {pathToFileURL} from 'node:url'
import {type Report, reportSchema} from '../../harness/documents/report-schema.ts'
import {projectFolder, runCli, temporaryFolder, testUnless} from '../commands/cli.ts'
import {namespaceProblem, packetFilterProblem} from '../namespaces/available.ts'

/**
 * Every kind of story, by four: as many set themselves up at the same time. All are stopped for 7 s before
 * their first attempt, which is longer than FIN_WAIT2 lasts in one of them, and too short for any other to
 * miss what it is to meet.
 */
const kinds: [what: string, scenarios: string[]][] = [
  [
    'what the kernel keeps for a time',
    [
      'server-closes-first',
      'server-closes-first-node',
      'client-takes-another-port/plain',
      'fin-timeout-ends-fin-wait2/5-seconds',
    ],
  ],
  [
    'what a process holds',
    [
      'old-server-still-listening',
      'connection-outlives-server',
      'outgoing-connection-holds-port/plain',
      'server-aborts',
    ],
  ],
  [
    'handovers, and a client that comes back',
    [
      'overlapping-handover',
      'inherited-listener',
      'client-reconnects-same-port',
      'rfc1337-protects-time-wait/on',
    ],
  ],
  [
    'lost packets, and a way of retrying',
    ['policy-fixed-1s', 'lost-last-ack', 'lost-last-ack-without-time-wait', 'simultaneous-close'],
  ],
]

const needs: Record<string, string | undefined> = {
  'fin-timeout-ends-fin-wait2/5-seconds': namespaceProblem,
  'rfc1337-protects-time-wait/on': namespaceProblem,
  'lost-last-ack': packetFilterProblem,
  'lost-last-ack-without-time-wait': packetFilterProblem,
  'simultaneous-close': packetFilterProblem,
}
const tooShort = 'fin-timeout-ends-fin-wait2-5-seconds'

for (const [what, scenarios] of kinds) {
  testUnless(
    process.platform === 'linux' ? undefined : 'the processes below another are looked up in /proc',
    `a run that is stopped before its first attempts judges what it can: ${what}`,
    async (t) => {
      const there = scenarios.filter((id) => needs[id] === undefined)
      const folder = temporaryFolder(t)
      const file = join(folder, 'stopped.mts')
      const module = pathToFileURL(join(projectFolder, 'test', 'faults', 'stopped.ts')).href
      writeFileSync(
        file,
        `import {stopped} from '${module}'\nexport default stopped(${JSON.stringify(there)})\n`,
      )
      const {status, stdout, stderr} = await runCli(t, [
        ...['run', '--quick', '--json', '--scenario', file],
        ...['--out', join(folder, 'logs')],
      ])
      const report: Report = reportSchema.parse(JSON.parse(stdout))
      const judged = Object.fromEntries(
        report.results.map(({scenario, status, reason}) => [scenario, reason ?? status]),
      )
      const expected = there.map((id) => `stopped/${id.replace('/', '-')}`)
      t.deepEqual(Object.keys(judged), expected, stderr)
      for (const result of report.results) {
        // What a rare failure was cannot be asked again.
        if (result.status === 'unexpected') t.log(JSON.stringify(result))
      }
      for (const [id, said] of Object.entries(judged)) {
        if (id.endsWith(tooShort)) t.regex(said, /^too slow here: /)
        else t.is(said, 'as-expected', id)
      }
      for (const {bind, timeline} of report.results) {
        const timeWait = timeline.findLast(
          ({endpoint, state}) => `${endpoint} ${state}` === 'server TIME_WAIT',
        )
        if (bind?.residueAtSeconds === undefined || timeWait?.expiresInSeconds === undefined)
          continue
        // The kernel's own timer tells when it appeared; a timer that ran anew afterwards does so later. Between a
        // reading and its time this process may be kept from running; a moment after the stop would be seconds late.
        const appeared = timeWait.seconds + timeWait.expiresInSeconds - 60
        t.true(bind.residueAtSeconds <= appeared + 1, `${bind.residueAtSeconds} s, ${appeared} s`)
      }
      t.is(status, expected.some((id) => id.endsWith(tooShort)) ? 3 : 0)
    },
  )
}
