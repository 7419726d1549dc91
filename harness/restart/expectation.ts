import type {Leaving, Platform, Rules, Settings} from '../platforms/platform.ts'
import type {TcpState} from '../platforms/tcp-states.ts'
import type {ClientReport, Expected, ReportedCall, Result, ServerReport} from '../reports/schema.ts'
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
      because: 'the listening socket is never closed, so there is nothing to bind',
      source: 'sd_listen_fds(3)',
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
  const because = [
    ...('because' in left ? [left.because] : []),
    ...(reconnect === undefined ? [] : [reconnect.because]),
    rule.because,
  ].join('; ')
  const calls =
    reconnect === undefined
      ? {}
      : {calls: expectedCalls('the same port', client, reconnect.outcome)}
  if (rule.outcome === 'granted') {
    return {verdict: 'immediate', residue: server, ...calls, because, source}
  }
  const refused = {
    code: rule.outcome,
    errno: rules.errno[rule.outcome],
    residue: server,
    ...calls,
  }
  const release = lastRelease(rules, residue, settings)
  if (release === undefined || release.endsBy === 'process') {
    return {verdict: 'delayed', ...refused, because, source}
  }
  const {residueSeconds} = release
  return {
    verdict: limitSeconds < residueSeconds[0] ? 'blocked' : 'delayed',
    ...refused,
    residueSeconds,
    because,
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
  const [outcome, {because, source}] =
    bind.outcome === 'granted' ? [reconnect.outcome, reconnect] : [bind.outcome, bind]
  const samePort =
    bind.outcome === 'granted' || client?.opener !== 'native'
      ? expectedCalls('the same port', client, outcome)
      : [{from: 'the same port' as const, call: 'bind' as const, outcome}]
  return {
    verdict: 'immediate',
    residue: residue.server,
    calls: [...samePort, ...expectedCalls('another port', client, 'connected')],
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

/** What was observed, as far as judging needs it. */
export interface Observed
  extends Pick<Result, 'residue' | 'amidTraffic' | 'bind' | 'calls' | 'measurements'> {
  /** Between which bounds the true residue time lies; no upper one if the port was never granted. */
  residueTime: [min: number, max: number] | null
  /** False if the limit came before the script had done what releases the port. */
  scriptDone: boolean
}

/** Why the observation contradicts the expectation, or undefined if it does not. */
export function contradiction(expected: Expected, observed: Observed): string | undefined {
  const {bind, residue, residueTime, scriptDone, amidTraffic} = observed
  if (residue !== null) {
    const states = residue.filter(({endpoint}) => endpoint === 'server').map(({state}) => state)
    const seen: string[] = states.length === 0 ? ['none'] : [...new Set(states)]
    const others = seen.some((state) => state !== expected.residue)
    if (amidTraffic === true ? !seen.includes(expected.residue) : others) {
      return `residue ${seen.join(' and ')} at the server, expected ${expected.residue}`
    }
  }
  const problem = callContradiction(expected, observed) ?? countContradiction(expected, observed)
  if (problem !== undefined) return problem
  if (bind === null) return undefined
  const {firstError, verdict} = bind
  if (expected.code !== undefined) {
    if (firstError === null) return `granted at once, expected ${expected.code}`
    if (firstError.code !== expected.code || firstError.errno !== expected.errno) {
      return `${firstError.code} (${firstError.errno}), expected ${expected.code} (${expected.errno})`
    }
    if (!bind.waited) return undefined
  }
  if (verdict === 'blocked' && !scriptDone) return undefined
  const mayStillCome =
    verdict === 'blocked' && (residueTime?.[0] ?? 0) < (expected.residueSeconds?.[1] ?? 0)
  if (verdict !== expected.verdict && !mayStillCome) {
    return `${verdict}, expected ${expected.verdict}`
  }
  if (expected.residueSeconds !== undefined && residueTime !== null) {
    const [min, max] = expected.residueSeconds
    if (residueTime[1] < min || residueTime[0] > max) {
      const [from, to] = residueTime.map((seconds) => seconds.toFixed(3))
      return `residue gone after ${from} to ${to} s, expected ${min} to ${max.toFixed(3)} s`
    }
  }
  return undefined
}

function callContradiction({calls}: Expected, observed: Observed): string | undefined {
  if (calls === undefined || observed.calls === undefined) return undefined
  const words = (list: readonly Pick<ReportedCall, 'from' | 'call' | 'outcome'>[]) =>
    list.map(({from, call, outcome}) => `${call}() from ${from}: ${outcome}`).join(', ')
  const [seen, wanted] = [words(observed.calls), words(calls)]
  return seen === wanted ? undefined : `${seen}; expected ${wanted}`
}

function countContradiction(expected: Expected, {measurements}: Observed): string | undefined {
  const {counts = {}, atLeast = {}} = expected
  if (measurements === undefined) return undefined
  const low = Object.entries(atLeast).find(([name, count]) => (measurements[name] ?? 0) < count)
  if (low !== undefined) {
    const [name, count] = low
    return `${name} ${measurements[name] ?? 0}, expected ${count} at least`
  }
  const wrong = Object.entries(counts).find(([name, count]) => measurements[name] !== count)
  if (wrong === undefined) return undefined
  const [name, count] = wrong
  return `${name} ${measurements[name]}, expected ${count}`
}
