import {destroySetting} from '../platforms/linux.ts'
import {runProgram, usualLimits} from '../platforms/run-program.ts'
import {shared} from '../platforms/socket-table.ts'
import {type Hosts, openHosts} from '../processes/hosts.ts'
import type {Actor} from '../processes/launch.ts'
import type {NamespaceSpec} from '../scenario.ts'
import {isSystemError} from '../sockets/system-error.ts'
import {TooSlow} from '../too-slow.ts'
import {countDropped, type DroppedAt, rulesThatDrop, rulesThatDropNothing} from './packet-filter.ts'
import {
  type DropPeriod,
  type Namespace,
  type Surroundings,
  type SurroundingsListeners,
  type SurroundingsOptions,
  SurroundingsUnavailable,
  type TakenPackets,
} from './surroundings.ts'
import {namespaceWays, type Through, type Way} from './ways.ts'

export interface Namespaces {
  /** @throws SurroundingsUnavailable where this machine does not allow it, with the remedy */
  open(spec: NamespaceSpec, listeners: SurroundingsListeners): Promise<Surroundings>
  /**
   * The one in which all scenarios play that need none of their own, so that their packets are captured. Each gets its
   * own packets only, and may drop none.
   * @throws as `open`
   */
  openShared(): Promise<Surroundings>
  /** Why packets are not captured, though they are to be; undefined if they are. */
  captureProblem(): Promise<string | undefined>
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

/** The processes that create, set up and host all namespaces of a run, started in one of the ways. */
interface Site {
  way: Way
  hosts: Hosts
  /** The process that sets up the namespaces of the host with this pid. */
  keepersOf(host: number): Hosts
  /** Who sees the packets there. */
  capturesOf(host: number): Hosts
  close(): Promise<void>
}

/**
 * Private network namespaces for scenarios. Which way leads to one is found out once, when the first is
 * asked for, by doing all that a scenario may need: a sysctl written, a process started inside, a rule set.
 */
export function openNamespaces(options: SurroundingsOptions): Namespaces {
  let found: Promise<Site> | undefined
  let packetFilter: Promise<void> | undefined
  let shared: Promise<SharedNamespace> | undefined
  let problem: Promise<string | undefined> | undefined

  function site(): Promise<Site> {
    found ??= firstWayThatWorks(options)
    return found
  }

  async function openShared(): Promise<Surroundings> {
    shared ??= site().then((found) => makeShared(found, options))
    const current = shared
    // Whoever comes after its end gets another one.
    const forget = () => {
      if (shared === current) shared = undefined
    }
    const {ended, enter} = await current.catch((error: Error) => {
      forget()
      throw error
    })
    ended.catch(forget)
    return enter()
  }

  function captureProblem(): Promise<string | undefined> {
    problem ??= openShared().then(
      () => undefined,
      ({message}: Error) => message,
    )
    return problem
  }

  return {
    async open(spec, listeners) {
      const {dropsPackets = false} = spec
      const captures = options.capturesPackets === true && (await captureProblem()) === undefined
      const where = await site()
      if (dropsPackets) {
        packetFilter ??= proveThatPacketsCanBeFiltered(where)
        await packetFilter
      }
      return openNamespace(where, spec, {listeners, captures})
    },
    openShared,
    captureProblem,
    async close() {
      await shared?.then(({close}) => close()).catch(() => undefined)
      await found?.then((site) => site.close()).catch(() => undefined)
    },
  }
}

interface SharedNamespace {
  /** Rejected when a process that keeps it ends. */
  ended: Promise<never>
  /** For one scenario. */
  enter(): Surroundings
  close(): Promise<void>
}

async function makeShared(
  site: Site,
  {program, onHost}: SurroundingsOptions,
): Promise<SharedNamespace> {
  const {namespace, settings, close} = await openNamespace(site, {}, {captures: true})
  // As on the machine itself, what binds densely is kept away from what answers and asks.
  const hosts = openHosts(program, {through: namespace.enter, onProcess: onHost})
  const {takePackets} = namespace
  const onlyInItsOwn = async (): Promise<never> => {
    throw new Error('the scenario has no network namespace of its own')
  }
  return {
    ended: namespace.failure,
    enter() {
      const ports: number[] = []
      const own: Namespace = {
        ...namespace,
        ...{hosts, drop: onlyInItsOwn, pass: onlyInItsOwn, destroy: onlyInItsOwn},
        async takePort() {
          const port = await namespace.takePort()
          ports.push(port)
          return port
        },
        ...(takePackets === undefined ? {} : {takePackets: () => takePackets(ports)}),
      }
      return {settings, namespace: own, close: async () => undefined}
    },
    async close() {
      await hosts.close()
      await close()
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

/** A scenario is skipped, not failed, if processes cannot be started in a namespace. */
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
  const opened: Hosts[] = [hosts]
  /** A host that was killed is replaced, and needs its own processes beside it. */
  const beside = (kind: 'keeper-host' | 'capture-host', through: (host: number) => Through) => {
    const known = new Map<number, Hosts>()
    return (host: number) => {
      const before = known.get(host)
      if (before !== undefined) return before
      const options = {through: through(host), hostOf: () => kind, onProcess: onHost}
      const others = openHosts(program, options)
      known.set(host, others)
      opened.push(others)
      return others
    }
  }
  return {
    way,
    hosts,
    keepersOf: beside('keeper-host', way.keep),
    capturesOf: beside('capture-host', way.capture),
    async close() {
      await Promise.all(opened.map((each) => each.close()))
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
  {way, hosts, keepersOf, capturesOf}: Site,
  {settings: written = {}, destroysSockets}: NamespaceSpec,
  {listeners, captures = false}: {listeners?: SurroundingsListeners; captures?: boolean} = {},
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
    const failure = firstFailure([...actors])
    const filter = filterOf(keeper, captures ? 'input' : 'output')
    const capture = captures ? entered(await capturesOf(inside.pid).enter('capture')) : undefined
    await capture?.request('capture-packets', made).catch((error: Error) => {
      throw new SurroundingsUnavailable(`packets cannot be captured (${error.message})`)
    })
    const namespace: Namespace = {
      ...keptBy(keeper),
      enter: way.enter(inside.pid, fd),
      hosts: {enter: (role, told) => hosts.enter(role, told, inside.number)},
      drop: filter.drop,
      pass: filter.pass,
      failure,
      ...(capture === undefined ? {} : capturedBy(capture, filter.seen)),
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
    destroy: (state, port) => keeper.request('destroy-sockets', {port, state}),
    takePort: async () => nextPort++,
    verifyAccepting: async (address, port, greeting) => {
      await keeper.request('verify-accepting', {address, port, greeting})
    },
  } satisfies Partial<Namespace>
}

/** What drops packets, and keeps in mind which and when. */
function filterOf(keeper: Actor, at: DroppedAt) {
  const periods: DropPeriod[] = []
  async function filter(rules: string) {
    const changed = await keeper.request('filter-packets', {rules})
    const last = periods.at(-1)
    if (last !== undefined) last.until ??= changed
    return changed
  }
  return {
    drop: (async (what, port) => {
      const since = await filter(rulesThatDrop(what, port, at))
      periods.push({what, port, since})
      return since
    }) satisfies Namespace['drop'],
    pass: () => filter(rulesThatDropNothing(at)),
    async seen(): Promise<Pick<TakenPackets, 'filter'>> {
      if (periods.length === 0) return {}
      const {packets} = await keeper.request('count-dropped', {words: [...countDropped]})
      return {filter: {periods, dropped: packets}}
    },
  }
}

function capturedBy(capture: Actor, filterSeen: () => Promise<Pick<TakenPackets, 'filter'>>) {
  return {
    async takePackets(ports?: readonly number[]): Promise<TakenPackets> {
      const asked = ports === undefined ? {} : {ports: [...ports]}
      const {records, moments, lost} = await capture.request('take-packets', asked)
      return {records: Buffer.from(records, 'base64'), moments, lost, ...(await filterSeen())}
    },
  }
}
