import {
  missingProgram,
  readReport,
  resultOf,
  runCli,
  stackTrace,
  temporaryFolder,
  testUnless,
} from '../commands/cli.ts'
import {namespaceProblem, privateNetwork} from '../namespaces/available.ts'
import {after} from './machine.ts'

const problem = namespaceProblem ?? missingProgram('ip')

/** In a network of its own, whose settings and interfaces are made like this first. */
function inNetwork(preparation: string): string[] {
  return [...(privateNetwork ?? []), ...after(preparation)]
}

const loopbackUp = 'ip link set lo up'
const ipv6 = '/proc/sys/net/ipv6/conf/all/disable_ipv6'
const range = '/proc/sys/net/ipv4/ip_local_port_range'
const unprivileged = '/proc/sys/net/ipv4/ip_unprivileged_port_start'

testUnless(
  problem,
  'with IPv6 switched off, what needs it is skipped with that reason',
  async (t) => {
    const out = temporaryFolder(t)
    const ids = ['server-aborts', 'ipv6-time-wait', 'dual-stack-over-ipv4']
    const {status, stderr} = await runCli(t, ['run', '--quick', ...ids, '--out', out], {
      launcher: inNetwork(`${loopbackUp}; echo 1 >${ipv6}`),
    })
    t.is(status, 0, stderr)
    const report = readReport(out)
    t.is(resultOf(report, 'server-aborts').status, 'as-expected')
    for (const id of ['ipv6-time-wait', 'dual-stack-over-ipv4/ipv6-only']) {
      const {status, reason} = resultOf(report, id)
      t.deepEqual([status, reason], ['skipped', 'address ::1 is not available on this machine'], id)
    }
  },
)

testUnless(
  problem,
  'with the loopback interface down, each scenario fails and says so',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', 'server-aborts', 'server-closes-first', '--out', out]
    const {status, stderr} = await runCli(t, args, {launcher: inNetwork('true')})
    t.is(status, 3, stderr)
    t.notRegex(stderr, stackTrace)
    const {results} = readReport(out)
    t.is(results.length, 2)
    for (const {status, reason} of results) {
      t.is(status, 'failed')
      t.regex(reason ?? '', /is the loopback interface up\? \(ip link set lo up\)/)
    }
  },
)

testUnless(problem, 'ports are found where every port is ephemeral', async (t) => {
  const out = temporaryFolder(t)
  const args = ['run', '--quick', 'server-aborts', 'server-closes-first', '--out', out]
  const {status, stderr} = await runCli(t, args, {
    launcher: inNetwork(`${loopbackUp}; echo 0 >${unprivileged}; echo 1 65535 >${range}`),
  })
  t.is(status, 0, stderr)
  const report = readReport(out)
  t.is(report.host.settings.ip_local_port_range, '1 65535')
  t.true(report.results.every((result) => result.status === 'as-expected'))
})
