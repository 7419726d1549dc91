import {networkInterfaces} from 'node:os'
import type {Advice} from '../documents/why-schema.ts'
import {counted} from '../documents/words.ts'
import {greatestOf} from '../extremes.ts'
import type {Holder} from '../platforms/socket-holders.ts'
import {type BindOption, optionNames} from '../sockets/bind-options.ts'
import {isHeld, obstaclesOf} from './causes.ts'
import {type Inference, type Obstacle, predecessorOf, questionOver} from './inference.ts'
import {isItsOwnPeer} from './outgoing.ts'
import {type PortPicture, type PortSocket, plainTrials} from './port-picture.ts'
import {leaveAlone} from './protection.ts'
import {proxyOf} from './proxies.ts'
import type {PortRefusal} from './refusal.ts'
import {type Remaining, releaseRange} from './remaining.ts'
import {suspectsOf} from './suspects.ts'
import {holderWords, remainingWords} from './words.ts'

export interface Situation {
  picture: PortPicture
  bindable: boolean | null
  inTheWay: readonly PortSocket[]
  inference: Inference | undefined
  freeIn: Remaining | null
}

const shownElsewhere = 5

/** What to do about it, the best first. Nothing of it is done here. */
export function adviceFor(situation: Situation): Advice[] {
  const {bindable} = situation
  if (bindable === true) {
    return [...startAdvice(situation), ...bugAdvice(situation), ...portAdvice(situation)]
  }
  return [
    ...suspectAdvice(situation),
    ...privilegeAdvice(situation),
    ...stopAdvice(situation),
    ...waitAdvice(situation),
    ...peerAdvice(situation),
    ...optionAdvice(situation),
    ...bugAdvice(situation),
    ...addressAdvice(situation),
    ...portAdvice(situation),
  ]
}

function suspectAdvice({picture: {platform, port}}: Situation): Advice[] {
  return suspectsOf(platform.stack, port).map((text) => ({kind: 'note', text}))
}

function startAdvice({picture}: Situation): Advice[] {
  const {platform, settings, port, uid} = picture
  const first = platform.firstUnprivilegedPort(settings)
  const advice: Advice[] = [{kind: 'start', text: 'Start the server: nothing is in its way.'}]
  if (port < first && uid === 0) {
    advice.push({
      kind: 'use-privilege',
      text: `Ports below ${first} are granted to root only: the server must be started as root, or be given the capability, as this command was.`,
    })
  }
  return advice
}

/** Each process that has a socket in the way, with what it does there; said to the user, never done here. */
function stopAdvice({picture, inTheWay}: Situation): Advice[] {
  const holders = new Map<number, {holder: Holder; listens: boolean; connections: number}>()
  let unknown = false
  for (const {entry, holders: owners} of inTheWay) {
    if (owners.length === 0 && isHeld({entry, holders: owners}, picture)) unknown = true
    for (const holder of owners) {
      const known = holders.get(holder.pid) ?? {holder, listens: false, connections: 0}
      if (entry.state === 'LISTEN') known.listens = true
      // Only who closes first is left with TIME_WAIT.
      else if (entry.state === 'ESTABLISHED') known.connections++
      holders.set(holder.pid, known)
    }
  }
  // Workers end with the process that started them, and come back if they are stopped alone.
  const first = [...holders.values()].filter(
    ({holder}) => holder.parent === null || !holders.has(holder.parent),
  )
  const advice = first.map(({holder, listens, connections}): Advice => {
    const {pid} = holder
    const proxy = proxyOf(holder)
    if (proxy !== undefined) {
      return {
        kind: 'stop-container',
        pid,
        text: `Stop the container or service that publishes the port, not its proxy (${proxy}, process ${pid}); docker ps --filter publish=${picture.port} or podman ps shows containers.`,
      }
    }
    if (pid === picture.refusal?.pid) {
      return {
        kind: 'note',
        text: `Process ${pid} is the program itself: two parts of it listen on port ${picture.port}, or it calls listen() twice.`,
      }
    }
    const protection = picture.protections?.get(pid)
    if (protection !== undefined) return leaveAlone(holder, protection)
    const after = connections === 0 ? '' : afterStop(connections, picture)
    const how = `Stop process ${pid}${listens ? ` (rebind free ${picture.port}, or kill ${pid})` : `, or let it close the connection (kill ${pid})`}; if a supervisor started it, stop it there, or it comes back.`
    return {kind: 'stop-process', pid, text: `${how}${after}`}
  })
  if (unknown) {
    advice.push({
      kind: 'look-as-root',
      text:
        picture.uid === 0
          ? 'The process is not visible from here: look on the host, outside of this container.'
          : `Ask again as root to see which process it is: sudo rebind why ${picture.port}.`,
    })
  }
  return advice
}

/** What stays of the open connections of a process when it ends. */
function afterStop(connections: number, {platform, settings}: PortPicture): string {
  const range = releaseRange('TIME_WAIT', platform, settings)
  const wait = range === null ? 'a while' : remainingWords(range)
  return ` Its ${counted(connections, 'open connection')} may then keep the port from a plain bind for ${wait} more (TIME_WAIT).`
}

function waitAdvice({freeIn, inTheWay, picture}: Situation): Advice[] {
  const {port, platform, settings} = picture
  const watch = `rebind watch ${port} --until-free ends when it is free.`
  if (freeIn !== null && inTheWay.length > 0) {
    const finWait = inTheWay.some(({entry}) => entry.state === 'FIN_WAIT2')
    const after = finWait ? releaseRange('TIME_WAIT', platform, settings) : null
    const more =
      after === null
        ? ''
        : ` Should the client close meanwhile, the wait begins again (${remainingWords(after)}).`
    const isDestroyed = inTheWay.every(
      ({entry}) => platform.rules?.destroy?.({state: entry.state, settings}).destroys === true,
    )
    const atOnce = isDestroyed
      ? ` As root, rebind free ${port} ends it at once (Linux 6.0 or later).`
      : ''
    return [
      {
        kind: 'wait',
        seconds: freeIn[1],
        text: `Wait ${remainingWords(freeIn)}${usually(freeIn[1], inTheWay, picture)}: the port then comes free by itself.${more} ${watch}${atOnce}`,
      },
    ]
  }
  const hidden = platform.hiddenStates.map((state) => releaseRange(state, platform, settings))
  const longest = greatestOf(
    hidden.map((range) => range?.[1] ?? 0),
    0,
  )
  if (!isInUse(picture) || inTheWay.length > 0 || longest === 0) return []
  return [
    {
      kind: 'wait',
      seconds: longest,
      text: `Wait: if it is what ${platform.title} hides, the port comes free by itself within ${Math.ceil(longest)} s. ${watch}`,
    },
  ]
}

/** When it is usually over, where what seldom happens takes longer. */
function usually(
  latestSeconds: number,
  inTheWay: readonly PortSocket[],
  {platform, settings}: PortPicture,
): string {
  const ends = inTheWay.map(({entry}) => {
    const release = platform.rules?.release(entry.state, settings)
    return release?.endsBy === 'kernel'
      ? (release.usuallySeconds ?? release.residueSeconds[1])
      : latestSeconds
  })
  const usual = Math.ceil(greatestOf(ends, 0))
  return usual < latestSeconds ? ` (usually at most ${usual} s)` : ''
}

/** What a process holds may end without it, if its other end is on this machine. */
function peerAdvice({picture, inTheWay}: Situation): Advice[] {
  const {platform, settings} = picture
  const ends = inTheWay.flatMap((socket) => {
    const release = platform.rules?.release(socket.entry.state, settings)
    const held = isHeld(socket, picture)
    return held && release?.endsBy === 'process' && release.ifPeerClosedSeconds !== undefined
      ? [release]
      : []
  })
  return ends.slice(0, 1).map(({id, because, ifPeerClosedSeconds}) => ({
    kind: 'note',
    rule: id,
    text: `Or wait up to ${Math.ceil(ifPeerClosedSeconds?.[1] ?? 0)} s: ${because}.`,
  }))
}

/** Whether an option helps with what is on the port now is what the trials say; for the next restart the rules do. */
function optionAdvice(situation: Situation): Advice[] {
  const {picture, inTheWay} = situation
  const {trials} = picture
  if (!isInUse(picture)) return []
  const byUser = userAdvice(situation)
  if (byUser.length > 0) return byUser
  const listens = inTheWay.some(({entry}) => entry.state === 'LISTEN')
  if (picture.refusal !== undefined) return listens ? [] : untriedOption(situation, picture.refusal)
  if (listens) return besideListener(situation)
  for (const option of ['reuseaddr', 'reuseport'] as const) {
    const own = trials.filter(({bind}) => bind === option)
    if (!own.every(({observed}) => observed === 'granted')) continue
    return [
      {
        kind: 'set-option',
        option,
        helpsNow: true,
        text: `Or set ${optionNames[option]} on the new server's socket before bind: that is granted now, as tried.${nodeNote(option)} Keep it from then on: the next restart needs it, too.`,
      },
    ]
  }
  if (inTheWay.some(({outgoing}) => outgoing)) {
    const remedy = inTheWay.some(({entry}) => isItsOwnPeer(entry))
      ? ' Nor can it in future: keep clients from getting the port as their own.'
      : ''
    return [
      {
        kind: 'set-option',
        option: 'reuseaddr',
        helpsNow: false,
        text: `SO_REUSEADDR does not help: it was tried and refused, because the connection in the way does not have it.${remedy}`,
      },
    ]
  }
  return lateOption(situation)
}

/** Whether an option helps now was not tried; for the next restart the rules say it. */
function untriedOption(situation: Situation, {bind}: PortRefusal): Advice[] {
  if (situation.inTheWay.some(({outgoing}) => outgoing)) {
    return [
      {
        kind: 'set-option',
        option: 'reuseaddr',
        helpsNow: false,
        text: 'SO_REUSEADDR does not help: a connection that went out from the port most likely does not have it.',
      },
    ]
  }
  if (bind === 'reuseaddr') {
    return [
      {
        kind: 'note',
        text: 'The server sets SO_REUSEADDR, as Node does; whatever left this ran without it. From the next restart on, its own old connections do not refuse it.',
      },
    ]
  }
  return lateOption(situation).flatMap(({kind, option}) =>
    option === undefined
      ? []
      : [
          {
            kind,
            option,
            text: `Set ${optionNames[option]} on the server's socket before bind: from the next restart on, its own old connections do not refuse it.`,
          },
        ],
  )
}

/** An option would help if the socket in the way were one's own. */
function userAdvice({picture, inTheWay, inference}: Situation): Advice[] {
  const {platform, addresses, uid} = picture
  const {rules} = platform
  if (rules === null || inference?.foreign !== true) return []
  const own = {...inference.example, foreign: false}
  for (const obstacle of obstaclesOf(inTheWay, uid)) {
    for (const address of addresses) {
      const successor = {bind: 'both', address} as const
      const ask = (foreign: boolean, isRoot = uid === 0) =>
        rules.bind(questionOver({...obstacle, foreign}, own, successor, {isRoot}))
      const rule = ask(true)
      if (rule.outcome === 'granted' || ask(false).outcome !== 'granted') continue
      const orRoot = ask(true, true).outcome === 'granted' ? ', or as root' : ''
      return [
        {
          kind: 'use-privilege',
          rule: rule.id,
          text: `Start the server as the user whose socket is on the port${orRoot}: no option helps anybody else (${rule.because}).`,
        },
      ]
    }
  }
  return []
}

/** A grant that nobody should rely on. */
function bugAdvice({inference}: Situation): Advice[] {
  return (inference?.bugs ?? []).map(({id, because}) => ({
    kind: 'note',
    rule: id,
    text: `Some of these binds are granted only by ${because}. Do not rely on it.`,
  }))
}

/** The options came too late for this restart; do they help the next? */
function lateOption({picture, inTheWay, inference}: Situation): Advice[] {
  const {platform, addresses, uid} = picture
  const {rules} = platform
  const seen = obstaclesOf(inTheWay, uid)
  const hidden = platform.hiddenStates.map(
    (state): Obstacle => ({state, address: '127.0.0.1', foreign: false}),
  )
  const obstacles = seen.length > 0 ? seen : hidden
  if (rules === null || obstacles.length === 0) return []
  const rulesFor = (option: BindOption, predecessor: BindOption) =>
    addresses.flatMap((address) =>
      obstacles.map((obstacle) =>
        rules.bind({
          residue: obstacle.state,
          predecessor: predecessorOf(obstacle, {bind: predecessor, dualStack: true}),
          successor: {bind: option, address},
        }),
      ),
    )
  for (const option of ['reuseaddr', 'reuseport'] as const) {
    if (rulesFor(option, option).some(({outcome}) => outcome !== 'granted')) continue
    const why = rulesFor(option, inference?.example.bind ?? 'none').find(
      ({outcome}) => outcome !== 'granted',
    )
    const reason =
      inference?.[option] === false
        ? ', for the server that left this ran without it'
        : why === undefined
          ? ''
          : ` (${why.because})`
    return [
      {
        kind: 'set-option',
        option,
        helpsNow: false,
        ...(why === undefined ? {} : {rule: why.id}),
        text: `Set ${optionNames[option]} on the server's socket before bind. It does not help now${reason}; it does from the next restart on.`,
      },
    ]
  }
  return []
}

/** Options beside a server that lives: at best two servers share the port. */
function besideListener({picture}: Situation): Advice[] {
  const {trials} = picture
  const granted = (option: BindOption) => {
    const own = trials.filter(({bind}) => bind === option)
    return own.length > 0 && own.every(({observed}) => observed === 'granted')
  }
  const option = (['reuseaddr', 'reuseport', 'both'] as const).find(granted)
  if (option === undefined) {
    return [
      {
        kind: 'set-option',
        option: 'reuseaddr',
        helpsNow: false,
        text: 'No option helps against a server that is running: all were tried and refused on at least one address.',
      },
    ]
  }
  return [
    {
      kind: 'set-option',
      option,
      helpsNow: true,
      text: `A bind with ${optionNames[option]} is granted now, as tried, but beside the old server: both would be on the port, and connections would go to either.`,
    },
  ]
}

function nodeNote(option: BindOption): string {
  return option === 'reuseaddr' ? " (Node's server.listen always sets it.)" : ''
}

function isInUse(picture: PortPicture): boolean {
  return plainTrials(picture).some(({observed}) => observed === 'EADDRINUSE')
}

function privilegeAdvice({picture}: Situation): Advice[] {
  const {platform, port, settings} = picture
  const first = platform.firstUnprivilegedPort(settings)
  if (port >= first || !plainTrials(picture).some(({observed}) => observed === 'EACCES')) return []
  const capability =
    platform.stack === 'linux'
      ? `, give its program the capability (setcap cap_net_bind_service=+ep PROGRAM; AmbientCapabilities= in systemd), or lower the limit (sysctl -w net.ipv4.ip_unprivileged_port_start=${port})`
      : ''
  return [
    {
      kind: 'use-privilege',
      text: `Start the server as root${capability}, or let it listen on a port from ${first} up, with a proxy in front.`,
    },
  ]
}

function addressAdvice({picture}: Situation): Advice[] {
  if (!plainTrials(picture).some(({observed}) => observed === 'EADDRNOTAVAIL')) return []
  return [
    {
      kind: 'use-other-address',
      text: `Listen on an address of this machine: ${localAddresses().join(', ')}, or 0.0.0.0 for all of IPv4.`,
    },
  ]
}

function localAddresses(): string[] {
  return (
    Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .map(({address}) => address)
      // Link-local addresses are of use with a zone only.
      .filter((address) => !address.startsWith('fe80:'))
  )
}

/** What holds of the port whoever is on it. */
function portAdvice({picture}: Situation): Advice[] {
  const {platform, settings, port, elsewhere} = picture
  const advice: Advice[] = []
  const [first, last] = platform.ephemeralPorts(settings)
  if (first <= port && port <= last && platform.reservation?.isReserved(port, settings) !== true) {
    const command = platform.reservation?.command(port, settings)
    const how =
      command === undefined
        ? 'use a port outside of it'
        : `use a port outside of it, or reserve this one, as root: ${command}`
    advice.push({
      kind: 'reserve-port',
      text: `Port ${port} lies in the range that the OS gives to outgoing connections (${first} to ${last}), any of which may take it while the server is down: ${how}.`,
    })
  }
  for (const {local, holders} of elsewhere.slice(0, shownElsewhere)) {
    const [holder] = holders
    const who = holder === undefined ? 'a process' : holderWords(holder)
    advice.push({
      kind: 'note',
      text: `In another network namespace (a container, perhaps) ${who} listens on ${local.address} port ${local.port}; that is in nobody's way here.`,
    })
  }
  return advice
}
