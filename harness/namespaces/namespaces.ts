import {destroySetting} from '../platforms/linux.ts'
import {runProgram, usualLimits} from '../platforms/run-program.ts'
import {shared} from '../platforms/socket-table.ts'
import {type Hosts, openHosts} from '../processes/hosts.ts'
import type {Actor} from '../processes/launch.ts'
import type {NamespaceSpec} from '../scenario.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {TooSlow} from '../too-slow.ts'
import type {SurroundingsOptions} from './open-surroundings.ts'
import {rulesThatDrop, rulesThatDropNothing} from './packet-filter.ts'
import {
  type Namespace,
  type Surroundings,
  type SurroundingsListeners,
  SurroundingsUnavailable,
} from './surroundings.ts'
import {namespaceWays, type Way} from './ways.ts'

export interface Namespaces {
  /** @throws SurroundingsUnavailable where this machine does not allow it, with the remedy */
  open(spec: NamespaceSpec, listeners: SurroundingsListeners): Promise<Surroundings>
  /** Ends the processes that all of them share. */
  close(): Promise<void>
}

/** Below the ephemeral range of a new namespace; no port of it is in use. */
const firstPort = 10_000
const remedy =
  'allow user namespaces (sysctl -w user.max_user_namespaces=10000; on Ubuntu also ' +
  'kernel.apparmor_restrict_unprivileged_userns=0), or let this user run sudo without a password'
const nftRemedy = 'install nftables (apt-get install nftables)'
/** A setting that every namespace has, written with the value that it has anyway. */
const harmless = {tcp_fin_timeout: 60}

/** Where one way leads: the processes in which its namespaces are made, set up and played in. */
interface Site {
  way: Way
  hosts: Hosts
  /** Who may set up what that host has made. */
  keepersOf(host: number): Hosts
  close(): Promise<void>
}

/**
 * Private network namespaces for scenarios. Which way leads to one is found out once, when the first is
 * asked for, by doing all that a scenario may need: a sysctl written, a process started inside, a rule set.
 */
export function openNamespaces(options: SurroundingsOptions): Namespaces {
  let found: Promise<Site> | undefined
  let packetFilter: Promise<void> | undefined

  return {
    async open(spec, listeners) {
      const {dropsPackets = false} = spec
      found ??= firstWayThatWorks(options)
      const site = await found
      if (dropsPackets) {
        packetFilter ??= proveThatPacketsCanBeFiltered(site)
        await packetFilter
      }
      return openNamespace(site, spec, listeners)
    },
    async close() {
      await found?.then((site) => site.close()).catch(() => undefined)
    },
  }
}

async function firstWayThatWorks(options: SurroundingsOptions): Promise<Site> {
  if (process.platform !== 'linux') {
    throw new SurroundingsUnavailable(
      'needs a private network namespace, which only Linux has; run it on Linux',
    )
  }
  const problems: string[] = []
  for (const way of namespaceWays()) {
    const site = openSite(way, options)
    try {
      const {namespace, close} = await openNamespace(site, {settings: harmless})
      await startInside(namespace.enter).finally(close)
      return site
    } catch (error) {
      await site.close()
      if (error instanceof TooSlow) throw error
      problems.push(`${way.title}: ${reasonOf(error)}`)
    }
  }
  throw new SurroundingsUnavailable(
    `a private network namespace is not available here (${problems.join('; ')}); ` +
      (options.platform.stack === 'gvisor' ? 'run it on Linux itself' : remedy),
  )
}

/** A server that cannot be started inside would fail its scenario, which is to be skipped. */
async function startInside([command, ...args]: Namespace['enter']): Promise<void> {
  const node = [...args, process.execPath, '--version']
  const {status, stderr} = await runProgram(command, node, process.env, usualLimits)
  if (status !== 0) throw new Error(stderr.trim() || `${command} ended with status ${status}`)
}

function openSite(way: Way, {program, onHost}: SurroundingsOptions): Site {
  const hosts = openHosts(program, {
    through: way.host,
    hostOf: () => 'namespace-host',
    onProcess: onHost,
  })
  /** A host that was ended is followed by another one, whose namespaces are others'. */
  const keepers = new Map<number, Hosts>()
  return {
    way,
    hosts,
    keepersOf(host) {
      const known = keepers.get(host)
      if (known !== undefined) return known
      const through = way.keep(host)
      const opened = openHosts(program, {through, hostOf: () => 'keeper-host', onProcess: onHost})
      keepers.set(host, opened)
      return opened
    },
    async close() {
      await Promise.all([hosts, ...keepers.values()].map((each) => each.close()))
    },
  }
}

async function proveThatPacketsCanBeFiltered(site: Site): Promise<void> {
  const {namespace, close} = await openNamespace(site, {})
  try {
    await namespace.drop('all but one FIN each way', firstPort)
    const guest = await namespace.hosts.enter('client')
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
  {way, hosts, keepersOf}: Site,
  {settings: written = {}, destroysSockets}: NamespaceSpec,
  listeners?: SurroundingsListeners,
) {
  const actors: Actor[] = []
  const entered = (actor: Actor) => {
    actors.push(actor)
    listeners?.onProcess(actor)
    actor.ended.then((ending) => listeners?.onProcess(actor, ending))
    return actor
  }
  const close = async () => {
    for (const actor of actors) actor.kill()
    await Promise.all(actors.map(({ended}) => ended))
  }
  try {
    const inside = entered(await hosts.enter('namespace'))
    const {fd} = await inside.request('make-namespace', null)
    const keeper = entered(await keepersOf(inside.pid).enter('keeper'))
    const made = {host: inside.pid, fd}
    const {settings} = await keeper.request('set-up-namespace', {...made, settings: written})
    if (destroysSockets === true) settings[destroySetting] = await answerToDestroying(keeper)
    const namespace: Namespace = {
      ...keptBy(keeper),
      enter: way.enter(inside.pid, fd),
      hosts: {enter: (role, told) => hosts.enter(role, told, inside.number)},
      failure: firstFailure(actors),
    }
    return {settings, namespace, close}
  } catch (error) {
    await close()
    if (isSystemError(error) && error.code === 'ENOENT') {
      throw new SurroundingsUnavailable(`this kernel has no such setting (${error.message})`)
    }
    throw error
  }
}

/** @throws SurroundingsUnavailable where no socket can be destroyed */
async function answerToDestroying(keeper: Actor): Promise<string> {
  try {
    return (await keeper.request('try-to-destroy', null)).answer
  } catch (error) {
    if (!isSystemError(error)) throw error
    throw new SurroundingsUnavailable(
      `this kernel does not destroy sockets (${error.message}); it needs CONFIG_INET_DIAG_DESTROY and the module tcp_diag`,
    )
  }
}

/** Rejected when one of them ends. */
function firstFailure(actors: readonly Actor[]): Promise<never> {
  const failure = Promise.race(
    actors.map((actor) => actor.ended.then((ending) => Promise.reject(actor.failure(ending)))),
  )
  // Nobody waits for it when the namespace is closed.
  failure.catch(() => undefined)
  return failure
}

function keptBy(keeper: Actor) {
  let nextPort = firstPort
  return {
    readSockets: shared(async (query) => {
      const {sockets} = await keeper.request('read-sockets', query ? {ports: [...query.ports]} : {})
      return sockets
    }),
    readCounters: () => keeper.request('read-counters', null),
    drop: (what, port) => keeper.request('filter-packets', {rules: rulesThatDrop(what, port)}),
    destroy: (state, port) => keeper.request('destroy-sockets', {port, state}),
    pass: () => keeper.request('filter-packets', {rules: rulesThatDropNothing}),
    takePort: async () => nextPort++,
    verifyAccepting: async (address, port, greeting) => {
      await keeper.request('verify-accepting', {address, port, greeting})
    },
  } satisfies Partial<Namespace>
}
