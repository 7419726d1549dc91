import {setTimeout as delay} from 'node:timers/promises'
import {monotonicSeconds} from '../clock.ts'
import type {Free, FreeStep} from '../documents/free-schema.ts'
import type {Machine} from '../documents/host.ts'
import {ancestorsOf} from '../processes/process-details.ts'
import {commandLineOf} from '../processes/process-table.ts'
import type {Address} from '../sockets/address.ts'
import {plainBindRefusal} from '../why/bind-trials.ts'
import {socketsInTheWay} from '../why/causes.ts'
import {lookAtPort, type PortPicture, type PortSocket} from '../why/port-picture.ts'
import {holderWords} from '../why/words.ts'
import {endTargets} from './end-targets.ts'
import {isWrapper, programName} from './names.ts'
import {
  type Plan,
  patienceSeconds,
  planFor,
  remainingSeconds,
  residueByEnd,
  waitStep,
} from './plan.ts'
import {destroySockets, isResidue} from './residue.ts'
import {readTable} from './targets.ts'

export interface FreeOptions {
  port: number
  addresses: readonly Address[]
  /** Connections of living processes may be destroyed. */
  connections: boolean
  /** How long a process may take to end before SIGKILL. */
  timeoutSeconds: number
  signal: AbortSignal
  /** Told what is waited for, a line each. */
  tell(line: string): void
}

/** A refused bind costs microseconds, and the kernel lets go between two looks. */
const tryEveryMilliseconds = 50
const lookEverySeconds = 0.5
/** A supervisor starts a server again at once, as a rule. */
const lookAgainMilliseconds = 1000

/** What stands between a port and a plain bind, and what would free it. Nothing is changed. */
export interface Prepared {
  plan: Plan
  /** The document if nothing more is done. */
  document: Free
  /** Ends what the plan says. @returns the document */
  carryOut(): Promise<Free>
}

export async function prepare(options: FreeOptions, machine: Machine): Promise<Prepared> {
  const {port, addresses} = options
  const {platform, settings, host} = machine
  const picture = await lookAtPort(port, addresses, platform, settings)
  const refusal = plainBindRefusal(port, addresses)
  const plan = await planFor(picture, options)
  const blank: Free = {
    ...{format: 'rebind-free', version: 1, host, port, freed: refusal === undefined},
    plan: refusal === 'EADDRINUSE' ? plan.steps : [],
    did: [],
    left: refusal === 'EADDRINUSE' ? plan.left : [],
    because: outcomeOf(refusal, plan),
  }
  return {
    plan,
    document: blank,
    carryOut: async () => ({...blank, ...(await carryOut(plan, options, machine))}),
  }
}

function outcomeOf(refusal: string | undefined, {left}: Plan): string {
  if (refusal === undefined) return 'a plain bind is granted'
  if (refusal !== 'EADDRINUSE') {
    return `a plain bind is refused with ${refusal}, which has nothing to do with what is on the port`
  }
  return left.length > 0 ? 'something on it is left alone' : 'nothing was done'
}

type Outcome = Pick<Free, 'freed' | 'did' | 'because' | 'restartedBy'>

async function carryOut(plan: Plan, options: FreeOptions, machine: Machine): Promise<Outcome> {
  const did: FreeStep[] = []
  const outcome = (freed: boolean, because: string): Outcome => ({freed, did, because})
  const {port, addresses, signal} = options
  const isFree = () => plainBindRefusal(port, addresses) === undefined
  const holders = async () => {
    const listening = listenersIn(await look(options, machine))
    return new Set(listening.flatMap((socket) => socket.holders.map(({pid}) => pid)))
  }
  const ended = await endTargets(plan.targets, {...options, isFree, holders})
  did.push(...ended.did)
  if (ended.problem !== undefined) return outcome(false, ended.problem)
  const problem =
    destroyConnections(plan, port, did) ?? (await outlastResidue(plan, options, machine, did))
  if (signal.aborted) return outcome(false, 'interrupted')
  if (problem !== undefined) return {...outcome(false, problem.because), ...problem}
  if (plan.targets.length > 0) {
    await delay(lookAgainMilliseconds, undefined, {signal}).catch(() => undefined)
    if (!isFree()) {
      const [newcomer] = listenersIn(await look(options, machine))
      const again = newcomer === undefined ? stillRefused(port) : restart(newcomer, plan)
      return {...outcome(false, again.because), ...again}
    }
  }
  return outcome(true, 'a plain bind is granted')
}

function look({port, addresses}: FreeOptions, {platform, settings}: Machine) {
  return lookAtPort(port, addresses, platform, settings)
}

function listenersIn(picture: PortPicture): PortSocket[] {
  return socketsInTheWay(picture).filter(({entry}) => entry.state === 'LISTEN')
}

type Problem = Pick<Free, 'because' | 'restartedBy'>

/** @returns why the kernel does not do it */
function destroyConnections(
  {connections, steps}: Plan,
  port: number,
  did: FreeStep[],
): Problem | undefined {
  if (connections.length === 0) return undefined
  const {destroyed, isRefused} = destroySockets(port, connections)
  const ends = new Set(destroyed.map(({remote}) => `${remote.address} ${remote.port}`))
  did.push(
    ...steps.filter(
      ({what, socket}) =>
        what === 'destroy' && ends.has(`${socket?.remote?.address} ${socket?.remote?.port}`),
    ),
  )
  if (!isRefused) return undefined
  return {because: 'the kernel does not destroy its connections for us (SOCK_DESTROY)'}
}

/** Destroys what no process has, or waits until the kernel lets go. @returns why the port cannot be freed */
async function outlastResidue(
  plan: Plan,
  options: FreeOptions,
  machine: Machine,
  did: FreeStep[],
): Promise<Problem | undefined> {
  const {port, addresses, signal, tell} = options
  const {platform} = machine
  let canDestroy = platform.rules?.destroy != null
  let waitsSince: number | undefined
  let isHidden = false
  let until = monotonicSeconds() + patienceSeconds
  const waited = () => {
    if (waitsSince !== undefined) did.push(waitStep(monotonicSeconds() - waitsSince))
  }
  while (!signal.aborted) {
    if (plainBindRefusal(port, addresses) === undefined) break
    const picture = await look(options, machine)
    const [listener] = listenersIn(picture)
    // One without a process is of a process that is just ending.
    if (listener !== undefined && listener.holders.length > 0) {
      waited()
      return restart(listener, plan)
    }
    const inTheWay = socketsInTheWay(picture)
    const residue = inTheWay.filter(isResidue)
    if (canDestroy && residue.length > 0) {
      const {destroyed, isRefused} = destroySockets(port, residue)
      did.push(...residueByEnd(destroyed.map((entry) => ({entry, holders: [], outgoing: false}))))
      canDestroy = !isRefused && destroyed.length > 0
      if (canDestroy) continue
    }
    const now = monotonicSeconds()
    const remaining = remainingSeconds(inTheWay, picture)
    if (waitsSince === undefined && remaining > 0) {
      waitsSince = now
      tell(`waits at most ${Math.ceil(remaining)} s until the kernel lets go of port ${port}`)
    }
    // What the OS hides has no timer to be seen: it is waited for once.
    if (inTheWay.length > 0 || !isHidden) {
      until = Math.max(until, now + remaining + (remaining > 0 ? patienceSeconds : 0))
    }
    isHidden ||= inTheWay.length === 0 && remaining > 0
    if (now > until) {
      waited()
      return stillRefused(port)
    }
    await untilFreeOr(now + lookEverySeconds, options)
  }
  waited()
  return undefined
}

function stillRefused(port: number): Problem {
  return {because: `it is still refused; rebind why ${port} shows what is on it`}
}

async function untilFreeOr(
  deadline: number,
  {port, addresses, signal}: FreeOptions,
): Promise<void> {
  while (monotonicSeconds() < deadline && !signal.aborted) {
    if (plainBindRefusal(port, addresses) === undefined) return
    await delay(tryEveryMilliseconds, undefined, {signal}).catch(() => undefined)
  }
}

/** Somebody listens again: who started that one, if it also started the one that was ended. */
function restart({holders}: PortSocket, {targets, table}: Plan): Problem {
  const [holder] = holders
  if (holder === undefined) return {because: 'a process that is not visible listens on it now'}
  const before = new Set(
    targets.flatMap(({entry}) => ancestorsOf(entry.pid, table)).map(identityOf),
  )
  const above = ancestorsOf(holder.pid, readTable())
  const starter = above.find(
    (entry) => before.has(identityOf(entry)) && !isWrapper(commandLineOf(entry.pid) ?? ''),
  )
  if (starter === undefined) return {because: `${holderWords(holder)} listens on it now`}
  const command = commandLineOf(starter.pid) ?? null
  return {
    because: `restarted by ${programName(command ?? 'a process')} (pid ${starter.pid}): stop that instead`,
    restartedBy: {pid: starter.pid, command},
  }
}

function identityOf({pid, started}: {pid: number; started: string}): string {
  return `${pid} ${started}`
}
