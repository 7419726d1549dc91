import {kernelOf} from '../documents/host.ts'
import type {Host} from '../documents/report-schema.ts'
import type {WhyPort} from '../documents/why-schema.ts'
import {ruleTexts} from '../platforms/detect.ts'
import {adviceFor} from './advice.ts'
import {findCauses, isHeld, obstaclesOf, socketsInTheWay} from './causes.ts'
import {inferOptions, type Obstacle} from './inference.ts'
import type {PortPicture, PortSocket} from './port-picture.ts'
import {processFields} from './process-fields.ts'
import {lastRemaining, type Remaining, remainingOf} from './remaining.ts'

/** Why the port can or cannot be bound now, until when, and what to do. */
export function explainPort(picture: PortPicture, host: Host): WhyPort {
  const {port, platform, sockets, trials, uid} = picture
  const bindable = isBindable(picture)
  const refusing = socketsInTheWay(picture)
  const inTheWay = bindable === true ? [] : refusing
  const asker = {kernel: kernelOf(host), isRoot: uid === 0}
  const inference =
    platform.rules === null
      ? undefined
      : inferOptions(platform.rules, obstaclesOf(refusing, uid), trials, asker)
  const freeIn = freeAgain(picture, bindable, inTheWay)
  const situation = {
    picture,
    bindable,
    inTheWay,
    inference: inference ?? inferHidden(picture, inTheWay),
    freeIn,
  }
  const causes = findCauses(picture, inTheWay, situation.inference)
  const advice = adviceFor(situation)
  return {
    format: 'rebind-why',
    version: 1,
    host,
    port,
    bindable,
    sockets: sockets?.map((socket) => socketFields(socket)) ?? null,
    bind: trials.map((trial) => ({...trial})),
    freeInSeconds: freeIn?.[1] ?? null,
    freeInSecondsAtLeast: freeIn?.[0] ?? null,
    causes,
    advice,
    rules: ruleTexts(
      platform.rules,
      [...causes, ...advice].flatMap(({rule}) => rule ?? []),
    ),
    unseen: unseen(picture, inTheWay),
  }
}

/** Whether a plain bind was granted on all addresses; null if it could not be tried. */
function isBindable({trials}: PortPicture): boolean | null {
  const plain = trials.filter(({bind}) => bind === 'none')
  return plain.length === 0 ? null : plain.every(({observed}) => observed === 'granted')
}

function freeAgain(
  {trials, platform, settings}: PortPicture,
  bindable: boolean | null,
  inTheWay: readonly PortSocket[],
): Remaining | null {
  if (bindable === true) return [0, 0]
  const otherError = trials.some(
    ({bind, observed}) => bind === 'none' && observed !== 'granted' && observed !== 'EADDRINUSE',
  )
  if (otherError || inTheWay.length === 0) return null
  return lastRemaining(inTheWay.map((socket) => remainingOf(socket, platform, settings)))
}

/** What the options of a residue that the OS hides must be, if there is one. */
function inferHidden({platform, trials}: PortPicture, inTheWay: readonly PortSocket[]) {
  const [state] = platform.hiddenStates
  if (platform.rules === null || state === undefined || inTheWay.length > 0) return undefined
  const refused = trials.filter(({bind, observed}) => bind === 'none' && observed === 'EADDRINUSE')
  const address = refused.find((trial) => !isWildcard(trial.address))?.address
  if (address === undefined) return undefined
  const obstacle: Obstacle = {state, address, foreign: false}
  return inferOptions(platform.rules, [obstacle], trials)
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || address === 'dual'
}

function socketFields({
  entry,
  holders,
  outgoing,
}: PortSocket): NonNullable<WhyPort['sockets']>[number] {
  const {state, local, remote, expiresInSeconds, uid, more} = entry
  const [first] = holders
  return {
    state,
    local,
    remote,
    expiresInSeconds,
    pid: first?.pid ?? null,
    command: first?.command ?? null,
    ...(holders.length > 0 ? {processes: holders.map(processFields)} : {}),
    ...(uid === undefined ? {} : {uid}),
    ...(outgoing ? {outgoing} : {}),
    ...(more === undefined ? {} : {more}),
  }
}

/** What could not be seen or tried, for the person to know how far the answer goes. */
function unseen(picture: PortPicture, inTheWay: readonly PortSocket[]): string[] {
  const {platform, sockets, trialProblem, problems, unseenProcesses, uid} = picture
  const sentences: string[] = []
  if (trialProblem !== undefined) sentences.push(`No bind could be tried: ${trialProblem}.`)
  if (problems.sockets !== undefined) {
    sentences.push(`The sockets could not be looked at: ${problems.sockets}.`)
  } else if (sockets === null) sentences.push(`${platform.title} does not let us see its sockets.`)
  const ownerless = inTheWay.some(
    (socket) => socket.holders.length === 0 && isHeld(socket, picture),
  )
  if (ownerless && problems.holders !== undefined) {
    sentences.push(`Which process has it could not be looked up: ${problems.holders}.`)
  }
  if (ownerless && unseenProcesses !== null && unseenProcesses > 0 && uid !== 0) {
    sentences.push(
      `Which process has it could not be seen: ${unseenProcesses} processes of other users may not be looked into without root.`,
    )
  }
  return sentences
}
