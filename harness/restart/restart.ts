import {monotonicSeconds} from '../clock.ts'
import type {Expected, Result} from '../documents/report-schema.ts'
import {anotherUserProblem} from '../namespaces/another-user.ts'
import {
  SettingsLeftChanged,
  type Surroundings,
  SurroundingsUnavailable,
} from '../namespaces/surroundings.ts'
import type {Ending} from '../processes/child.ts'
import type {Actor} from '../processes/launch.ts'
import type {Scenario} from '../scenario.ts'
import {tooSlow} from '../too-slow.ts'
import {blankResult, skipReason} from './blank.ts'
import type {RestartContext} from './context.ts'
import {NotReproduced} from './network.ts'
import type {Observation} from './observation.ts'
import {play} from './play.ts'
import {openRecording, type Recording} from './recording.ts'

/** What can be said of a scenario while it runs. */
export interface RestartProgress {
  expected(): Expected | null
  observation(): Observation
  /** Monotonic seconds from which the observation's moments count. */
  origin: number
}

export interface Restart {
  /** Resolved when the successor has made its first attempt, or when it never will. */
  underWay: Promise<void>
  /** Never rejected: what goes wrong becomes a result with status `failed`. */
  result: Promise<Result>
  progress: RestartProgress
}

/** How often a scenario is begun again whose packets did not do what it is to show. */
const reproductionsAllowed = 5
/** What a machine that keeps up may make a process wait. */
const usualHoldUpSeconds = 0.1

/** Plays one scenario, from the predecessor's start to the successor's grant. */
export function restart(id: string, scenario: Scenario, context: RestartContext): Restart {
  const recording = openRecording(context.origin, context.follow)
  const told: Told = {blank: blankResult(id, scenario, context), recording}
  const problem = skipReason(told.blank)
  const result =
    problem === undefined
      ? playInSurroundings(scenario, context, told)
      : Promise.resolve<Result>({...told.blank, reason: problem})
  return {
    underWay: Promise.race([
      recording.until(({attempts}) => attempts.count > 0),
      result.then(() => undefined),
    ]),
    result,
    progress: {
      expected: () => told.blank.expected,
      observation: recording.observation,
      origin: context.origin,
    },
  }
}

interface Told {
  /** What is asked and expected; by the settings of the scenario's own namespace, once they are read. */
  blank: Result
  recording: Recording
}

/** Makes what the scenario asks for, plays it in there, and undoes it; or says why that is unavailable. */
async function playInSurroundings(
  scenario: Scenario,
  context: RestartContext,
  told: Told,
): Promise<Result> {
  const {recording} = told
  const open = surroundingsOf(scenario, context, recording)
  const without = scenario.predecessor.otherUser === true ? await anotherUserProblem() : undefined
  if (without !== undefined) return {...told.blank, reason: without}
  if (open === undefined) return play({scenario, context, namespace: undefined, ...told})
  const {interruption, holdUps} = context
  const began = monotonicSeconds()
  for (let round = 1; ; round++) {
    try {
      const surroundings = await open()
      try {
        return await playInside(scenario, context, told, surroundings)
      } finally {
        await surroundings.close()
      }
    } catch (error) {
      const {message} = error as Error
      const {blank} = told
      if (interruption.aborted && !(error instanceof SettingsLeftChanged)) {
        return {...blank, reason: `interrupted by ${interruption.reason}`}
      }
      if (error instanceof SurroundingsUnavailable) return {...blank, reason: message}
      if (!(error instanceof NotReproduced)) return {...blank, status: 'failed', reason: message}
      if (round === reproductionsAllowed) {
        const heldUp = holdUps.longestSince(began) > usualHoldUpSeconds
        return {...blank, status: 'failed', reason: heldUp ? tooSlow(message) : message}
      }
      recording.append({event: 'warning', message, round})
    }
  }
}

/** Undefined where it is the machine as it is. */
function surroundingsOf(
  {namespace, predecessor}: Scenario,
  {openSurroundings, capture}: RestartContext,
  recording: Recording,
): (() => Promise<Surroundings>) | undefined {
  if (namespace !== undefined) {
    return () =>
      openSurroundings(namespace, {
        onProcess: (who, ending) => recordProcess(recording, who, ending),
      })
  }
  // It is this process that makes a socket to be inherited, and it is in no namespace; there is no other user there.
  const isOutside = predecessor.inherited === true || predecessor.otherUser === true
  return isOutside ? undefined : capture?.openShared
}

function playInside(
  scenario: Scenario,
  context: RestartContext,
  told: Told,
  {settings: own, namespace}: Surroundings,
): Promise<Result> {
  const {blank, recording} = told
  const inside: RestartContext = {
    ...context,
    settings: {...context.settings, ...own},
    ...(namespace === undefined
      ? {}
      : {readSockets: namespace.readSockets, readCounters: namespace.readCounters}),
  }
  recording.append({event: 'settings', settings: own})
  told.blank = blankResult(blank.scenario, scenario, inside)
  return play({scenario, context: inside, namespace, ...told})
}

/** Records what the script does not name: a namespace and its keeper, or the keeper of the machine's settings. */
function recordProcess(
  recording: Recording,
  {role, pid, host}: Pick<Actor, 'role' | 'pid' | 'host'>,
  ending: Ending | undefined,
): void {
  const who = {event: 'process', role, pid, ...(host === undefined ? {} : {host})} as const
  if (ending === undefined) {
    recording.append({...who, change: 'started'})
    return
  }
  const {code: status, signal, seconds} = ending
  recording.append({...who, change: 'ended', status, signal}, seconds)
}
