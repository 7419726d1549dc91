import type {Socket} from 'node:net'
import {setTimeout as delay} from 'node:timers/promises'
import {type Bracket, monotonicSeconds} from '../clock.ts'
import {ActorFailed, type Role} from '../processes/launch.ts'
import type {Connect, RequestName, ServerToOpen} from '../processes/protocol.ts'
import type {Script} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'
import type {LocalPort} from '../sockets/connect.ts'
import {type Cast, ScriptOver} from './cast.ts'
import type {Network} from './network.ts'
import type {PortWatch} from './port-watch.ts'
import type {Recording} from './recording.ts'
import type {Trial} from './trial.ts'

/** On loopback an answer comes within microseconds; an OS that gives none lets a SYN go unanswered for a minute. */
export const reconnectWithinSeconds = 3

export interface ScriptOptions {
  cast: Cast
  watch: PortWatch
  network: Network
  trial: Trial
  recording: Recording
  /** Where the predecessor listens. */
  place: {address: string; port: number}
  /** What the successor is to open. */
  successor: ServerToOpen
  /** Whether it is of node:http. */
  http: boolean
  /** How the client binds its local port; undefined if it leaves that to connect(). */
  clientSocket: Pick<LocalPort, 'opener' | 'bind'> | undefined
  /** A port that is proven free. */
  takePort(): Promise<number>
  /** What a server in that role says to its clients, before its pid. */
  greeting(role: Role): string
  /** The client's first reconnection is what this story is about: nobody binds. */
  clientRestarts: boolean
  /** Aborted when the outcome is known: every further step is refused. */
  over: AbortSignal
}

/** What a deed was, in addition to when: whether it changed the connection, and ended the accepting. */
type Deed = Bracket & {wire?: true; stopsAccepting?: true}
type Act = () => Promise<Deed | undefined>

/** The requests that take nothing, and give the time that the deed took. */
type PlainRequest = Extract<RequestName, 'abort' | 'close-both-ends' | `${string}-connection`>

/** How a step is taken: the deed, its event, and a wait until nothing is in flight any more. */
function openSteps({cast, watch, recording, over}: ScriptOptions) {
  async function step(name: string, act: Act): Promise<void> {
    if (over.aborted) throw new ScriptOver()
    const from = monotonicSeconds()
    const deed = (await act()) ?? {from, to: monotonicSeconds()}
    const {wire, stopsAccepting, to} = deed
    recording.append(
      {
        ...{event: 'step', step: name, tookSeconds: Math.max(0, to - deed.from)},
        ...(wire === true ? {wire} : {}),
        ...(stopsAccepting === true ? {stopsAccepting} : {}),
      },
      to,
    )
    await watch.settle()
  }

  /** A step that changes the connection, and so the residue. */
  const wire = (name: string, act: () => Promise<Bracket>) =>
    step(name, async () => ({...(await act()), wire: true}))

  /** A row: the step, who is asked, for what. */
  const asks = (name: string, role: Role, request: PlainRequest) => () =>
    wire(name, () => cast.of(role).request(request, null))

  return {step, wire, asks}
}

type Steps = ReturnType<typeof openSteps>

/** The steps of a scenario. Most are a row: who is asked for what. */
export function openScript(options: ScriptOptions): Script {
  const {network, trial, place, over} = options
  const steps = openSteps(options)
  const {step, wire, asks} = steps
  return {
    server: serverSteps(steps, options),
    client: clientSteps(steps, options),
    network: {
      drop: (what) => step(`network.drop(${what})`, () => network.drop(what, place.port)),
      destroy: (state) =>
        step(`network.destroy(${state})`, () => network.destroy(state, place.port)),
      pass: () => step('network.pass', () => network.pass()),
      shows: (states) =>
        wire(`network.shows(${JSON.stringify(states)})`, () => network.shows(states)),
    },
    otherServer: {
      closeConnection: asks('otherServer.closeConnection', 'other-server', 'close-connection'),
    },
    holder: {closeConnection: asks('holder.closeConnection', 'holder', 'close-connection')},
    successor: {
      start: () =>
        step('successor.start', async () => {
          await trial.start(options.successor)
          return undefined
        }),
    },
    seconds: (count) =>
      step(`seconds(${count})`, async () => {
        await delay(count * 1000, undefined, {signal: over}).catch(() => {
          throw new ScriptOver()
        })
        return undefined
      }),
  }
}

function serverSteps({step, asks}: Steps, {cast}: ScriptOptions): Script['server'] {
  /** The predecessor's end, however it was told to; its open connections close with it. */
  async function leave(from: number): Promise<Bracket & {stopsAccepting: true}> {
    const {seconds} = await cast.of('predecessor').ended
    return {from, to: seconds, stopsAccepting: true}
  }

  return {
    closeConnection: asks('server.closeConnection', 'predecessor', 'close-connection'),
    destroyConnection: asks('server.destroyConnection', 'predecessor', 'destroy-connection'),
    abortConnection: asks('server.abortConnection', 'predecessor', 'abort-connection'),
    handOverConnection: (to = 'a holder') =>
      step(`server.handOverConnection(${to})`, async () => {
        const receiver = to === 'a holder' ? await cast.enter('holder') : cast.of('client')
        const predecessor = cast.of('predecessor')
        const [, connection]: [Bracket, Socket] = await Promise.all([
          predecessor.request('hand-over-connection', null),
          predecessor.connection,
        ])
        return receiver.request('take-connection', null, connection)
      }),
    stopListening: () =>
      step('server.stopListening', async () => {
        const bracket = await cast.of('predecessor').request('stop-listening', null)
        return {...bracket, stopsAccepting: true}
      }),
    exit: () =>
      step('server.exit', async () => {
        const predecessor = cast.of('predecessor')
        cast.letLeave(predecessor)
        const from = monotonicSeconds()
        const {openConnections} = await predecessor.request('exit', null)
        const bracket = await leave(from)
        const {code, signal} = await predecessor.ended
        if (code !== 0) {
          throw new ActorFailed(`the predecessor ended with ${signal ?? code}, not 0`)
        }
        return openConnections > 0 ? {...bracket, wire: true} : bracket
      }),
    kill: () =>
      step('server.kill', async () => {
        const predecessor = cast.of('predecessor')
        cast.letLeave(predecessor)
        const from = monotonicSeconds()
        predecessor.kill()
        return {...(await leave(from)), wire: true}
      }),
  }
}

function clientSteps({step, wire, asks}: Steps, options: ScriptOptions): Script['client'] {
  const {cast, watch, trial, recording, place, takePort} = options
  const http = options.http ? {http: true} : {}
  const target = {host: clientHost(place.address), port: place.port, hold: false, ...http}
  let ownPort: number | undefined

  /** The client's own port, bound before it connects, if the scenario has it so. */
  async function fromOwnPort(port?: number): Promise<Pick<Connect, 'from'>> {
    if (options.clientSocket === undefined) return {}
    ownPort ??= await takePort()
    // The server may listen on a wildcard address; the client never binds one.
    return {from: {...options.clientSocket, address: target.host, port: port ?? ownPort}}
  }

  return {
    connect: ({hold = false} = {}) =>
      step('client.connect', async () =>
        cast.of('client').request('connect', {...target, hold, ...(await fromOwnPort())}),
      ),
    connectElsewhere: () =>
      wire('client.connectElsewhere', async () => {
        const other = await cast.enter('other-server')
        const [port, address] = [await takePort(), target.host]
        await other.request('listen', {
          ...{opener: 'node', bind: 'none', address, port, reads: true},
          greeting: options.greeting('other-server'),
        })
        const from = await fromOwnPort(place.port)
        return cast.of('client').request('connect', {...target, port, ...from})
      }),
    reconnect: (from) =>
      step(`client.reconnect(${from})`, async () => {
        // Where it is the client that restarts, this is the first thing to be tried.
        const isFirst = recording.observation().calls.length === 0
        if (options.clientRestarts && isFirst) await watch.lookAtResidue()
        const other = from === 'the same port' ? undefined : await takePort()
        const {calls, ...bracket} = await cast.of('client').request('try-to-connect', {
          ...target,
          ...(await fromOwnPort(other)),
          withinSeconds: reconnectWithinSeconds,
        })
        for (const {seconds: tookSeconds, ...call} of calls) {
          recording.append({event: 'call', from, ...call, tookSeconds}, bracket.to)
        }
        return bracket
      }),
    restart: () =>
      step('client.restart', async () => {
        const client = cast.of('client')
        cast.letLeave(client)
        await client.request('exit', null)
        await client.ended
        await cast.enter('client')
        return undefined
      }),
    retry: (times) =>
      step(`client.retry(${times})`, async () => {
        const asked = {...target, times}
        const {counts, ...bracket} = await cast.of('client').request('retry', asked)
        recording.append({event: 'counts', ...counts})
        return {...bracket, wire: true}
      }),
    queue: (connections) =>
      step(`client.queue(${connections})`, () =>
        cast.of('client').request('queue', {...target, connections}),
      ),
    countQueued: () =>
      step('client.countQueued', async () => {
        const {counts, ...bracket} = await cast.of('client').request('count-queued', null)
        recording.append({event: 'counts', ...counts})
        return bracket
      }),
    countAnswers: (connections, host) =>
      step(`client.countAnswers(${connections})`, async () => {
        const asked = {...target, ...(host === undefined ? {} : {host}), connections}
        const {counts, ...bracket} = await cast.of('client').request('count-answers', asked)
        recording.append({event: 'counts', ...counts})
        return bracket
      }),
    keepConnecting: () =>
      step('client.keepConnecting', () => {
        watch.expectTraffic(true)
        return cast.of('client').request('keep-connecting', target)
      }),
    stopConnecting: () =>
      step('client.stopConnecting', async () => {
        const {counts, ...bracket} = await cast.of('client').request('stop-connecting', null)
        watch.expectTraffic(false)
        recording.append({event: 'counts', ...counts})
        return bracket
      }),
    send: (text) => step('client.send', () => cast.of('client').request('send', {text})),
    close: ({witness = false} = {}) =>
      wire('client.close', async () => {
        const bracket = await cast.of('client').request('close', null)
        if (witness) await trial.leaveWitness()
        return bracket
      }),
    sendFin: () => wire('client.sendFin', () => cast.of('client').request('send-fin', null)),
    closeBothEnds: asks('client.closeBothEnds', 'client', 'close-both-ends'),
    abort: asks('client.abort', 'client', 'abort'),
  }
}
