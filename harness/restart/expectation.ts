import type {
  ClientReport,
  Expected,
  ReportedCall,
  ServerReport,
} from '../documents/report-schema.ts'
import type {
  Leaving,
  Platform,
  ReconnectRule,
  RuleAnswer,
  Rules,
  Settings,
} from '../platforms/platform.ts'
import {generalRules} from '../platforms/rule-table.ts'
import {isKernelHeld, type TcpState} from '../platforms/tcp-states.ts'
import type {Residue, Scenario} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'
import {oneOf} from './alternatives.ts'

export interface Question {
  platform: Platform
  settings: Settings
  residue: Residue
  predecessor: ServerReport
  successor: ServerReport
  /** How the client binds its local port, if it does. */
  client?: ClientReport
  /** It is the client that restarts, not the server. */
  clientRestarts?: boolean
  /** Both servers listen for a while, and clients come meanwhile. */
  bothListen?: Scenario['bothListen']
  /** The client sends its FIN again to a server in TIME_WAIT. */
  finSentAgain?: boolean
  limitSeconds: number
}

/**
 * What the platform's rules and releases say of a restart; null where it has none. Where they allow more than one
 * answer, the others are its alternatives.
 */
export function expectation(question: Question): Expected | null {
  const {platform, settings, residue, successor, clientRestarts} = question
  const {rules} = platform
  if (rules === null) return null
  if (clientRestarts === true) return clientExpectation(rules, question)
  if (successor.inherited === true) {
    return {
      verdict: 'immediate',
      residue: residue.server,
      rule: 'inherited-socket',
      ...generalRules['inherited-socket'],
    }
  }
  return residue.reconnected === true
    ? byAny(rules.reconnect({timeWaitAt: 'server', settings}), (reconnect) =>
        serverExpectation(rules, reconnect, question),
      )
    : serverExpectation(rules, undefined, question)
}

/** What is expected by some rules of which any may hold. */
function byAny(
  [first, ...others]: readonly [ReconnectRule, ...ReconnectRule[]],
  expect: (rule: ReconnectRule) => Expected,
): Expected {
  return oneOf([expect(first), ...others.map(expect)])
}

/** @param reconnect what becomes of a client that comes back before the successor tries, if one does */
function serverExpectation(
  rules: Rules,
  reconnect: ReconnectRule | undefined,
  question: Question,
): Expected {
  const {settings, residue, predecessor, successor, client, limitSeconds} = question
  const left: Leaving | {state: 'none'} =
    residue.server === 'none' ? {state: 'none'} : rules.leaves(residue.server, settings)
  const server = reconnect?.endsTimeWait === true ? 'none' : left.state
  const rule = rules.bind({
    residue: server,
    outgoing: residue.outgoing ?? false,
    predecessor: residue.outgoing === true ? outgoingSocket(question) : predecessor,
    successor,
  })
  const source = 'source' in left ? `${left.source}; ${rule.source}` : rule.source
  const premises = [
    ...('id' in left ? [left] : []),
    ...(reconnect === undefined ? [] : [reconnect]),
  ]
  const reasons = {
    rule: rule.id,
    ...(premises.length === 0 ? {} : {premises: premises.map(({id}) => id)}),
    because: [...premises, rule].map(({because}) => because).join('; '),
  }
  const calls =
    reconnect === undefined
      ? {}
      : {calls: expectedCalls('the same port', client, reconnect.outcome)}
  const effects = [
    ...(question.bothListen !== undefined && rule.outcome === 'granted'
      ? [whoAnswers(rules, question.bothListen)]
      : []),
    ...(question.finSentAgain === true && server === 'TIME_WAIT' ? [timerRestarts(rules)] : []),
  ]
  if (rule.outcome === 'granted') {
    return {
      verdict: 'immediate',
      residue: server,
      ...calls,
      ...withEffects(reasons, effects),
      source,
    }
  }
  const refused = {
    code: rule.outcome,
    errno: rules.errno[rule.outcome],
    residue: server,
    ...calls,
  }
  const release = lastRelease(rules, residue, settings)
  if (release === undefined || release.endsBy === 'process') {
    return {verdict: 'delayed', ...refused, ...withEffects(reasons, effects), source}
  }
  const {residueSeconds} = release
  return {
    verdict: limitSeconds < residueSeconds[0] ? 'blocked' : 'delayed',
    ...refused,
    residueSeconds,
    ...withEffects(reasons, effects),
    release: release.id,
    source: `${source}; ${release.source}`,
  }
}

/** What happens in addition to the bind, by a rule of its own. */
interface Effect extends Pick<Expected, 'counts' | 'atLeast'> {
  rule: RuleAnswer
}

function whoAnswers({sharing}: Rules, {connections}: NonNullable<Scenario['bothListen']>): Effect {
  if (connections === undefined) return {rule: sharing}
  return sharing.answeredBy === 'newest'
    ? {
        rule: sharing,
        counts: {answersFromPredecessor: 0, answersFromSuccessor: connections},
      }
    : {rule: sharing, atLeast: {answersFromPredecessor: 1, answersFromSuccessor: 1}}
}

function timerRestarts({retransmittedFin: rule}: Rules): Effect {
  return rule.restartsTimeWait
    ? {rule, atLeast: {timerRestarts: 1}}
    : {rule, counts: {timerRestarts: 0}}
}

function withEffects(
  reasons: Pick<Expected, 'because'>,
  effects: readonly Effect[],
): Pick<Expected, 'because' | 'effects' | 'counts' | 'atLeast'> {
  if (effects.length === 0) return reasons
  return {
    ...reasons,
    effects: effects.map(({rule}) => rule.id),
    because: [reasons.because, ...effects.map(({rule}) => rule.because)].join('; '),
    counts: Object.assign({}, ...effects.map(({counts}) => counts)),
    atLeast: Object.assign({}, ...effects.map(({atLeast}) => atLeast)),
  }
}

/** The client's socket on the server's port, where that is what stands in the way. */
function outgoingSocket({client, predecessor}: Question) {
  return {bind: client?.bind ?? 'autobind', address: clientHost(predecessor.address)} as const
}

/** A client restarts: first on the same local port, over its own TIME_WAIT, then on another one. */
function clientExpectation(rules: Rules, {residue, client, predecessor, settings}: Question) {
  const socket = {bind: client?.bind ?? 'none', address: clientHost(predecessor.address)} as const
  const bind = rules.bind({
    residue: residue.client ?? 'none',
    outgoing: true,
    predecessor: socket,
    successor: socket,
  })
  const expected = (
    {id: rule, because, source}: RuleAnswer,
    samePort: NonNullable<Expected['calls']>,
  ): Expected => ({
    verdict: 'immediate',
    residue: residue.server,
    calls: [...samePort, ...expectedCalls('another port', client, 'connected')],
    ...{rule, because, source},
  })
  if (bind.outcome === 'granted') {
    return byAny(rules.reconnect({timeWaitAt: 'client', settings}), (reconnect) =>
      expected(reconnect, expectedCalls('the same port', client, reconnect.outcome)),
    )
  }
  const {outcome} = bind
  return client?.opener === 'native'
    ? expected(bind, [{from: 'the same port', call: 'bind', outcome}])
    : expected(bind, expectedCalls('the same port', client, outcome))
}

/** With the native opener bind() is a call of its own; node tells of one error, which it has from connect. */
function expectedCalls(
  from: ReportedCall['from'],
  client: ClientReport | undefined,
  outcome: string,
): NonNullable<Expected['calls']> {
  const connect = {from, call: 'connect' as const, outcome}
  return client?.opener === 'native'
    ? [{from, call: 'bind', outcome: 'granted'}, connect]
    : [connect]
}

/** The release of the residue that is the last to go: what the first one turns into, if it does. */
function lastRelease(rules: Rules, residue: Residue, settings: Settings) {
  const last: TcpState | 'none' = residue.later ?? residue.server
  const {state} = last === 'none' ? {state: last} : rules.leaves(last, settings)
  return state === 'none' ? undefined : rules.release(state, settings)
}

/** How long a residue is sure to be there once it has appeared; undefined where no timer of the kernel ends it. */
export function lastsAtLeast(
  state: TcpState | 'none',
  {platform, settings}: Pick<Question, 'platform' | 'settings'>,
): number | undefined {
  if (state === 'none' || !isKernelHeld(state)) return undefined
  const release = platform.rules?.release(state, settings)
  return release?.endsBy === 'kernel' ? release.residueSeconds[0] : undefined
}
