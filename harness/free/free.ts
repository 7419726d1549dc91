import {setTimeout as delay} from 'node:timers/promises'
import type {Free, FreeStep} from '../documents/free-schema.ts'
import type {Machine} from '../documents/host.ts'
import {ancestorsOf} from '../processes/process-details.ts'
import {commandLineOf} from '../processes/process-table.ts'
import type {Address} from '../sockets/address.ts'
import {plainBindRefusal} from '../why/bind-trials.ts'
import {programName} from '../why/names.ts'
import {lookAtPort, type PortSocket} from '../why/port-picture.ts'
import {protectionsOf} from '../why/protection.ts'
import {holderWords} from '../why/words.ts'
import {endTargets, type Held, openTargets} from './end-targets.ts'
import {type Looking, listenersIn, liveListenerIn, type Problem, stillRefused} from './looking.ts'
import {outlastResidue} from './outlast-residue.ts'
import {outlastWork} from './outlast-work.ts'
import {type Plan, planFor} from './plan.ts'
import {destroySockets} from './residue.ts'
import {readTable} from './targets.ts'

export interface FreeOptions extends Omit<Looking, 'isFree' | 'look'> {
  addresses: readonly Address[]
  /** Connections of living processes may be destroyed. */
  connections: boolean
}

const lookAgainMilliseconds = 1000

/** To wait changes nothing, so nobody was asked about a plan of nothing else. */
export function changesAnything({steps}: Pick<Plan, 'steps'>): boolean {
  return steps.some(({what}) => what !== 'wait')
}

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

/** Does it. @returns what came of it */
async function carryOut(plan: Plan, options: FreeOptions, machine: Machine): Promise<Outcome> {
  const did: FreeStep[] = []
  const looking: Looking = {
    ...options,
    isFree: () => plainBindRefusal(options.port, options.addresses) === undefined,
    look: () => lookAtPort(options.port, options.addresses, machine.platform, machine.settings),
  }
  const held = openTargets(plan.targets)
  try {
    const problem =
      (await endListeners(held, looking, did)) ??
      destroyConnections(plan, options.port, did) ??
      (await outlastWork(held, looking, did)) ??
      (await outlastResidue(looking, did, changesAnything(plan))) ??
      (plan.targets.length > 0 ? await isTakenAgain(looking) : undefined)
    if (problem === undefined) return {freed: true, did, because: 'a plain bind is granted'}
    if ('because' in problem) return {freed: false, did, ...problem}
    return {freed: false, did, ...restart(problem, plan, options, machine)}
  } finally {
    for (const {handle} of held) handle.close()
  }
}

async function endListeners(
  held: readonly Held[],
  looking: Looking,
  did: FreeStep[],
): Promise<Problem | undefined> {
  const holders = async () => {
    const listening = listenersIn(await looking.look())
    return new Set(listening.flatMap((socket) => socket.holders.map(({pid}) => pid)))
  }
  const because = await endTargets(held, {...looking, holders}, did)
  return because === undefined ? undefined : {because}
}

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

/** A supervisor starts a server again at once, as a rule. @returns who listens then */
async function isTakenAgain({port, signal, isFree, look}: Looking): Promise<Problem | undefined> {
  await delay(lookAgainMilliseconds, undefined, {signal}).catch(() => undefined)
  if (isFree()) return undefined
  return liveListenerIn(await look()) ?? stillRefused(port)
}

/** Somebody listens again: who started that one, if it also started the one that was ended. */
function restart(
  {holders}: PortSocket,
  {targets, table}: Plan,
  {port}: FreeOptions,
  {platform}: Machine,
): Pick<Free, 'because' | 'restartedBy'> {
  const [holder] = holders
  if (holder === undefined) return {because: 'a process that is not visible listens on it now'}
  const before = new Set(
    targets.flatMap(({entry}) => ancestorsOf(entry.pid, table)).map(identityOf),
  )
  const above = ancestorsOf(holder.pid, readTable())
  const starter = above.find((entry) => before.has(identityOf(entry)))
  if (starter === undefined) return {because: `${holderWords(holder)} listens on it now`}
  const {pid, parent} = starter
  const command = commandLineOf(pid) ?? null
  const asHolder = {pid, parent, uid: null, user: null, command: command ?? ''}
  const protection = protectionsOf([asHolder], {platform, port, uid: null}).get(pid)
  const how = protection === undefined ? 'stop that instead' : protection.because
  return {
    because: `restarted by ${programName(command ?? 'a process')} (pid ${pid}): ${how}`,
    restartedBy: {pid, command},
  }
}

function identityOf({pid, started}: {pid: number; started: string}): string {
  return `${pid} ${started}`
}
