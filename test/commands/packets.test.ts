import {execFileSync} from 'node:child_process'
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import type {LadderRow, Result} from '../../harness/documents/report-schema.ts'
import {nativeOpenerProblem} from '../../harness/sockets/libc.ts'
import {namespaceProblem, packetFilterProblem} from '../namespaces/available.ts'
import {
  isActorRunning,
  missingProgram,
  readEvents,
  readReport,
  resultOf,
  runCli,
  runFolder,
  soon,
  startCli,
  startedPids,
  temporaryFolder,
  testUnless,
  until,
} from './cli.ts'

const problem = namespaceProblem ?? nativeOpenerProblem()

function packetsOf({scenario, packets, reason}: Result) {
  if (packets === undefined) throw new Error(`${scenario} has no packets: ${reason}`)
  return packets
}

const flagBits = {FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10}

/** As tshark prints it: from which port, which of our flags, how much data. */
function words({from, flags, bytes = 0}: LadderRow, port: number | undefined): string {
  const bits = flags.reduce((sum, flag) => sum + flagBits[flag], 0)
  return `${from === 'server' ? port : 'another'} ${bits} ${bytes}`
}

testUnless(
  problem,
  'run --packets prints the ladder of a scenario, writes its pcap file, and judges by it',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', '--packets', 'server-closes-first', '--out', out]
    const {status, stdout, stderr} = await runCli(t, args)
    t.is(status, 0, stderr)
    t.regex(stdout, /^On the wire$/m)
    t.regex(stdout, /^ *0\.000000 +<-- SYN -+ \(?SYN_SENT\)?$/m)
    t.regex(stdout, /^ *\d\.\d{6} +\(?FIN_WAIT1\)? -- FIN, ACK -+> \(?CLOSE_WAIT\)?$/m)
    t.true(stdout.includes('As expected: the server sends FIN before the client'))
    const result = resultOf(readReport(out), 'server-closes-first')
    const {file = '', whole, ladder, claims} = packetsOf(result)
    t.true(whole)
    t.deepEqual(
      claims.map(({claim, holds}) => [claim, holds]),
      [['server-fin-first', true]],
    )
    t.deepEqual(
      readdirSync(runFolder(out)).filter((name) => name.endsWith('.pcap')),
      [file],
    )
    // Both are of one clock: a state is seen after the packet that led to it.
    const led = ladder.find(({server}) => server === 'TIME_WAIT')?.seconds ?? Number.NaN
    const seen = result.timeline.find(
      ({endpoint, state}) => endpoint === 'server' && state === 'TIME_WAIT',
    )
    t.true(led < (seen?.seconds ?? Number.NaN))

    const rebuilt = await runCli(t, ['report', runFolder(out)])
    t.is(rebuilt.status, 0, rebuilt.stderr)
    const page = readFileSync(join(runFolder(out), 'report.html'), 'utf8')
    t.is(page.match(/<figure class="ladder">/g)?.length, 1)
  },
)

testUnless(
  problem ?? missingProgram('tshark'),
  'tshark opens the pcap file of a scenario and sees the packets of its ladder',
  async (t) => {
    const out = temporaryFolder(t)
    const ids = ['server-aborts', 'ipv6-time-wait']
    const {status, stderr} = await runCli(t, ['run', '--quick', '--packets', ...ids, '--out', out])
    t.is(status, 0, stderr)
    for (const id of ids) {
      const result = resultOf(readReport(out), id)
      const {port} = result
      const {file = '', ladder, count} = packetsOf(result)
      t.is(ladder.length, count)
      const fields = ['tcp.srcport', 'tcp.flags', 'tcp.len'].flatMap((name) => ['-e', name])
      const read = ['-r', join(runFolder(out), file), '-T', 'fields', ...fields]
      const printed = execFileSync('tshark', read, {encoding: 'utf8', stdio: 'pipe'})
      const seen = printed
        .trim()
        .split('\n')
        .map((line) => line.split('\t'))
        .map(([from, flags, bytes]) => {
          const known = Number(flags) & (0x01 | 0x02 | 0x04 | 0x10)
          return `${Number(from) === port ? port : 'another'} ${known} ${bytes}`
        })
      t.deepEqual(
        seen,
        ladder.map((row) => words(row, port)),
        id,
      )
    }
  },
)

testUnless(
  problem ?? packetFilterProblem,
  'what a scenario drops is in its ladder, marked, and the filter counted as many',
  async (t) => {
    const out = temporaryFolder(t)
    const ids = ['lost-last-ack', 'simultaneous-close']
    const {status, stderr} = await runCli(t, ['run', '--quick', '--packets', ...ids, '--out', out])
    const report = readReport(out)
    // A busy machine may miss the one moment at which both have to send.
    const isTooSlow = ({reason}: Result) => /^too slow here: /.test(reason ?? '')
    t.true(status === 0 || report.results.some(isTooSlow), stderr)
    for (const id of ids) {
      const result = resultOf(report, id)
      if (isTooSlow(result)) continue
      const {ladder, droppedByFilter} = packetsOf(result)
      const marked = ladder.filter(({dropped}) => dropped)
      t.true(marked.length > 0, id)
      // One that came while the rules changed is counted, and not marked.
      t.true((droppedByFilter ?? 0) >= marked.length, id)
    }
  },
)

testUnless(
  problem,
  'with --packets a scenario whose socket is inherited plays on the machine as it is',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', '--packets', 'inherited-listener', 'server-aborts']
    const {status, stderr} = await runCli(t, [...args, '--out', out])
    t.is(status, 0, stderr)
    t.is(resultOf(readReport(out), 'inherited-listener').packets, undefined)
    t.true(packetsOf(resultOf(readReport(out), 'server-aborts')).whole)
  },
)

/** In a user namespace in which no further one, and no network namespace, may be made. */
const forbidding = `
  const {writeFileSync} = require('node:fs')
  writeFileSync('/proc/sys/user/max_user_namespaces', '0')
  writeFileSync('/proc/sys/user/max_net_namespaces', '0')
  const {spawnSync} = require('node:child_process')
  const [command, ...args] = process.argv.slice(1)
  process.exitCode = spawnSync(command, args, {stdio: 'inherit'}).status
`

testUnless(
  namespaceProblem ??
    (existsSync('/proc/sys/user') ? undefined : 'this kernel has no /proc/sys/user'),
  'where packets cannot be captured one line says so, and the run goes on',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', '--packets', 'server-aborts', '--out', out]
    const launcher = ['unshare', '-Ur', process.execPath, '--eval', forbidding, '--']
    const {status, stderr} = await runCli(t, args, {launcher})
    t.is(status, 0, stderr)
    const lines = stderr.split('\n').filter((line) => line.startsWith('rebind: '))
    t.is(lines.length, 1, stderr)
    t.regex(lines[0] ?? '', /^rebind: no packets are captured: .*user\.max_user_namespaces/)
    const {status: judged, packets} = resultOf(readReport(out), 'server-aborts')
    t.deepEqual([judged, packets], ['as-expected', undefined])
    t.deepEqual(
      readdirSync(runFolder(out)).filter((name) => name.endsWith('.pcap')),
      [],
    )
  },
)

testUnless(problem, 'without --packets nothing is captured', async (t) => {
  const out = temporaryFolder(t)
  await runCli(t, ['run', '--quick', 'server-aborts', '--out', out])
  t.is(resultOf(readReport(out), 'server-aborts').packets, undefined)
  t.false(readEvents(out).some(({role}) => role === 'capture-host'))
})

testUnless(
  problem,
  'when a run that captures packets is killed, all of its processes end',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--packets', 'server-closes-first', '--out', out]
    const cli = startCli(t, args)
    await cli.shows(/server-closes-first: EADDRINUSE/)
    const events = readEvents(out)
    t.true(events.some(({role}) => role === 'capture-host'))
    const pids = startedPids(events).filter(isActorRunning)
    t.true(pids.length >= 4, 'the hosts of the namespace, and who captures')
    process.kill(cli.pid, 'SIGKILL')
    await cli.ended
    await until(() => !pids.some(isActorRunning), soon, `the end of the processes ${pids}`)
  },
)
