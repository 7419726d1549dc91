import type {Platform, Stack} from '../platforms/platform.ts'
import {readTcpCounters} from '../platforms/proc-net-snmp.ts'
import {readProcNetTcp} from '../platforms/proc-net-tcp.ts'
import {shared} from '../platforms/socket-table.ts'
import {type Hosts, openHosts} from '../processes/hosts.ts'
import {type Actor, launch} from '../processes/launch.ts'
import type {NamespaceSpec} from '../scenario.ts'
import {TooSlow} from '../too-slow.ts'
import {rulesThatDrop, rulesThatDropNothing} from './packet-filter.ts'
import {
  type Surroundings,
  type SurroundingsListeners,
  SurroundingsUnavailable,
} from './surroundings.ts'
import {namespaceWays, type Way} from './ways.ts'

export interface Namespaces {
  /** @throws SurroundingsUnavailable where this machine does not allow it, with the remedy */
  open(spec: NamespaceSpec, listeners: SurroundingsListeners): Promise<Surroundings>
}

/** Below the ephemeral range of a new namespace; no port of it is in use. */
const firstPort = 10_000
const remedy =
  'allow user namespaces (sysctl -w user.max_user_namespaces=10000; on Ubuntu also ' +
  'kernel.apparmor_restrict_unprivileged_userns=0), or let this user run sudo without a password'
const nftRemedy = 'install nftables (apt-get install nftables)'
/** A setting that every namespace has, written with the value that it has anyway. */
const harmless = {tcp_fin_timeout: 60}

/**
 * Private network namespaces for scenarios. Which way leads to one is found out once, when the first is
 * asked for, by doing all that a scenario may need: a sysctl written, a process started inside, a rule set.
 */
export function openNamespaces(program: string, {stack}: Platform): Namespaces {
  let way: Promise<Way> | undefined
  let packetFilter: Promise<void> | undefined

  return {
    async open({settings = {}, dropsPackets = false}, listeners) {
      way ??= firstWayThatWorks(program, stack)
      const chosen = await way
      if (dropsPackets) {
        packetFilter ??= proveThatPacketsCanBeFiltered(program, chosen)
        await packetFilter
      }
      return openNamespace(program, chosen, settings, listeners)
    },
  }
}

async function firstWayThatWorks(program: string, stack: Stack): Promise<Way> {
  if (process.platform !== 'linux') {
    throw new SurroundingsUnavailable(
      'needs a private network namespace, which only Linux has; run it on Linux',
    )
  }
  const problems: string[] = []
  for (const way of namespaceWays()) {
    try {
      const {namespace, close} = await openNamespace(program, way, harmless)
      try {
        const guest = await launch(program, 'client', {}, {through: namespace.enter})
        guest.kill()
        await guest.ended
        return way
      } finally {
        await close()
      }
    } catch (error) {
      if (error instanceof TooSlow) throw error
      problems.push(`${way.title}: ${reasonOf(error)}`)
    }
  }
  throw new SurroundingsUnavailable(
    `a private network namespace is not available here (${problems.join('; ')}); ` +
      (stack === 'gvisor' ? 'run it on Linux itself' : remedy),
  )
}

async function proveThatPacketsCanBeFiltered(program: string, way: Way): Promise<void> {
  const {namespace, close} = await openNamespace(program, way, {})
  try {
    await namespace.drop('all but one FIN each way', firstPort)
    const guest = await launch(program, 'client', {}, {through: namespace.enter})
    // Nobody listens, so a SYN that is not dropped is answered by RST at once.
    const {calls} = await guest
      .request('try-to-connect', {
        ...{host: '127.0.0.1', port: firstPort, hold: false},
        withinSeconds: 0.1,
      })
      .finally(guest.kill)
    await guest.ended
    if (calls.at(-1)?.outcome !== 'unanswered') throw new Error('nft has no effect')
  } catch (error) {
    if (error instanceof TooSlow) throw error
    throw new SurroundingsUnavailable(
      `packets cannot be dropped (${reasonOf(error)}); ${nftRemedy}`,
    )
  } finally {
    await close()
  }
}

/** The last thing that was said is the reason: unshare(1) and sudo(8) say it on stderr. */
function reasonOf(error: unknown): string {
  const {message} = error as Error
  return (message.split('; its stderr: ').at(-1) ?? message).split('\n')[0] ?? message
}

async function openNamespace(
  program: string,
  way: Way,
  written: NonNullable<NamespaceSpec['settings']>,
  listeners?: SurroundingsListeners,
) {
  const keeper = await launch(program, 'keeper', {}, {through: way.make})
  listeners?.onProcess('keeper', keeper.pid)
  keeper.ended.then((ending) => listeners?.onProcess('keeper', keeper.pid, ending))
  const hosts = openHosts(program, {
    through: way.enter(keeper.pid),
    together: true,
    onProcess: (kind, pid, ending) => listeners?.onProcess(kind, pid, ending),
  })
  const close = async () => {
    await hosts.close()
    keeper.kill()
    await keeper.ended
  }
  try {
    const {settings} = await keeper.request('set-up-namespace', {settings: written})
    return {settings, namespace: namespaceOf(keeper, way, hosts), close} satisfies Surroundings
  } catch (error) {
    await close()
    throw error
  }
}

function namespaceOf(keeper: Actor, way: Way, hosts: Hosts) {
  const net = `/proc/${keeper.pid}/net`
  let nextPort = firstPort
  const failure = keeper.ended.then((ending) => Promise.reject(keeper.failure(ending)))
  // Nobody waits for it when the namespace is closed.
  failure.catch(() => undefined)
  return {
    enter: way.enter(keeper.pid),
    hosts,
    readSockets: shared(async (query) => {
      if (query === undefined) return readProcNetTcp(net)
      const {sockets} = await keeper.request('read-sockets', {ports: [...query.ports]})
      return sockets
    }),
    readCounters: () => readTcpCounters(net),
    drop: (what, port) => keeper.request('filter-packets', {rules: rulesThatDrop(what, port)}),
    pass: () => keeper.request('filter-packets', {rules: rulesThatDropNothing}),
    takePort: async () => nextPort++,
    verifyAccepting: async (address, port, greeting) => {
      await keeper.request('verify-accepting', {address, port, greeting})
    },
    failure,
  } satisfies Surroundings['namespace']
}
