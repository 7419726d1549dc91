import type {Expected, ReportedCall, Result} from '../documents/report-schema.ts'
import {tooSlow} from '../too-slow.ts'
import {oneOf, possibilitiesOf} from './alternatives.ts'

/** How old what was left on the port may have been, in seconds, whenever something met it. */
export interface Ages {
  /** How long the kernel keeps it at least; undefined where that is for a process to decide. */
  lastsSeconds?: number | undefined
  /** When the sockets had been looked at. */
  seen?: number | undefined
  /** When the first attempt had been answered. */
  tried?: number | undefined
}

/** What was observed, as far as judging needs it. */
export interface Observed
  extends Pick<Result, 'residue' | 'amidTraffic' | 'bind' | 'calls' | 'measurements' | 'packets'> {
  /** Between which bounds the true residue time lies; no upper one if the port was never granted. */
  residueTime: [min: number, max: number] | null
  /** False if the limit came before the script had done what releases the port. */
  scriptDone: boolean
  /** What the successor's first attempt met. */
  met?: Ages
  /** What the client met that came back to its old port. */
  called?: Ages
  /** Whether an attempt was refused that began after the script's last step; undefined without a step. */
  refusedAfterwards?: boolean | undefined
  /** The port was free, and the successor's own way of retrying let it lie for too long. */
  tooLate?: boolean
  /** The longest time for which the harness was kept from running meanwhile. */
  heldUpSeconds?: number
  /** How many segments were sent again, by whomever, until the sockets were looked at. */
  retransmitted?: number
}

export type Judgement =
  | {status: 'as-expected'}
  /** `failed`: nothing contradicts the expectation, and nothing shows that it holds. */
  | {status: 'unexpected' | 'failed'; reason: string}

type Problem = Exclude<Judgement, {status: 'as-expected'}>

/**
 * What the counts that depend on time need: a harness that was kept from running for longer at a time cannot
 * tell a client that nobody answers from one that waits for a slow server, nor see each of a timer's restarts.
 */
const pace: Readonly<Record<string, number>> = {
  answersFromSuccessor: 1,
  unansweredConnections: 1,
  timerRestarts: 0.1,
}

/** Whether the observation is as expected, contradicts the expectation, or does not show which. */
export function judgement(expected: Expected, observed: Observed): Judgement {
  const problems = [residueProblem, callProblem, countProblem, bindProblem].flatMap(
    (find) => find(expected, observed) ?? [],
  )
  // A contradiction stands, whatever else could not be seen.
  const contradiction = problems.find(({status}) => status === 'unexpected')
  // What was too late to meet what it should have met sends other packets, too.
  return contradiction ?? problems[0] ?? wireProblem(observed) ?? {status: 'as-expected'}
}

const bestFirst: readonly Judgement['status'][] = ['as-expected', 'failed', 'unexpected']

/**
 * Judges by each of the possibilities that the rules allow.
 * @param observedFor what was observed, as far as it depends on the possibility
 * @returns the best judgement, with the possibility that it goes by as the expectation, and the others as alternatives
 */
export function judgementOfAny(
  expected: Expected,
  observedFor: (possibility: Expected) => Observed,
): Judgement & {expected: Expected} {
  const possibilities = possibilitiesOf(expected)
  const best = possibilities
    .map((possibility) => ({
      possibility,
      judged: judgement(possibility, observedFor(possibility)),
    }))
    .reduce((before, each) => (rank(each.judged) < rank(before.judged) ? each : before))
  const others = possibilities.filter((each) => each !== best.possibility)
  return {...best.judged, expected: oneOf([best.possibility, ...others])}
}

function rank({status}: Judgement): number {
  return bestFirst.indexOf(status)
}

function contradicts(reason: string): Problem {
  return {status: 'unexpected', reason}
}

function cannotTell(what: string): Problem {
  return {status: 'failed', reason: tooSlow(what)}
}

function notLookedAt(what: string): Problem {
  return {status: 'failed', reason: `not observed: ${what}`}
}

/** Whether the kernel may have let go of the residue before that age. */
function mayBeGone(age: number | undefined, {lastsSeconds}: Ages = {}): age is number {
  return age !== undefined && lastsSeconds !== undefined && age > lastsSeconds
}

function gone(state: string, age: number, lastsSeconds = 0): string {
  return `${age.toFixed(3)} s may have passed since ${state} appeared, which may last only ${lastsSeconds} s`
}

/**
 * How TIME_WAIT may have ended early, where it is not there. On a machine that is too slow to handle a FIN's
 * acknowledgement within 0.2 s the FIN is sent again, TIME_WAIT answers a second time, nobody knows that answer
 * any more, and the RST for it ends TIME_WAIT (RFC 1337; net/ipv4/tcp_minisocks.c:tcp_timewait_state_process).
 * (An ACK that is merely late does the same; processes/acknowledged.ts keeps that from happening.)
 */
function endedByReset(
  endpoint: 'server' | 'client',
  {residue, measurements = {}, retransmitted = 0}: Observed,
): string | undefined {
  // Where packets are dropped, sending again is the story.
  if (retransmitted === 0 || measurements.retransmittedSegments !== undefined) return undefined
  if (
    residue === null ||
    residue.some((left) => left.endpoint === endpoint && left.state === 'TIME_WAIT')
  )
    return undefined
  return `TIME_WAIT was not there, but segments were sent again meanwhile (${retransmitted} on this machine), which can end it (RFC 1337)`
}

function residueProblem(expected: Expected, observed: Observed): Problem | undefined {
  const {residue, amidTraffic, met} = observed
  if (residue === null) return undefined
  const states = residue.filter(({endpoint}) => endpoint === 'server').map(({state}) => state)
  const seen: string[] = states.length === 0 ? ['none'] : [...new Set(states)]
  const asExpected =
    amidTraffic === true
      ? seen.includes(expected.residue)
      : seen.every((state) => state === expected.residue)
  if (asExpected) return undefined
  const reset = expected.residue === 'TIME_WAIT' ? endedByReset('server', observed) : undefined
  if (states.length === 0 && reset !== undefined) return cannotTell(reset)
  // Time takes a residue away; it does not make another one of it.
  if (states.length === 0 && mayBeGone(met?.seen, met)) {
    return cannotTell(
      `none was left when the port was checked, but ${gone(expected.residue, met.seen, met.lastsSeconds)}`,
    )
  }
  return contradicts(`residue ${seen.join(' and ')} at the server, expected ${expected.residue}`)
}

type Call = Pick<ReportedCall, 'from' | 'call' | 'outcome'>

function isSameCall(a: Call, b: Call | undefined): boolean {
  return a.from === b?.from && a.call === b.call && a.outcome === b.outcome
}

function callProblem({calls: wanted}: Expected, observed: Observed): Problem | undefined {
  if (wanted === undefined) return undefined
  const {calls: seen = [], called} = observed
  const words = (list: readonly Call[]) =>
    list.map(({from, call, outcome}) => `${call}() from ${from}: ${outcome}`).join(', ')
  const asFarAsSeen = seen.every((call, index) => isSameCall(call, wanted[index]))
  if (seen.length < wanted.length && asFarAsSeen) {
    return notLookedAt(words(wanted.slice(seen.length)))
  }
  const asExpected = asFarAsSeen && seen.length === wanted.length
  // Where nothing is left a client is let in, or told that nobody listens.
  const met = seen.some(
    ({from, outcome}) =>
      from === 'the same port' && !['granted', 'connected', 'ECONNREFUSED'].includes(outcome),
  )
  if (mayBeGone(called?.tried, called) && !(asExpected && met)) {
    return cannotTell(
      `the client came back to its old port so late that ${gone('TIME_WAIT', called.tried, called.lastsSeconds)}`,
    )
  }
  const reset = endedByReset('client', observed)
  if (!asExpected && reset !== undefined) return cannotTell(reset)
  return asExpected ? undefined : contradicts(`${words(seen)}; expected ${words(wanted)}`)
}

function countProblem(expected: Expected, observed: Observed): Problem | undefined {
  const {counts = {}, atLeast = {}} = expected
  const {measurements = {}, heldUpSeconds = 0} = observed
  const wanted = [
    ...Object.entries(atLeast).map(([name, count]) => ({name, count, least: true})),
    ...Object.entries(counts).map(([name, count]) => ({name, count, least: false})),
  ]
  const problems = wanted.flatMap(({name, count, least}) => {
    const seen = measurements[name]
    if (seen === undefined) return notLookedAt(name)
    if (least ? seen >= count : seen === count) return []
    const problem = `${name} ${seen}, expected ${count}${least ? ' at least' : ''}`
    return heldUpSeconds > (pace[name] ?? Number.POSITIVE_INFINITY)
      ? cannotTell(
          `${problem}, but the run was held up for ${heldUpSeconds.toFixed(3)} s meanwhile`,
        )
      : contradicts(problem)
  })
  return problems.find(({status}) => status === 'unexpected') ?? problems[0]
}

/** What the packets contradict. Of a script that was not played to its end they need not show all. */
function wireProblem({packets, scriptDone}: Observed): Problem | undefined {
  if (packets === undefined || !packets.whole) return undefined
  const wrong = packets.claims.filter(
    ({holds}) => holds === false || (holds === null && scriptDone),
  )
  return wrong.length === 0
    ? undefined
    : contradicts(`the packets do not show that ${wrong.map(({says}) => says).join(', and that ')}`)
}

function bindProblem(expected: Expected, observed: Observed): Problem | undefined {
  const {bind, met} = observed
  if (bind === null) return expected.code === undefined ? undefined : notLookedAt('bind()')
  const {firstError, verdict} = bind
  const late = mayBeGone(met?.tried, met)
    ? cannotTell(
        `the first attempt was answered so late that ${gone(expected.residue, met.tried, met.lastsSeconds)}`,
      )
    : undefined
  if (expected.code === undefined) {
    return verdict === expected.verdict
      ? late
      : contradicts(`${verdict}, expected ${expected.verdict}`)
  }
  if (firstError === null) {
    const reset = expected.residue === 'TIME_WAIT' ? endedByReset('server', observed) : undefined
    if (reset !== undefined) return cannotTell(reset)
    return late ?? contradicts(`granted at once, expected ${expected.code}`)
  }
  if (firstError.code !== expected.code || firstError.errno !== expected.errno) {
    return contradicts(
      `${firstError.code} (${firstError.errno}), expected ${expected.code} (${expected.errno})`,
    )
  }
  return waitProblem(expected, bind, observed)
}

/** What the wait after a refusal contradicts. */
function waitProblem(
  {verdict: expectedVerdict, residueSeconds}: Expected,
  {verdict, waited}: NonNullable<Result['bind']>,
  {residueTime, scriptDone, tooLate, refusedAfterwards}: Observed,
): Problem | undefined {
  if (tooLate === true) {
    // Its verdict is the retrying's alone; what is left to judge is when the port came free.
    if (!Number.isFinite(residueTime?.[1])) return notLookedAt('when the port came free')
  } else {
    if (!waited) return undefined
    if (verdict === 'blocked' && !scriptDone) return undefined
    const problem = contradicts(`${verdict}, expected ${expectedVerdict}`)
    if (verdict === 'blocked' && expectedVerdict !== 'blocked') {
      if (residueSeconds === undefined) {
        return refusedAfterwards === false
          ? cannotTell('the limit had passed before the port was tried once more after its release')
          : problem
      }
      if ((residueTime?.[0] ?? 0) >= residueSeconds[1]) return problem
    } else if (verdict !== expectedVerdict) {
      // The attempt at the limit may come long after it.
      const inTime = residueSeconds !== undefined && (residueTime?.[1] ?? 0) >= residueSeconds[0]
      return expectedVerdict === 'blocked' && inTime
        ? cannotTell('the last attempt came so long after the limit that it was granted')
        : problem
    }
  }
  if (residueSeconds === undefined || residueTime === null) return undefined
  const [min, max] = residueSeconds
  if (residueTime[1] >= min && residueTime[0] <= max) return undefined
  const [from, to] = residueTime.map((seconds) => seconds.toFixed(3))
  return contradicts(
    `residue gone after ${from} to ${to} s, expected ${min} to ${max.toFixed(3)} s`,
  )
}
