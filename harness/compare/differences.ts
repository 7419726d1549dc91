import {isDeepStrictEqual} from 'node:util'
import type {Answer, Aspect} from '../documents/comparison-schema.ts'
import type {Result} from '../documents/report-schema.ts'
import {areSameAnswers, verdictOf} from '../history/measures.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import {overlap, repetitionsOf} from './answer.ts'

/** Ranges that come from the same rule differ by no more than what rounding leaves. */
const roundingSeconds = 0.001

/** One side's result and what it answers. */
export interface Answered {
  result: Result
  answer: Answer
  /** States that the side's socket table leaves out: that they are not in its residue says nothing. */
  hiddenStates: readonly TcpState[]
}

/** In what two answers to the same scenario differ. What one of them could not see is not a difference. */
export function differingAspects(a: Answered, b: Answered): Aspect[] {
  return checks.filter(([, differs]) => differs(a, b)).map(([aspect]) => aspect)
}

const checks: readonly [Aspect, (a: Answered, b: Answered) => boolean][] = [
  ['servers', (a, b) => !haveSameServers(a.result, b.result)],
  ['residue', residuesDiffer],
  ['calls', ({answer: a}, {answer: b}) => callsDiffer(a, b)],
  ['grant', ({answer: a}, {answer: b}) => differ(grantOf(a), grantOf(b))],
  ['verdict', ({answer: a}, {answer: b}) => verdictsDiffer(a, b)],
  ['error', ({answer: a}, {answer: b}) => differ(a.firstError?.code, b.firstError?.code)],
  ['errno', ({answer: a}, {answer: b}) => errnosDiffer(a, b)],
  ['wait', ({answer: a}, {answer: b}) => waitsDiffer(a, b)],
  ['measurements', (a, b) => measurementsDiffer(a.result, b.result)],
  ['repetitions', (a, b) => repetitionsDiffer(a.result, b.result)],
]

/** Whether the first attempt was granted; undefined without a bind. */
export function grantOf({verdict}: Answer): 'granted' | 'refused' | undefined {
  if (verdict === null) return undefined
  return verdict === 'immediate' ? 'granted' : 'refused'
}

/** Both known, and not the same. */
function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b
}

/** A verdict says how a refusal ended, which only a wait can tell. */
export function verdictsDiffer(a: Answer, b: Answer): boolean {
  if (a.verdict === null || b.verdict === null || a.verdict === b.verdict) return false
  const refusedByBoth = grantOf(a) === 'refused' && grantOf(b) === 'refused'
  return refusedByBoth && a.waited && b.waited
}

function errnosDiffer(a: Answer, b: Answer): boolean {
  return a.firstError?.code === b.firstError?.code && a.firstError?.errno !== b.firstError?.errno
}

/**
 * Waits differ if the ranges in which they may lie do, or if what one side measured cannot have come
 * from the other's. Two measured numbers are never the same, and that is not a difference.
 */
function waitsDiffer(a: Answer, b: Answer): boolean {
  const [rangeA, rangeB] = [a.expectedResidueSeconds, b.expectedResidueSeconds]
  if (rangeA === null || rangeB === null) return false
  if (rangeA.some((bound, index) => Math.abs(bound - (rangeB[index] ?? 0)) > roundingSeconds)) {
    return true
  }
  return isOutside(a) !== isOutside(b)
}

/**
 * How exactly it was seen that the residue appeared, no report says; whoever judged the run knew it. What was as
 * expected then, and lies outside by no more than this, was expected. After lost packets a residue appears when one
 * is sent again, 0.2 s later or more (TCP_RTO_MIN).
 */
const appearedWithinSeconds = 0.3

/** Whether what was measured is not in the range by the rules. */
export function isOutside({
  status,
  expectedResidueSeconds: expected,
  measuredResidueSeconds: measured,
}: Answer): boolean {
  if (expected === null || measured === null) return false
  const slack = status === 'as-expected' ? appearedWithinSeconds : 0
  return !overlap(measured, [expected[0] - slack, expected[1] + slack])
}

/**
 * Counts vary; that something never happens on one side and does on the other is a difference. Amid
 * traffic it is a matter of moment.
 */
function measurementsDiffer(a: Result, b: Result): boolean {
  const [countsA, countsB] = [a.measurements ?? {}, b.measurements ?? {}]
  const amidTraffic = a.amidTraffic || b.amidTraffic
  // Of clients that come and go, only what the rules say exactly does not depend on the moment.
  const isExact = (name: string) =>
    [a, b].every(({expected}) => Object.hasOwn(expected?.counts ?? {}, name))
  return Object.keys(countsA)
    .filter((name) => Object.hasOwn(countsB, name))
    .filter((name) => !amidTraffic || isExact(name))
    .some((name) => (countsA[name] === 0) !== (countsB[name] === 0))
}

/** What each repetition was answered. */
export function answersIn(result: Result): string[] {
  return repetitionsOf(result).flatMap(({bind}) => (bind === null ? [] : verdictOf(bind)))
}

/** Where one side does not always answer alike, whether it answers as the other never did. */
function repetitionsDiffer(a: Result, b: Result): boolean {
  const answers = [a, b].map(answersIn)
  const [ofA = [], ofB = []] = answers
  return answers.some((own) => new Set(own).size > 1) && !areSameAnswers(ofA, ofB)
}

/** Amid traffic whatever connections are open at the moment belong to the residue. */
function residuesDiffer(a: Answered, b: Answered): boolean {
  if (a.result.amidTraffic || b.result.amidTraffic) return false
  const [residueA, residueB] = [visibleTo(b, a.result.residue), visibleTo(a, b.result.residue)]
  return residueA !== null && residueB !== null && residueKey(residueA) !== residueKey(residueB)
}

function visibleTo({hiddenStates}: Answered, residue: Result['residue']): Result['residue'] {
  return residue?.filter(({state}) => !hiddenStates.includes(state)) ?? null
}

/** What bind() and connect() answered the client, by code: numbers are each system's own. */
function callsDiffer({calls: a}: Answer, {calls: b}: Answer): boolean {
  if (a === undefined || b === undefined) return false
  const answers = (calls: typeof a) => calls.map(({from, call, outcome}) => [from, call, outcome])
  return !isDeepStrictEqual(answers(a), answers(b))
}

/** The states at either end; how many sockets share one is a matter of moment. */
export function residueKey(residue: NonNullable<Answer['residue']>): string {
  return [...new Set(residue.map(({endpoint, state}) => `${endpoint} ${state}`))].sort().join(', ')
}

type Servers = Pick<Result, 'predecessor' | 'successor' | 'client'>

/** Whether both servers and the client have the same options: it is another experiment, if not. */
export function haveSameServers(a: Servers, b: Servers): boolean {
  return isDeepStrictEqual(optionsIn(a), optionsIn(b))
}

/** The same, to be held against another's. */
export function optionsIn({predecessor, successor, client}: Servers) {
  const servers = [predecessor, successor].map((server) => [
    ...[server.opener, server.bind, server.address],
    ...[server.inherited === true, server.otherUser !== undefined],
  ])
  return [...servers, client === undefined ? null : [client.opener, client.bind]]
}

/** The options of both servers and of the client, in words. */
export function serversOf({predecessor, successor, client}: Servers): string {
  const servers = [predecessor, successor]
    .map(({opener, bind, address, inherited, otherUser}) =>
      [
        ...[opener, bind, address],
        ...(inherited ? ['inherited'] : []),
        ...(otherUser === undefined ? [] : ["another user's"]),
      ].join(' '),
    )
    .join(' -> ')
  return client === undefined ? servers : `${servers}, client ${client.opener} ${client.bind}`
}
