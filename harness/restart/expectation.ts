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
  RuleAnswer,
  Rules,
  Settings,
} from '../platforms/platform.ts'
import {generalRules} from '../platforms/rule-table.ts'
import {isKernelHeld, type TcpState} from '../platforms/tcp-states.ts'
import type {Counts} from '../processes/protocol.ts'
import type {Residue} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'

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
  limitSeconds: number
}

/** What the platform's rules and releases say of a restart; null where it has none. */
export function expectation(question: Question): Expected | null {
  const {platform, settings, residue, predecessor, successor, limitSeconds} = question
  const {rules} = platform
  if (rules === null) return null
  if (question.clientRestarts === true) return clientExpectation(rules, question)
  if (successor.inherited === true) {
    return {
      verdict: 'immediate',
      residue: residue.server,
      ...withCounts(queueCounts(residue)),
      rule: 'inherited-socket',
      ...generalRules['inherited-socket'],
    }
  }
  const left = leftOnPort(rules, question)
  if (left === null) return null
  const queue = queueRule(rules, question)
  const {state: server, calls} = left
  const premises = [...left.premises, ...(queue === undefined ? [] : [queue])]
  const seen = {
    ...(calls === undefined ? {} : {calls}),
    ...withCounts(left.counts, queueCounts(residue, queue?.outcome)),
  }
  const rule =
    left.refusedBy ??
    rules.bind({
      residue: server,
      outgoing: residue.outgoing ?? false,
      predecessor: residue.outgoing === true ? outgoingSocket(question) : predecessor,
      successor,
    })
  const source = [...premises, rule].map((each) => each.source).join('; ')
  const reasons = {
    rule: rule.id,
    ...(premises.length === 0 ? {} : {premises: premises.map(({id}) => id)}),
    because: [...premises, rule].map(({because}) => because).join('; '),
  }
  if (rule.outcome === 'granted') {
    return {verdict: 'immediate', residue: server, ...seen, ...reasons, source}
  }
  const refused = {
    code: rule.outcome,
    errno: rules.errno[rule.outcome],
    residue: server,
    ...seen,
  }
  const release = lastRelease(rules, residue, settings)
  if (release === undefined || release.endsBy === 'process') {
    return {verdict: 'delayed', ...refused, ...reasons, source}
  }
  const {residueSeconds} = release
  return {
    verdict: limitSeconds < residueSeconds[0] ? 'blocked' : 'delayed',
    ...refused,
    residueSeconds,
    ...reasons,
    release: release.id,
    source: `${source}; ${release.source}`,
  }
}

/** What is left on the port when the successor first tries, by which rules, and what else is seen of it. */
interface Left extends Pick<Expected, 'calls' | 'counts'> {
  state: TcpState | 'none'
  premises: readonly RuleAnswer[]
  /** What refuses a bind, although no socket is seen. */
  refusedBy?: BindRule
}

/** Null where the rules do not say. */
function leftOnPort(rules: Rules, question: Question): Left | null {
  const {residue, settings, client, port} = question
  if (residue.server === 'none') return {state: 'none', premises: []}
  if (residue.selfConnected === true) {
    if (rules.selfConnection === null || port === undefined) return null
    const rule = rules.selfConnection({port, settings})
    const isConnected = rule.outcome === 'connected'
    return {
      state: isConnected ? residue.server : 'none',
      premises: [rule],
      counts: {selfConnections: isConnected ? 1 : 0},
    }
  }
  const left = rules.leaves(residue.server, settings)
  const premises = 'id' in left ? [left] : []
  if (residue.destroyed === true) {
    const destroyed =
      left.state === 'none' ? undefined : rules.destroy?.({state: left.state, settings})
    if (destroyed === undefined) return null
    const {destroys, keepsPort, ...rule} = destroyed
    return {
      state: destroys ? 'none' : left.state,
      premises: keepsPort ? premises : [...premises, rule],
      counts: {destroyedSockets: destroys ? 1 : 0},
      ...(keepsPort ? {refusedBy: {...rule, outcome: 'EADDRINUSE'}} : {}),
    }
  }
  if (residue.reconnected !== true) return {state: left.state, premises}
  const reconnect = rules.reconnect({timeWaitAt: 'server', settings})
  return {
    state: reconnect.endsTimeWait ? 'none' : left.state,
    premises: [...premises, reconnect],
    calls: expectedCalls('the same port', client, reconnect.outcome),
  }
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
function clientExpectation(rules: Rules, {residue, settings, ...question}: Question): Expected {
  const {client, predecessor} = question
  const socket = {bind: client?.bind ?? 'none', address: clientHost(predecessor.address)} as const
  const bind = rules.bind({
    residue: residue.client ?? 'none',
    outgoing: true,
    predecessor: socket,
    successor: socket,
  })
  const reconnect = rules.reconnect({timeWaitAt: 'client', settings})
  const [outcome, {id: rule, because, source}] =
    bind.outcome === 'granted' ? [reconnect.outcome, reconnect] : [bind.outcome, bind]
  const samePort =
    bind.outcome === 'granted' || client?.opener !== 'native'
      ? expectedCalls('the same port', client, outcome)
      : [{from: 'the same port' as const, call: 'bind' as const, outcome}]
  return {
    verdict: 'immediate',
    residue: residue.server,
    calls: [...samePort, ...expectedCalls('another port', client, 'connected')],
    rule,
    because,
    source,
  }
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
export function withCounts(...known: readonly (Counts | undefined)[]): {counts?: Counts} {
  const counts: Counts = Object.assign({}, ...known)
  return Object.keys(counts).length === 0 ? {} : {counts}
}
