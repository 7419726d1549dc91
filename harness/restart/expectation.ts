import type {
  ClientReport,
  Expected,
  ReportedCall,
  ServerReport,
} from '../documents/report-schema.ts'
import type {
  BindRule,
  Platform,
  QueueRule,
  ReconnectRule,
  RuleAnswer,
  Rules,
  Settings,
} from '../platforms/platform.ts'
import {generalRules} from '../platforms/rule-table.ts'
import {isKernelHeld, type TcpState} from '../platforms/tcp-states.ts'
import type {Counts} from '../processes/protocol.ts'
import type {Residue, Scenario} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'
import {oneOf} from './alternatives.ts'
import {otherUserOf} from './bind-questions.ts'

export interface Question {
  platform: Platform
  settings: Settings
  residue: Residue
  predecessor: ServerReport
  successor: ServerReport
  /** The predecessor's, where the scenario says which. */
  port?: number
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
  const {platform, residue, successor, clientRestarts} = question
  const {rules} = platform
  if (rules === null) return null
  if (clientRestarts === true) return clientExpectation(rules, question)
  if (successor.inherited === true) {
    return {
      verdict: 'immediate',
      residue: residue.server,
      ...withCounts(queueCounts(residue)),
      rule: 'inherited-socket',
      ...generalRules['inherited-socket'],
    }
  }
  const possible = leftOnPort(rules, question)
  return possible && byAny(possible, (left) => serverExpectation(rules, left, question))
}

/** What is expected by some things of which any may hold. */
function byAny<Possibility>(
  [first, ...others]: Possibilities<Possibility>,
  expect: (possibility: Possibility) => Expected,
): Expected {
  return oneOf([expect(first), ...others.map(expect)])
}

/** @param left what is left on the port before the successor tries */
function serverExpectation(rules: Rules, left: Left, question: Question): Expected {
  const {settings, residue, predecessor, successor, limitSeconds} = question
  const queue = queueRule(rules, question)
  const {state: server, calls} = left
  const premises = [...left.premises, ...(queue === undefined ? [] : [queue])]
  const rule =
    left.refusedBy ??
    rules.bind({
      residue: server,
      outgoing: residue.outgoing ?? false,
      predecessor: residue.outgoing === true ? outgoingSocket(question) : predecessor,
      successor,
      ...otherUserOf(predecessor),
    })
  const source = [...premises, rule].map((each) => each.source).join('; ')
  const reasons = {
    rule: rule.id,
    ...(premises.length === 0 ? {} : {premises: premises.map(({id}) => id)}),
    because: [...premises, rule].map(({because}) => because).join('; '),
  }
  const effects = [
    ...(question.bothListen !== undefined && rule.outcome === 'granted'
      ? [whoAnswers(rules, question.bothListen, successor.address)]
      : []),
    ...(question.finSentAgain === true && server === 'TIME_WAIT' ? [timerRestarts(rules)] : []),
  ]
  const seen = {
    ...(calls === undefined ? {} : {calls}),
    ...withCounts(
      left.counts,
      queueCounts(residue, queue?.outcome),
      ...effects.map(({counts}) => counts),
    ),
  }
  if (rule.outcome === 'granted') {
    return {
      verdict: 'immediate',
      residue: server,
      ...seen,
      ...withEffects(reasons, effects),
      source,
    }
  }
  const refused = {
    code: rule.outcome,
    errno: rules.errno[rule.outcome],
    residue: server,
    ...seen,
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

function whoAnswers(
  rules: Rules,
  {connections}: NonNullable<Scenario['bothListen']>,
  address: ServerReport['address'],
): Effect {
  const rule = rules.sharing(address)
  if (connections === undefined) return {rule}
  const {answeredBy} = rule
  if (answeredBy === 'either') {
    return {rule, atLeast: {answersFromPredecessor: 1, answersFromSuccessor: 1}}
  }
  const [fromOld, fromNew] = answeredBy === 'oldest' ? [connections, 0] : [0, connections]
  return {rule, counts: {answersFromPredecessor: fromOld, answersFromSuccessor: fromNew}}
}

function timerRestarts({retransmittedFin: rule}: Rules): Effect {
  return rule.restartsTimeWait
    ? {rule, atLeast: {timerRestarts: 1}}
    : {rule, counts: {timerRestarts: 0}}
}

function withEffects(
  reasons: Pick<Expected, 'because'>,
  effects: readonly Effect[],
): Pick<Expected, 'because' | 'effects' | 'atLeast'> {
  if (effects.length === 0) return reasons
  return {
    ...reasons,
    effects: effects.map(({rule}) => rule.id),
    because: [reasons.because, ...effects.map(({rule}) => rule.because)].join('; '),
    atLeast: Object.assign({}, ...effects.map(({atLeast}) => atLeast)),
  }
}

/** What is left on the port when the successor first tries, by which rules, and what else is seen of it. */
interface Left extends Pick<Expected, 'calls' | 'counts'> {
  state: TcpState | 'none'
  premises: readonly RuleAnswer[]
  /** What refuses a bind, although no socket is seen. */
  refusedBy?: BindRule
}

type Possibilities<Each> = readonly [Each, ...Each[]]

/** All that may be left, the most likely first; null where the rules do not say. */
function leftOnPort(rules: Rules, question: Question): Possibilities<Left> | null {
  const {residue, settings, client, port} = question
  if (residue.server === 'none') return [{state: 'none', premises: []}]
  if (residue.selfConnected === true) {
    if (rules.selfConnection === null || port === undefined) return null
    const rule = rules.selfConnection({port, settings})
    const isConnected = rule.outcome === 'connected'
    return [
      {
        state: isConnected ? residue.server : 'none',
        premises: [rule],
        counts: {selfConnections: isConnected ? 1 : 0},
      },
    ]
  }
  const left = rules.leaves(residue.server, settings)
  const premises = 'id' in left ? [left] : []
  if (residue.destroyed === true) {
    const destroyed =
      left.state === 'none' ? undefined : rules.destroy?.({state: left.state, settings})
    if (destroyed === undefined) return null
    const {destroys, keepsPort, ...rule} = destroyed
    return [
      {
        state: destroys ? 'none' : left.state,
        premises: keepsPort ? premises : [...premises, rule],
        counts: {destroyedSockets: destroys ? 1 : 0},
        ...(keepsPort ? {refusedBy: {...rule, outcome: 'EADDRINUSE'}} : {}),
      },
    ]
  }
  if (residue.reconnected !== true) return [{state: left.state, premises}]
  const [first, ...others] = rules.reconnect({timeWaitAt: 'server', settings})
  const after = (reconnect: ReconnectRule): Left => ({
    state: reconnect.endsTimeWait ? 'none' : left.state,
    premises: [...premises, reconnect],
    calls: expectedCalls('the same port', client, reconnect.outcome),
  })
  return [after(first), ...others.map(after)]
}

/** What becomes of the predecessor's queue, if it has one and closes it. */
function queueRule(rules: Rules, {residue, settings}: Question): QueueRule | undefined {
  const anotherListens = residue.server === 'LISTEN'
  return residue.queued === undefined ? undefined : rules.queue({anotherListens, settings})
}

function queueCounts({queued}: Residue, outcome: QueueRule['outcome'] = 'migrated'): Counts {
  if (queued === undefined) return {}
  return outcome === 'reset'
    ? {answersFromSuccessor: 0, resetConnections: queued}
    : {answersFromSuccessor: queued, resetConnections: 0}
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

/** Of all that have some, or nothing. */
function withCounts(...known: readonly (Counts | undefined)[]): {counts?: Counts} {
  const counts: Counts = Object.assign({}, ...known)
  return Object.keys(counts).length === 0 ? {} : {counts}
}
