import {kernelOf} from '../documents/host.ts'
import type {Host} from '../documents/report-schema.ts'
import type {WhyPort} from '../documents/why-schema.ts'
import {ruleTexts} from '../platforms/detect.ts'
import {adviceFor} from './advice.ts'
import type {BindTrial} from './bind-trials.ts'
import {findCauses, isHeld, obstaclesOf, socketsInTheWay} from './causes.ts'
import {inferOptions, type Obstacle} from './inference.ts'
import {type PortPicture, type PortSocket, plainTrials} from './port-picture.ts'
import {processFields} from './process-fields.ts'
import type {PortRefusal} from './refusal.ts'
import {lastRemaining, type Remaining, remainingOf} from './remaining.ts'

/** Why the port can or cannot be bound now, until when, and what to do. */
export function explainPort(picture: PortPicture, host: Host): WhyPort {
  const {port, platform, sockets, trials, refusal, uid} = picture
  const bindable = isBindable(picture)
  const refusing = socketsInTheWay(picture)
  const inTheWay = bindable === true ? [] : enough(refusing, picture)
  const asker = {kernel: kernelOf(host), isRoot: uid === 0}
  const inference =
    platform.rules === null
      ? undefined
      : inferOptions(platform.rules, obstaclesOf(refusing, uid), informative(picture), asker)
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
    ...(refusal === undefined ? {} : {refused: refusedFields(refusal)}),
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

function refusedFields({code, address, portFrom}: PortRefusal): NonNullable<WhyPort['refused']> {
  return {code, address, ...(portFrom === undefined ? {} : {portFrom})}
}

/** Whether a plain bind was granted on all addresses; null if it could not be tried. */
function isBindable(picture: PortPicture): boolean | null {
  const plain = plainTrials(picture)
  return plain.length === 0 ? null : plain.every(({observed}) => observed === 'granted')
}

/** The trials, or the bind of a program whose options are known. */
function informative({trials, refusal, addresses}: PortPicture): BindTrial[] {
  const {bind, code} = refusal ?? {}
  if (bind === undefined || code === undefined) return trials
  return addresses.map((address) => ({address, bind, observed: code}))
}

function freeAgain(
  picture: PortPicture,
  bindable: boolean | null,
  inTheWay: readonly PortSocket[],
): Remaining | null {
  if (bindable === true) return [0, 0]
  const {platform, settings} = picture
  const otherError = plainTrials(picture).some(
    ({observed}) => observed !== 'granted' && observed !== 'EADDRINUSE',
  )
  if (otherError || inTheWay.length === 0) return null
  return lastRemaining(inTheWay.map((socket) => remainingOf(socket, platform, settings)))
}

/** With SO_REUSEADDR a listener is all that it takes: of what is over beside it, nobody knows whether it refuses. */
function enough(refusing: readonly PortSocket[], {refusal}: PortPicture): readonly PortSocket[] {
  const listeners = refusing.filter(({entry}) => entry.state === 'LISTEN')
  return refusal?.bind === 'reuseaddr' && listeners.length > 0 ? listeners : refusing
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
  const {platform, sockets, trialProblem, refusal, problems, unseenProcesses, uid} = picture
  const sentences: string[] = []
  if (refusal !== undefined) {
    sentences.push(
      "No bind was tried, because it could refuse the program's next one: this is what the sockets and the rules say.",
    )
  } else if (trialProblem !== undefined) {
    sentences.push(`No bind could be tried: ${trialProblem}.`)
  }
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
