import type {Cause} from '../documents/why-schema.ts'
import {counted} from '../documents/words.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {isKernelHeld} from '../platforms/tcp-states.ts'
import {userName} from '../platforms/users.ts'
import {distinct, type Inference, obstacleOf, predecessorOf, questionOver} from './inference.ts'
import {isItsOwnPeer} from './outgoing.ts'
import {numberOf, type PortPicture, type PortSocket, plainTrials} from './port-picture.ts'
import {proxyOf} from './proxies.ts'
import {endWords, holderWords} from './words.ts'

/** The sockets that refuse a plain bind on some of the addresses, all of them where there are no rules. */
export function socketsInTheWay({
  sockets,
  addresses,
  platform: {rules},
  uid,
}: PortPicture): PortSocket[] {
  if (sockets === null) return []
  if (rules === null) return sockets
  const verdicts = new Map<string, boolean>()
  const refuses = (socket: PortSocket) => {
    const obstacle = obstacleOf(socket, uid)
    const key = `${obstacle.state} ${obstacle.address}`
    const known = verdicts.get(key)
    if (known !== undefined) return known
    const predecessor = predecessorOf(obstacle, {bind: 'none', dualStack: true})
    const refused = addresses.some(
      (address) =>
        rules.bind({residue: obstacle.state, predecessor, successor: {bind: 'none', address}})
          .outcome !== 'granted',
    )
    verdicts.set(key, refused)
    return refused
  }
  return sockets.filter(refuses)
}

/** Why a plain bind is refused, the gravest first; empty if it is granted everywhere. */
export function findCauses(
  picture: PortPicture,
  inTheWay: readonly PortSocket[],
  inference: Inference | undefined,
): Cause[] {
  const refusals = new Set(
    plainTrials(picture)
      .filter(({observed}) => observed !== 'granted')
      .map(({observed}) => observed),
  )
  if (picture.trials.length > 0 && refusals.size === 0) return []
  const inUse = refusals.has('EADDRINUSE')
  return [
    ...[...refusals]
      .filter((code) => code !== 'EADDRINUSE')
      .map((code) => errorCause(picture, code)),
    ...(inUse || refusals.size === 0 || refusals.has('EACCES')
      ? socketCauses(picture, inTheWay, inference)
      : []),
    ...(inUse && inTheWay.length === 0 ? [invisibleCause(picture)] : []),
  ]
}

/** What the sockets in the way are, those alike put together. */
function socketCauses(
  picture: PortPicture,
  inTheWay: readonly PortSocket[],
  inference: Inference | undefined,
): Cause[] {
  const groups = new Map<string, PortSocket[]>()
  for (const socket of inTheWay) {
    const {entry, holders, outgoing} = socket
    const who = holders.map(({pid}) => pid).join(' ') || `uid ${entry.uid ?? '-'}`
    const where = entry.state === 'LISTEN' ? entry.local.address : ''
    const key = `${outgoing} ${isItsOwnPeer(entry)} ${entry.state} ${where} ${who}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [socket])
    else group.push(socket)
  }
  return [...groups.values()]
    .map((group): Cause => {
      const [first] = group
      if (first === undefined) throw new TypeError('a group has at least one socket')
      return {
        ...describe(first, numberOf(group), picture),
        sockets: numberOf(group),
        ...ruleOf(first, picture, inference),
      }
    })
    .sort((a, b) => rank(a) - rank(b))
}

const order: readonly Cause['kind'][] = [
  'listener',
  'self-connection',
  'outgoing-connection',
  'open-connection',
  'closed-connection',
]

function rank({kind}: Cause): number {
  return order.indexOf(kind)
}

/** The condition of the OS that refuses a plain bind over this socket. */
function ruleOf(
  socket: PortSocket,
  {platform: {rules}, addresses, uid}: PortPicture,
  inference: Inference | undefined,
): Pick<Cause, 'rule' | 'because' | 'source'> {
  const obstacle = obstacleOf(socket, uid)
  // Unless nothing else explains the answers, the user of the socket is not the reason.
  const foreign = inference?.foreign === true
  const assumption = {...(inference?.example ?? {bind: 'none', dualStack: true}), foreign}
  for (const address of addresses) {
    const successor = {bind: 'none', address} as const
    const rule = rules?.bind(questionOver(obstacle, assumption, successor, {isRoot: uid === 0}))
    if (rule !== undefined && rule.outcome !== 'granted') {
      return {rule: rule.id, because: rule.because, source: rule.source}
    }
  }
  return {}
}

function describe(
  socket: PortSocket,
  count: number,
  picture: PortPicture,
): Pick<Cause, 'kind' | 'text'> {
  const {entry, outgoing} = socket
  const {state} = entry
  const port = `port ${picture.port}`
  if (state === 'LISTEN') return listenerCause(socket, picture)
  const who = whoWords(socket, picture)
  const connections = counted(count, 'connection')
  const toWhom = count === 1 ? ` to ${endWords(entry.remote)}` : ''
  const them = count === 1 ? 'it' : 'them'
  const held = isHeld(socket, picture)
  if (isItsOwnPeer(entry)) return selfConnectionCause(socket, picture)
  if (outgoing) {
    return {
      kind: 'outgoing-connection',
      text: held
        ? `${connections}${toWhom} went out from ${port} (${state}), most likely not a server's: ${who} has ${them}. The OS or the program chose ${port} as the local end.`
        : `${connections}${toWhom} that most likely went out from ${port} ${verb(count)} over, but not forgotten yet (${state}). The OS or the program had chosen ${port} as the local end.`,
    }
  }
  if (held) {
    return {
      kind: 'open-connection',
      text:
        state === 'CLOSE_WAIT'
          ? `${connections} on ${port} that the other side has closed and this side has not (${state}): ${who} still has ${them} open.`
          : `${connections} on ${port} still open (${state}): ${who} has ${them}.`,
    }
  }
  return {kind: 'closed-connection', text: closedWords(state, connections, count, port)}
}

function listenerCause(socket: PortSocket, picture: PortPicture): Pick<Cause, 'kind' | 'text'> {
  const {entry, holders} = socket
  const proxy = holders.map(proxyOf).find((name) => name !== undefined)
  const forWhom =
    proxy === undefined
      ? ''
      : ` It is a proxy of ${proxy}: the server itself runs in a container or elsewhere, and this port is published for it.`
  return {
    kind: 'listener',
    text: `A server is running: ${whoWords(socket, picture)} listens on ${endWords(entry.local)}.${forWhom}`,
  }
}

function selfConnectionCause(
  socket: PortSocket,
  picture: PortPicture,
): Pick<Cause, 'kind' | 'text'> {
  const port = `port ${picture.port}`
  const now = isHeld(socket, picture)
    ? `${whoWords(socket, picture)} has it`
    : 'No process has it any more, and the kernel forgets it by itself'
  return {
    kind: 'self-connection',
    text: `A client on ${port} was connected to itself (${socket.entry.state}): it retried while no server listened, until the OS chose ${port} as its local port, too. ${now}.`,
  }
}

/** Connections that no process has any more. */
function closedWords(
  state: PortSocket['entry']['state'],
  connections: string,
  count: number,
  port: string,
): string {
  const noProcess = `No process has ${count === 1 ? 'it' : 'them'} any more, so there is nothing to stop`
  if (state === 'TIME_WAIT') {
    return `${connections} on ${port} ${verb(count)} over, but not forgotten yet (TIME_WAIT): the side that closes first has to remember a connection for a while, so that stray packets are not mistaken for a new connection's. ${noProcess}: the kernel forgets by itself.`
  }
  if (state === 'FIN_WAIT2') {
    return `${connections} on ${port} ${verb(count)} closed on this side, but not by the client (FIN_WAIT2). ${noProcess}: the kernel gives up waiting by itself; if the client closes before that, TIME_WAIT follows.`
  }
  if (isKernelHeld(state) || state === 'FIN_WAIT1') {
    return `${connections} on ${port} ${verb(count)} closed here, and the kernel still waits for the other side to confirm it (${state}). ${noProcess}: it ends when the other side answers, or when the kernel gives up repeating.`
  }
  return `${connections} on ${port} that the server has not accepted yet (${state}): ${count === 1 ? 'it ends' : 'they end'} with the server that listens.`
}

/** Nothing of the port is to be seen, and yet it is taken. */
function invisibleCause({platform, port, sockets, problems, refusal}: PortPicture): Cause {
  const {hiddenStates, title} = platform
  if (problems.sockets !== undefined) {
    return {
      kind: 'not-visible',
      text: `Something is on port ${port}; what it is could not be looked at.`,
    }
  }
  if (sockets === null) {
    return {
      kind: 'not-visible',
      text: `Something is on port ${port}; ${title} does not let us see what.`,
    }
  }
  if (hiddenStates.length > 0) {
    return {
      kind: 'not-visible',
      text: `Something is on port ${port} that ${title} does not show: it hides connections that no process has any more (${hiddenStates.join(', ')}). Most likely a server was here a moment ago, and the kernel has not forgotten its connections yet.`,
    }
  }
  return {
    kind: 'not-visible',
    text: `Something is on port ${port}, but no socket of it is to be seen. Most likely a process has bound the port and neither listens nor is connected yet; ${title} leaves such sockets out of its table${platform.stack === 'linux' ? ' (a newer ss shows them: ss -tanpB)' : ''}.${refusal === undefined ? '' : ' Or it was gone before anybody looked.'}`,
  }
}

function errorCause({platform, port, settings, addresses}: PortPicture, code: string): Cause {
  if (code === 'EACCES' && port < platform.firstUnprivilegedPort(settings)) {
    return {
      kind: 'privileged-port',
      text: `Port ${port} is privileged: on this machine ports below ${platform.firstUnprivilegedPort(settings)} are for root, or for a program with the capability (EACCES).`,
    }
  }
  if (code === 'EADDRNOTAVAIL') {
    return {
      kind: 'address-not-local',
      text: `${addresses.join(', ')} is not an address of this machine (EADDRNOTAVAIL); nobody can listen on it here, on any port.`,
    }
  }
  return {
    kind: 'other-error',
    text: `The bind was refused with ${code}, which has nothing to do with other sockets${code === 'EACCES' || code === 'EPERM' ? ': a security policy (a sandbox, SELinux, cgroup rules) forbids it' : ''}.`,
  }
}

/** Whether a process has it, be it one that we may not see. */
export function isHeld(
  {entry, holders}: Pick<PortSocket, 'entry' | 'holders'>,
  {unseenProcesses}: PortPicture,
): boolean {
  // Where the OS shows no inodes, the state has to tell.
  const tells = unseenProcesses !== null
  return holders.length > 0 || (tells ? entry.inode !== undefined : !isKernelHeld(entry.state))
}

/** The process that has the socket, or as much as can be said of it. */
function whoWords({entry, holders}: PortSocket, picture: PortPicture): string {
  const [first, ...others] = holders
  if (first !== undefined) {
    const more = others.length === 0 ? '' : ` (and ${others.length} more: ${pidList(others)})`
    return `${holderWords(first)}${more}`
  }
  const owner = entry.uid === undefined ? '' : ` of ${userWords(entry.uid)}`
  return picture.unseenProcesses === 0
    ? `a process${owner} that is not visible from here (in another container?)`
    : `a process${owner} that we may not look into`
}

function pidList(holders: readonly Holder[]): string {
  const shown = holders.slice(0, 8).map(({pid}) => pid)
  return `${shown.join(', ')}${holders.length > shown.length ? ' ...' : ''}`
}

function userWords(uid: number): string {
  const name = userName(uid)
  return name === null ? `uid ${uid}` : `user ${name}`
}

function verb(count: number): string {
  return count === 1 ? 'is' : 'are'
}

/** Each kind of obstacle once, for the rules. */
export function obstaclesOf(sockets: readonly PortSocket[], uid: number | null) {
  return distinct(sockets.map((socket) => obstacleOf(socket, uid)))
}
