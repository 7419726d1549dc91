import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs'
import {join} from 'node:path'
import type {ExecutionContext} from 'ava'
import {
  isActorRunning,
  loggedPid,
  missingProgram,
  readEvents,
  readReport,
  resultOf,
  runCli,
  soon,
  startCli,
  startedPids,
  startProgram,
  temporaryFolder,
  testUnless,
  until,
} from '../commands/cli.ts'
import {afterMounting, mountProblem} from '../faults/machine.ts'
import {pathsOf} from '../needs.ts'
import {
  namespaceProblem,
  packetFilterPaths,
  packetFilterProblem,
  privateNetwork,
} from './available.ts'

/** It is looked for where administrators' programs are, too. */
const sysctlProblem =
  pathsOf('sysctl', ['/usr/sbin', '/sbin']).length > 0 ? undefined : missingProgram('sysctl')

/** One scenario for each kind of thing that is changed: each setting, and the packet rules. */
const changing = [
  'fin-timeout-ends-fin-wait2',
  'no-tw-buckets',
  'rfc1337-protects-time-wait/off',
  'lost-last-ack-without-time-wait',
  'port-inside-ephemeral-range/reserved',
]

/** Every IPv4 setting of this machine that we may read, and its packet rules where we may list them. */
function hostState(): Record<string, string> {
  const state: Record<string, string> = {}
  const folder = '/proc/sys/net/ipv4'
  for (const name of readdirSync(folder, {recursive: true, encoding: 'utf8'})) {
    const file = join(folder, name)
    if (!statSync(file).isFile()) continue
    try {
      state[name] = readFileSync(file, 'utf8')
    } catch {
      // Some can only be written, or only be read by root.
    }
  }
  try {
    const [nft = ''] = packetFilterPaths
    state.rules = execFileSync(nft, ['list', 'ruleset'], {encoding: 'utf8', stdio: 'pipe'})
  } catch {
    state.rules = 'not to be listed'
  }
  return state
}

testUnless(
  packetFilterProblem,
  "scenarios change settings and packet rules in namespaces of their own, and nothing of the machine's",
  async (t) => {
    const before = hostState()
    t.true(Object.keys(before).length > 50)
    const out = temporaryFolder(t)
    const cli = startCli(t, ['run', '--quick', ...changing, '--out', out])
    const during: Record<string, string>[] = []
    const looking = setInterval(() => during.push(hostState()), 100)
    const {status, stderr} = await cli.ended
    clearInterval(looking)
    t.is(status, 0, stderr)
    const {results} = readReport(out)
    t.is(results.length, 7)
    for (const {scenario, status, reason} of results) {
      t.is(status, 'as-expected', `${scenario}: ${reason}`)
    }
    const setInside = results.map(({settings}) => settings?.tcp_fin_timeout)
    t.true(setInside.includes(5), 'the settings inside are reported')
    t.true(during.length > 0)
    for (const state of [...during, hostState()]) t.deepEqual(state, before)
    t.deepEqual(startedPids(readEvents(out)).filter(isActorRunning), [])
  },
)

testUnless(
  namespaceProblem,
  'a killed run leaves neither a process nor a namespace behind',
  async (t) => {
    const out = temporaryFolder(t)
    const scenario = 'no-tw-buckets/default-buckets'
    const cli = startCli(t, ['run', scenario, '--out', out])
    await cli.shows(/no-tw-buckets\/default-buckets: EADDRINUSE/)
    const keeper = await loggedPid(out, scenario, 'keeper')
    const successor = await loggedPid(out, scenario, 'successor')
    // Its host and its keeper keep it by a file descriptor each; each has its own first one as well.
    const [namespace = ''] = keptBy(keeper).filter((each) => keptBy(successor).includes(each))
    t.not(namespace, readlinkSync('/proc/self/ns/net'))
    // While we keep it, too, another run's namespace cannot get its number.
    const kept = openSync(fileOf(keeper, namespace), 'r')
    t.teardown(() => closeSync(kept))
    const inside = holdersOf(namespace)
    t.true([keeper, successor].every((pid) => inside.includes(pid)))
    const pids = [...startedPids(readEvents(out)), ...inside]
    process.kill(cli.pid, 'SIGKILL')
    await cli.ended
    await until(() => !pids.some(isActorRunning), soon, `the end of the processes ${pids}`)
    // A process that is ending has lost its memory, and with it its name, a moment before it closes its files.
    const left = () => holdersOf(namespace).filter((pid) => pid !== process.pid)
    await until(() => left().length === 0, soon, `the end of the namespace ${namespace}`)
  },
)

testUnless(
  namespaceProblem,
  'an interrupted run leaves neither a process nor a namespace behind',
  async (t) => {
    const out = temporaryFolder(t)
    const cli = startCli(t, ['run', 'no-tw-buckets/default-buckets', '--out', out])
    await cli.shows(/no-tw-buckets\/default-buckets: EADDRINUSE/)
    process.kill(cli.pid, 'SIGINT')
    const {status} = await cli.ended
    t.is(status, 130)
    const events = readEvents(out)
    t.true(events.some(({role, change}) => role === 'keeper' && change === 'ended'))
    t.deepEqual(startedPids(events).filter(isActorRunning), [])
  },
)

/** The network namespaces that a process keeps open, e.g. `net:[4026531840]`. */
function keptBy(pid: number | string): string[] {
  try {
    const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`))
    return links.filter((link) => link.startsWith('net:'))
  } catch {
    return []
  }
}

/** The file by which a process keeps a network namespace. */
function fileOf(pid: number, namespace: string): string {
  const fds = readdirSync(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`)
  return fds.find((file) => linkOf(file) === namespace) ?? ''
}

/** The processes, of those that we may look at, that run in a network namespace or keep it open. */
function holdersOf(namespace: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids
    .filter((pid) => [linkOf(`/proc/${pid}/ns/net`), ...keptBy(pid)].includes(namespace))
    .map(Number)
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

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
  'where namespaces are forbidden the scenarios that need one are skipped, with reason and remedy',
  async (t) => {
    const out = temporaryFolder(t)
    const args = ['run', '--quick', 'no-tw-buckets', 'server-aborts', '--out', out]
    const launcher = ['unshare', '-Ur', process.execPath, '--eval', forbidding, '--']
    const {status, stdout, stderr} = await runCli(t, args, {launcher})
    t.is(status, 0, stderr)
    const statuses = readReport(out).results.map(({scenario, status}) => [scenario, status])
    t.deepEqual(statuses, [
      ['server-aborts', 'as-expected'],
      ['no-tw-buckets/default-buckets', 'skipped'],
      ['no-tw-buckets/0-buckets', 'skipped'],
    ])
    t.regex(stdout, /skipped no-tw-buckets\/0-buckets: .*unshare -Urn: .*user\.max_user_namespaces/)
  },
)

/** Plays what drops packets, with node_modules/.bin, which has another nft, first in the PATH. */
async function dropPackets(t: ExecutionContext, launcher: string[] = []) {
  const out = temporaryFolder(t)
  const path = `${join(process.cwd(), 'node_modules', '.bin')}:${process.env.PATH}`
  const args = ['run', '--quick', 'lost-last-ack-without-time-wait', '--out', out]
  await runCli(t, args, {env: {PATH: path}, launcher})
  return resultOf(readReport(out), 'lost-last-ack-without-time-wait')
}

testUnless(
  packetFilterProblem,
  "npm's own nft, first in the PATH, is not taken for the packet filter's",
  async (t) => {
    const {status, reason} = await dropPackets(t)
    t.is(status, 'as-expected', reason)
  },
)

testUnless(
  namespaceProblem ?? mountProblem,
  'where nft is not installed, what drops packets is skipped, and says so',
  async (t) => {
    const hideNft = packetFilterPaths.map((path) => `mount --bind /mnt/empty ${path}`)
    const preparation = ['mount -t tmpfs none /mnt', 'touch /mnt/empty', ...hideNft].join(' && ')
    const {status, reason} = await dropPackets(t, afterMounting(preparation))
    t.is(status, 'skipped')
    t.is(
      reason,
      'packets cannot be dropped (nft is not installed); install nftables (apt-get install nftables)',
    )
  },
)

/** What a fixture prints that runs as root in a namespace, which stands for the machine. */
async function onMachine(t: ExecutionContext, what: string, launcher: string[] = []) {
  const fixture = new URL('./host-settings.fixture.ts', import.meta.url).pathname
  const program = [
    ...(privateNetwork ?? []),
    ...launcher,
    process.execPath,
    '--import=tsx',
    fixture,
    what,
  ]
  const {status, stdout, stderr} = await startProgram(t, program).ended
  t.is(status, 0, stderr)
  return JSON.parse(stdout)
}

testUnless(
  namespaceProblem ?? sysctlProblem,
  'of two runs that change settings the second is refused, and what was there before the first is set back',
  async (t) => {
    const {second, ...values} = await onMachine(t, 'twice')
    t.deepEqual(values, {before: 60, changed: 7, after: 60, again: 9, afterAll: 60})
    t.is(second[0], 'SurroundingsUnavailable')
    t.regex(
      second[1],
      /^another run has changed kernel settings .* UDP port 28611\); try again when/,
    )
  },
)

testUnless(
  namespaceProblem ?? sysctlProblem,
  'a setting that cannot be set back is told, and the others are set back',
  async (t) => {
    const {before, problem, after} = await onMachine(t, 'stuck')
    t.deepEqual([before, after], [60, 60])
    t.is(problem[0], 'SettingsLeftChanged')
    t.regex(problem[1], /^net\.ipv4\.ip_local_port_range could not be restored to 32768\s60999: /)
    t.regex(problem[1], /; run sudo sysctl -w 'net\.ipv4\.ip_local_port_range=/)
  },
)

testUnless(
  namespaceProblem ?? sysctlProblem,
  'a harness that is killed while a setting is written leaves none changed',
  async (t) => {
    const {before, after} = await onMachine(t, 'killedMeanwhile', ['unshare', '-m'])
    t.deepEqual(after, before)
    t.is(before[0], 60)
  },
)

testUnless(
  namespaceProblem ?? sysctlProblem,
  'settings that were changed with leave are set back when the harness is killed',
  async (t) => {
    const launcher = new URL('./settings-keeper.fixture.ts', import.meta.url).pathname
    const [command = '', ...args] = privateNetwork ?? []
    // The harness, in a namespace that stands for the machine; it is killed as soon as it has reported.
    const machine = spawn(command, [...args, process.execPath, '--import=tsx', launcher], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => machine.kill('SIGKILL'))
    let said = ''
    machine.stdout.on('data', (text) => {
      said += text
    })
    const [status] = await once(machine, 'close')
    t.is(status, 0)
    t.deepEqual(JSON.parse(said), {before: '60', changed: '7', after: '60'})
  },
)
