import type {Socket} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import type {Namespace} from '../namespaces/surroundings.ts'
import type {TcpCounters} from '../platforms/proc-net-snmp.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {
  type Actor,
  ActorFailed,
  type Ending,
  type Listeners,
  launch,
  type Role,
} from '../processes/launch.ts'
import type {Call, Connect, Counts} from '../processes/messages.ts'
import type {Script} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'
import type {LocalPort} from '../sockets/connect.ts'
import {TooSlow} from '../too-slow.ts'
import type {SeenSocket} from './observer.ts'

/** What a stage tells while the script is played. */
export interface StageListeners {
  onStep(step: string, bracket: Bracket): void
  onProcess(role: Role, pid: number, ending?: Ending): void
  onOutput(role: Role, stream: 'stdout' | 'stderr', text: string): void
  onAttempts: NonNullable<Listeners['onAttempts']>
  /** What the system calls of a `client.reconnect` answered, and when that was done. */
  onCalls(from: ReconnectFrom, calls: Call[], bracket: Bracket): void
  onCounts(counts: Counts): void
}

export type ReconnectFrom = Parameters<Script['client']['reconnect']>[0]

export interface StageOptions {
  program: string
  /** A listening socket that the servers inherit. */
  listener?: number
  /** Where all processes run, if not on the machine as it is. */
  namespace: Namespace | undefined
  /** Where the predecessor listens, once it does. */
  place(): {address: string; port: number}
  /** How the client binds its local port; undefined if it leaves that to connect(). */
  clientSocket: Pick<LocalPort, 'opener' | 'bind'> | undefined
  /** A port that is proven free. */
  takePort(): Promise<number>
  /** Has the successor try to open the port; resolved when it has made its first attempt. */
  restart(successor: Actor): Promise<void>
  /** Leaves a TIME_WAIT on another port, to see when that one is released. */
  leaveWitness(): Promise<void>
  /** Called before the client reconnects. */
  beforeReconnecting(): Promise<void>
  /** Reads the socket table and returns the port's sockets; empty where none is shown. */
  look(): Promise<SeenSocket[]>
  /** How often a kernel timer of the port has been seen to run anew. */
  timerRestarts(): number
  listeners: StageListeners
}

/** The processes of one scenario, and the steps that its script can take with them. */
export interface Stage {
  predecessor: Actor
  successor: Actor
  script: Script
  /** When the connection was last changed by a step: the moment at which the residue appeared. */
  lastWireStep(): Bracket | undefined
  /** When the predecessor stopped accepting connections. */
  stoppedAccepting(): Bracket | undefined
  /** Rejected with ActorFailed as soon as a process ends that the script did not end. */
  failure: Promise<never>
  /** Refuses every further step, because the outcome is known. */
  close(): void
  /** Ends all processes, and waits until they have ended. */
  end(): Promise<void>
}

/** The script went on after the outcome was known; not a failure. */
export class ScriptOver extends Error {
  override name = 'ScriptOver'
}

/**
 * The packets did not do what the script wants to show. It depends on the same tick of the kernel's clock
 * for two timers, which a busy machine can miss.
 */
export class NotReproduced extends Error {
  override name = 'NotReproduced'
}

/** From where a connection does not come back to a state. */
const statesAfter: Partial<Record<TcpState, readonly TcpState[]>> = {
  CLOSING: ['TIME_WAIT', 'CLOSED'],
}

/** In flight, on loopback for milliseconds at most: the acknowledgement is on its way. */
const passingStates: readonly TcpState[] = [
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'CLOSING',
  'LAST_ACK',
]
const settleWithinSeconds = 0.5
const settlePollMilliseconds = 5
/** On loopback an answer comes within microseconds; an OS that gives none lets a SYN go unanswered for a minute. */
const reconnectWithinSeconds = 3
/** While packets are dropped, what happens lasts for a retransmission timeout of 0.2 s or more. */
const disturbedLookMilliseconds = 20
/** Enough for five retransmissions, whose timeout doubles each time. */
const showsWithinSeconds = 10
/**
 * How long packets may be dropped: each timeout doubles, and after the eighth the kernel gives up a connection
 * that no process has any more (tcp_orphan_retries); before that the pauses get longer than TIME_WAIT lasts.
 */
const droppedForAtMostSeconds = 45

/** Starts the processes that every scenario has: predecessor, successor and client. */
export async function openStage(options: StageOptions): Promise<Stage> {
  const {program, listeners, look, place, restart, takePort, clientSocket, namespace} = options
  const actors: Actor[] = []
  /** Processes that the script ends; any other end is a failure. */
  const leaving = new Set<Actor>()
  const over = new AbortController()
  let fail: (error: Error) => void = () => undefined
  const failure = new Promise<never>((_, reject) => {
    fail = reject
  })
  failure.catch(() => undefined)
  let lastWireStep: Bracket | undefined
  let stoppedAccepting: Bracket | undefined
  let holder: Actor | undefined
  let otherServer: Actor | undefined
  let watch: NodeJS.Timeout | undefined

  async function enter(role: Role): Promise<Actor> {
    const inherits = role === 'predecessor' || role === 'successor' ? options.listener : undefined
    const actor = await launch(
      program,
      role,
      {
        onAttempts: listeners.onAttempts,
        onOutput: (stream, text) => listeners.onOutput(role, stream, text),
      },
      {
        ...(inherits === undefined ? {} : {inherits}),
        ...(namespace === undefined ? {} : {through: namespace.enter}),
      },
    )
    // Another process may have ended meanwhile, and all with it; nobody would end this one any more.
    if (over.signal.aborted) {
      actor.kill()
      await actor.ended
      throw new ScriptOver()
    }
    actors.push(actor)
    listeners.onProcess(role, actor.pid)
    actor.ended.then((ending) => {
      listeners.onProcess(role, actor.pid, ending)
      if (!leaving.has(actor)) fail(actor.failure(ending))
    })
    return actor
  }

  async function end(): Promise<void> {
    over.abort()
    clearInterval(watch)
    for (const actor of actors) {
      leaving.add(actor)
      actor.kill()
    }
    // One that was handed over and taken by nobody is ours, and would keep this process from ending.
    for (const {connection} of actors)
      connection.then((socket) => socket.destroy()).catch(() => undefined)
    await Promise.all(actors.map(({ended}) => ended))
  }

  const entered = await Promise.allSettled([
    enter('predecessor'),
    enter('successor'),
    enter('client'),
  ])
  const problem = entered.find((result) => result.status === 'rejected')
  if (problem !== undefined) {
    await end()
    throw problem.reason
  }
  const [predecessor, successor, firstClient] = actorsByRole(actors)
  let client = firstClient
  let clientPort: number | undefined
  /** Clients come and go, so that some socket is always in a passing state. */
  let amidTraffic = false
  /** Packets are dropped, so that nothing settles. */
  let disturbed = false
  let countersBefore: TcpCounters | undefined
  let countersWhenPassing: TcpCounters | undefined
  let firstDropAt: number | undefined
  /** From when on packets can have done what the script then waits for. */
  let rulesChangedAt: number | undefined

  async function step(name: string, act: () => Promise<Bracket | undefined>): Promise<void> {
    if (over.signal.aborted) throw new ScriptOver()
    const from = monotonicSeconds()
    const bracket = (await act()) ?? {from, to: monotonicSeconds()}
    listeners.onStep(name, bracket)
    await settle()
  }

  /** A step that changes the connection, and so the residue. */
  function wireStep(name: string, act: () => Promise<Bracket>): Promise<void> {
    return step(name, async () => {
      lastWireStep = await act()
      return lastWireStep
    })
  }

  async function settle(): Promise<void> {
    const deadline = monotonicSeconds() + settleWithinSeconds
    const isPassing = ({entry}: SeenSocket) => passingStates.includes(entry.state)
    while (!amidTraffic && !disturbed) {
      const asked = monotonicSeconds()
      if (!(await look()).some(isPassing) || asked > deadline) return
      await delay(settlePollMilliseconds)
    }
  }

  /** Waits for the predecessor to end, however it was told to; its open connections close with it. */
  async function leave(from: number): Promise<Bracket> {
    const {seconds} = await predecessor.ended
    const bracket = {from, to: seconds}
    stoppedAccepting ??= bracket
    return bracket
  }

  /** The client's own port, bound before it connects, if the scenario has it so. */
  async function fromOwnPort(port?: number): Promise<Pick<Connect, 'from'>> {
    if (clientSocket === undefined) return {}
    clientPort ??= await takePort()
    // The server may listen on a wildcard address; the client never binds one.
    const address = clientHost(place().address)
    return {from: {...clientSocket, address, port: port ?? clientPort}}
  }

  function ownNamespace(): Namespace {
    if (namespace === undefined) throw new Error('the scenario has no network namespace of its own')
    return namespace
  }

  /**
   * Looks until the connection's ends are in these states.
   * @returns between the last look that did not show it, or the last change of what is dropped, and the first
   * look that did
   */
  async function reached(states: Parameters<Script['network']['shows']>[0]): Promise<Bracket> {
    const begin = monotonicSeconds()
    // The next retransmission is as far away as the first dropped packet, if no other came in between.
    const patience = Math.max(showsWithinSeconds, 1.5 * (begin - (firstDropAt ?? begin)))
    const deadline = begin + patience
    for (let from = rulesChangedAt ?? begin; ; ) {
      const asked = monotonicSeconds()
      const connection = (await look()).filter(({socket}) => socket === 'connection')
      const seen = Object.fromEntries(
        connection.map(({endpoint, entry}) => [endpoint, entry.state] as const),
      )
      const ends = Object.entries(states) as ['server' | 'client', TcpState][]
      if (ends.every(([end, state]) => (seen[end] ?? 'CLOSED') === state)) {
        return {from, to: monotonicSeconds()}
      }
      const isPast = ([end, state]: (typeof ends)[number]) =>
        statesAfter[state]?.includes(seen[end] ?? 'CLOSED') ?? false
      if (asked > deadline || ends.some(isPast)) {
        const words = ends.map(([end]) => `${end} ${seen[end] ?? 'CLOSED'}`).join(', ')
        const wanted = ends.map(([end, state]) => `${end} ${state}`).join(', ')
        throw new NotReproduced(`the connection came to ${words}, not to ${wanted}`)
      }
      from = asked
      await delay(settlePollMilliseconds)
    }
  }

  async function countsSinceDrop(): Promise<Counts> {
    const now = await ownNamespace().readCounters()
    const resets = now.resets - (countersWhenPassing ?? now).resets
    const retransmittedSegments = now.retransmitted - (countersBefore ?? now).retransmitted
    return {retransmittedSegments, timerRestarts: options.timerRestarts(), resets}
  }

  function target(): {host: string; port: number} {
    const {address, port} = place()
    return {host: clientHost(address), port}
  }

  const script: Script = {
    server: {
      closeConnection: () =>
        wireStep('server.closeConnection', () => predecessor.request('close-connection', null)),
      destroyConnection: () =>
        wireStep('server.destroyConnection', () => predecessor.request('destroy-connection', null)),
      abortConnection: () =>
        wireStep('server.abortConnection', () => predecessor.request('abort-connection', null)),
      handOverConnection: (to = 'a holder') =>
        step(`server.handOverConnection(${to})`, async () => {
          if (to === 'a holder') holder = await enter('holder')
          const receiver = holder ?? client
          const [, connection]: [Bracket, Socket] = await Promise.all([
            predecessor.request('hand-over-connection', null),
            predecessor.connection,
          ])
          return receiver.request('take-connection', null, connection)
        }),
      exit: () =>
        step('server.exit', async () => {
          leaving.add(predecessor)
          const from = monotonicSeconds()
          const {openConnections} = await predecessor.request('exit', null)
          const bracket = await leave(from)
          const {code, signal} = await predecessor.ended
          if (code !== 0)
            throw new ActorFailed(`the predecessor ended with ${signal ?? code}, not 0`)
          if (openConnections > 0) lastWireStep = bracket
          return bracket
        }),
      kill: () =>
        wireStep('server.kill', async () => {
          leaving.add(predecessor)
          const from = monotonicSeconds()
          predecessor.kill()
          return leave(from)
        }),
    },
    client: {
      connect: ({hold = false} = {}) =>
        step('client.connect', async () =>
          client.request('connect', {...target(), hold, ...(await fromOwnPort())}),
        ),
      connectElsewhere: () =>
        wireStep('client.connectElsewhere', async () => {
          const {host, port: localPort} = target()
          otherServer = await enter('other-server')
          const port = await takePort()
          await otherServer.request('listen', {
            opener: 'node',
            bind: 'none',
            address: host,
            port,
            reads: true,
          })
          const from = await fromOwnPort(localPort)
          return client.request('connect', {host, port, hold: false, ...from})
        }),
      reconnect: (from) =>
        step(`client.reconnect(${from})`, async () => {
          await options.beforeReconnecting()
          const ownPort = await fromOwnPort(from === 'the same port' ? undefined : await takePort())
          const {calls, ...bracket} = await client.request('try-to-connect', {
            ...target(),
            hold: false,
            ...ownPort,
            withinSeconds: reconnectWithinSeconds,
          })
          listeners.onCalls(from, calls, bracket)
          return bracket
        }),
      restart: () =>
        step('client.restart', async () => {
          leaving.add(client)
          await client.request('exit', null)
          await client.ended
          client = await enter('client')
          return undefined
        }),
      countAnswers: (connections) =>
        step(`client.countAnswers(${connections})`, async () => {
          const {counts, ...bracket} = await client.request('count-answers', {
            ...target(),
            hold: false,
            connections,
          })
          listeners.onCounts(counts)
          return bracket
        }),
      keepConnecting: () =>
        step('client.keepConnecting', () => {
          amidTraffic = true
          return client.request('keep-connecting', {...target(), hold: false})
        }),
      stopConnecting: () =>
        step('client.stopConnecting', async () => {
          const {counts, ...bracket} = await client.request('stop-connecting', null)
          amidTraffic = false
          listeners.onCounts(counts)
          return bracket
        }),
      send: (text) => step('client.send', () => client.request('send', {text})),
      close: ({witness = false} = {}) =>
        wireStep('client.close', async () => {
          const bracket = await client.request('close', null)
          if (witness) await options.leaveWitness()
          return bracket
        }),
      closeBothEnds: () =>
        wireStep('client.closeBothEnds', () => client.request('close-both-ends', null)),
      abort: () => wireStep('client.abort', () => client.request('abort', null)),
    },
    network: {
      drop: (what) =>
        step(`network.drop(${what})`, async () => {
          const {drop, readCounters} = ownNamespace()
          countersBefore ??= await readCounters()
          rulesChangedAt = monotonicSeconds()
          firstDropAt ??= rulesChangedAt
          disturbed = true
          watch ??= setInterval(() => void look().catch(() => undefined), disturbedLookMilliseconds)
          return drop(what, place().port)
        }),
      pass: () =>
        step('network.pass', async () => {
          const {pass, readCounters} = ownNamespace()
          countersWhenPassing = await readCounters()
          rulesChangedAt = monotonicSeconds()
          const passing = await pass()
          const droppedFor = monotonicSeconds() - (firstDropAt ?? rulesChangedAt)
          if (droppedFor > droppedForAtMostSeconds) {
            throw new TooSlow(
              `packets were dropped for ${droppedFor.toFixed(1)} s, and their senders may have given up`,
            )
          }
          return passing
        }),
      shows: (states) =>
        wireStep(`network.shows(${JSON.stringify(states)})`, async () => {
          const bracket = await reached(states)
          disturbed = false
          clearInterval(watch)
          watch = undefined
          listeners.onCounts(await countsSinceDrop())
          return bracket
        }),
    },
    otherServer: {
      closeConnection: () =>
        wireStep('otherServer.closeConnection', async () => {
          if (otherServer === undefined) throw new Error('no other server was connected to')
          return otherServer.request('close-connection', null)
        }),
    },
    holder: {
      closeConnection: () =>
        wireStep('holder.closeConnection', async () => {
          if (holder === undefined) throw new Error('no connection was handed over')
          return holder.request('close-connection', null)
        }),
    },
    successor: {
      start: () =>
        step('successor.start', async () => {
          await restart(successor)
          return undefined
        }),
    },
    seconds: (count) =>
      step(`seconds(${count})`, async () => {
        await delay(count * 1000, undefined, {signal: over.signal}).catch(() => {
          throw new ScriptOver()
        })
        return undefined
      }),
  }

  return {
    predecessor,
    successor,
    script,
    lastWireStep: () => lastWireStep,
    stoppedAccepting: () => stoppedAccepting,
    failure,
    close: () => over.abort(),
    end,
  }
}

function actorsByRole(actors: Actor[]): [Actor, Actor, Actor] {
  const find = (role: Role) => {
    const actor = actors.find((candidate) => candidate.role === role)
    if (actor === undefined) throw new ActorFailed(`the ${role} is missing`)
    return actor
  }
  return [find('predecessor'), find('successor'), find('client')]
}
