import type {
  ClientReport,
  Expected,
  ReportedCall,
  ServerReport,
} from '../documents/report-schema.ts'
import type {Leaving, Platform, Rules, Settings} from '../platforms/platform.ts'
import {generalRules} from '../platforms/rule-table.ts'
import {isKernelHeld, type TcpState} from '../platforms/tcp-states.ts'
import type {Residue} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'

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
  limitSeconds: number
}

/** What the platform's rules and releases say of a restart; null where it has none. */
export function expectation(question: Question): Expected | null {
  const {platform, settings, residue, predecessor, successor, client, limitSeconds} = question
  const {rules} = platform
  if (rules === null) return null
  if (question.clientRestarts === true) return clientExpectation(rules, question)
  if (successor.inherited === true) {
    return {
      verdict: 'immediate',
      residue: residue.server,
      rule: 'inherited-socket',
      ...generalRules['inherited-socket'],
    }
  }
  const reconnect =
    residue.reconnected === true ? rules.reconnect({timeWaitAt: 'server', settings}) : undefined
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
  if (rule.outcome === 'granted') {
    return {verdict: 'immediate', residue: server, ...calls, ...reasons, source}
  }
  const refused = {
    code: rule.outcome,
    errno: rules.errno[rule.outcome],
    residue: server,
    ...calls,
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
