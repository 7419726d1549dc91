import type {FreeStep, LeftAlone} from '../documents/free-schema.ts'
import {groupBy} from '../group-by.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {isHeld, socketsInTheWay} from '../why/causes.ts'
import {publishersOf} from '../why/containers.ts'
import {numberOf, type PortPicture, type PortSocket} from '../why/port-picture.ts'
import {type Protection, protectionsOf, publishedWords} from '../why/protection.ts'
import {lastRemaining, releaseRange, remainingOf} from '../why/remaining.ts'
import {endWords, holderWords} from '../why/words.ts'
import {isResidue, mayDestroy} from './residue.ts'
import {type ProcessTable, readTable, type Target, targetsOf} from './targets.ts'

/** What would free a port, and what is left alone so that it cannot be freed. */
export interface Plan {
  targets: Target[]
  /** Connections that a process has, and that end on both sides. */
  connections: PortSocket[]
  steps: FreeStep[]
  left: LeftAlone[]
  table: ProcessTable
}

/** Beyond the latest moment that the kernel's timers allow for. */
export const patienceSeconds = 5

interface Allowed {
  /** Connections of living processes may be destroyed. */
  connections: boolean
  timeoutSeconds: number
}

/** Looks, and changes nothing. */
export async function planFor(picture: PortPicture, allowed: Allowed): Promise<Plan> {
  const {platform} = picture
  const table = readTable()
  const inTheWay = socketsInTheWay(picture)
  const listeners = inTheWay.filter(({entry}) => entry.state === 'LISTEN')
  const holders = distinct(listeners)
  const targets = targetsOf(holders, table)
  const open = inTheWay.filter((socket) => isKept(socket, picture, targets))
  const canDestroy = open.every((socket) => mayDestroy(platform, picture.settings, socket))
  const connections = allowed.connections && canDestroy ? open : []
  const concerned = [...holders, ...distinct(connections)]
  const protections = protectionsOf(concerned, picture)
  const left = [
    ...(await Promise.all(
      concerned.flatMap((holder) => {
        const protection = protections.get(holder.pid)
        return protection === undefined ? [] : [leftAlone(holder, protection, picture)]
      }),
    )),
    ...listeners.flatMap((socket) =>
      socket.holders.length === 0 ? [unseenListener(socket, picture)] : [],
    ),
    ...(connections.length > 0 ? [] : open.map((socket) => openConnection(socket, picture))),
    ...(inTheWay.length === 0 ? unseen(picture) : []),
  ]
  const steps = [
    ...signalSteps(targets, allowed),
    ...connections.map(destroyStep),
    ...residueSteps(inTheWay, picture, targets.length > 0),
  ]
  const isPassing = steps.length === 0 && left.length === 0
  const all = isPassing ? passing(picture, inTheWay) : steps
  return {targets, connections, steps: all, left, table}
}

/** Whether a process has this connection that is not about to end. */
function isKept(socket: PortSocket, picture: PortPicture, targets: readonly Target[]): boolean {
  const {entry, holders} = socket
  if (entry.state === 'LISTEN' || !isHeld(socket, picture)) return false
  const ending = new Set(targets.map((target) => target.entry.pid))
  return holders.length === 0 || holders.some(({pid}) => !ending.has(pid))
}

function distinct(sockets: readonly PortSocket[]): Holder[] {
  const all = sockets.flatMap(({holders}) => holders)
  return [...new Map(all.map((holder) => [holder.pid, holder])).values()]
}

function signalSteps(targets: readonly Target[], {timeoutSeconds}: Allowed): FreeStep[] {
  return targets.map(({entry, command, starter}) => ({
    ...{what: 'signal', pid: entry.pid, command, signal: 'SIGTERM', socket: null},
    ...(starter === null ? {} : {after: starter}),
    seconds: timeoutSeconds,
  }))
}

function destroyStep({entry, holders}: PortSocket): FreeStep {
  const {state, local, remote} = entry
  const [holder] = holders
  return {
    ...{what: 'destroy', pid: holder?.pid ?? null, command: holder?.command ?? null},
    ...{signal: null, socket: {state, local, remote}, seconds: null},
  }
}

/** What passes by itself: on its way between two states, or hidden by the OS. */
function passing(picture: PortPicture, inTheWay: readonly PortSocket[]): FreeStep[] {
  return [waitStep(Math.max(patienceSeconds, remainingSeconds(inTheWay, picture)))]
}

/** How long the kernel may still keep it, by its timers, or by what it hides. */
export function remainingSeconds(
  inTheWay: readonly PortSocket[],
  {platform, settings}: PortPicture,
): number {
  if (inTheWay.length > 0) {
    const last = lastRemaining(inTheWay.map((socket) => remainingOf(socket, platform, settings)))
    return last?.[1] ?? 0
  }
  const hidden = platform.hiddenStates.map((state) => releaseRange(state, platform, settings))
  return Math.max(0, ...hidden.map((range) => range?.[1] ?? 0))
}

/** What is left without a process, now and after the server has ended. */
function residueSteps(
  inTheWay: readonly PortSocket[],
  {platform, settings}: PortPicture,
  serverEnds: boolean,
): FreeStep[] {
  const residue = inTheWay.filter(isResidue)
  // The server closes them when it ends, and so is left with TIME_WAIT.
  const open = serverEnds ? inTheWay.filter(({entry}) => entry.state === 'ESTABLISHED') : []
  const isDestroyed = [...residue, ...open].every((socket) =>
    mayDestroy(platform, settings, socket),
  )
  if (isDestroyed) return residueByEnd(residue)
  const remaining = lastRemaining(residue.map((socket) => remainingOf(socket, platform, settings)))
  const later = open.length > 0 ? releaseRange('TIME_WAIT', platform, settings) : null
  const seconds = Math.max(remaining?.[1] ?? 0, later?.[1] ?? 0)
  return seconds > 0 ? [waitStep(seconds)] : []
}

/** Many connections of one state on one local end are one step. */
export function residueByEnd(residue: readonly PortSocket[]): FreeStep[] {
  const groups = groupBy(residue, ({entry}) => `${entry.state} ${entry.local.address}`)
  return [...groups.values()].flatMap((group): FreeStep[] => {
    const [first] = group
    if (first === undefined) return []
    const {state, local} = first.entry
    const count = numberOf(group)
    return [
      {
        ...{what: 'destroy', pid: null, command: null, signal: null, count, seconds: null},
        socket: {state, local, remote: null},
      },
    ]
  })
}

export function waitStep(seconds: number | null): FreeStep {
  return {what: 'wait', pid: null, command: null, signal: null, socket: null, seconds}
}

async function leftAlone(
  holder: Holder,
  {kind, because, publishes}: Protection,
  {port}: PortPicture,
): Promise<LeftAlone> {
  const why = publishes === true ? publishedWords(await publishersOf(port), port) : because
  const {pid, command} = holder
  return {kind, pid, command, because: `${holderWords(holder)} is left alone: ${why}`}
}

function unseenListener({entry}: PortSocket, {port, uid}: PortPicture): LeftAlone {
  const remedy =
    uid === 0
      ? 'it may be in another container: look on the host'
      : `as root: sudo rebind free ${port}`
  return {
    ...{kind: 'not-visible', pid: null, command: null},
    because: `the process that listens on ${endWords(entry.local)} is not visible; ${remedy}`,
  }
}

function openConnection({entry, holders}: PortSocket, {platform}: PortPicture): LeftAlone {
  const [holder] = holders
  const who = holder === undefined ? 'a process that is not visible' : holderWords(holder)
  const how =
    platform.rules?.destroy == null
      ? 'let it close the connection, or end it'
      : '--connections destroys it, as root, for both ends'
  return {
    ...{kind: 'connection', pid: holder?.pid ?? null, command: holder?.command ?? null},
    because: `${who} has an open connection on the port (${entry.state}, to ${endWords(entry.remote)}); ${how}`,
  }
}

/** Refused, and nothing is to be seen that refuses it. */
function unseen({platform, trials, port}: PortPicture): LeftAlone[] {
  const isRefused = trials.some(({bind, observed}) => bind === 'none' && observed === 'EADDRINUSE')
  if (!isRefused || platform.hiddenStates.length > 0) return []
  return [
    {
      ...{kind: 'not-visible', pid: null, command: null},
      because: `what is on the port is not visible, most likely a socket that is bound and does not listen; rebind why ${port} says more`,
    },
  ]
}
