import type {ClientReport, Expected, Result, ServerReport} from '../documents/report-schema.ts'
import {isRoot} from '../namespaces/another-user.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {NodeServer, Scenario, ServerSpec, SocketSpec} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {isPlainBindGranted} from '../sockets/native.ts'
import {nodeBindOption} from '../sockets/opener.ts'
import {oneOf, possibilitiesOf} from './alternatives.ts'
import {expectation} from './expectation.ts'

/** A result before anything was observed: what is asked, of whom, and what the platform expects. */
export function blankResult(
  id: string,
  scenario: Scenario,
  context: {platform: Platform; settings: Settings; limitSeconds: number},
): Result {
  const {title, claim, residue, namespace, bothListen, finSentAgain} = scenario
  const predecessor = {
    ...serverReport(scenario.predecessor),
    ...(scenario.predecessor.otherUser === true ? {otherUser: asker()} : {}),
  }
  const successor = serverReport(scenario.successor ?? scenario.predecessor, true)
  const client = scenario.client === undefined ? {} : {client: socketReport(scenario.client)}
  const clientRestarts = scenario.successor === undefined
  const expected = expectation({
    ...context,
    settings: {...context.settings, ...namespace?.settings, ...namespace?.onMacos},
    ...client,
    ...(scenario.predecessor.port === undefined ? {} : {port: scenario.predecessor.port}),
    residue,
    predecessor,
    successor,
    clientRestarts,
    ...(bothListen === undefined ? {} : {bothListen}),
    ...(finSentAgain === undefined ? {} : {finSentAgain}),
  })
  return {
    scenario: id,
    title,
    claim,
    status: 'skipped',
    predecessor,
    successor,
    ...client,
    residue: null,
    ...(residue.amidTraffic === true ? {amidTraffic: true} : {}),
    bind: null,
    outageSeconds: null,
    expected: expected === null ? null : withCounts(expected, scenario),
    timeline: [],
  }
}

/** What has to be counted by the scenario itself, in addition to what the rules say. */
function withCounts(expected: Expected, scenario: Scenario): Expected {
  const counted = ({counts: exactly, atLeast: least, ...each}: Expected): Expected => {
    const [counts, atLeast] = [
      {...scenario.counts, ...exactly},
      {...scenario.atLeast, ...least},
    ]
    return {
      ...each,
      ...(Object.keys(counts).length === 0 ? {} : {counts}),
      ...(Object.keys(atLeast).length === 0 ? {} : {atLeast}),
    }
  }
  const [first, ...others] = possibilitiesOf(expected)
  return oneOf([counted(first), ...others.map(counted)])
}

function asker(): 'root' | 'not-root' {
  return isRoot() ? 'root' : 'not-root'
}

/** A cluster's worker inherits what its primary has; the primary itself has bound it. */
function isClusterWorker(spec: ServerSpec & NodeServer): boolean {
  return spec.cluster === true
}

function serverReport(spec: ServerSpec, isSuccessor = false): ServerReport {
  const isInherited = spec.inherited === true || (isSuccessor && isClusterWorker(spec))
  const inherited = isInherited ? {inherited: true} : {}
  return {...socketReport(spec), address: spec.address ?? '127.0.0.1', ...inherited}
}

function socketReport(spec: SocketSpec & NodeServer): ClientReport {
  return 'opener' in spec
    ? {opener: 'node', bind: spec.reusePort === true ? 'both' : nodeBindOption}
    : {opener: 'native', bind: spec.bind}
}

/** Why this scenario cannot be played here; undefined if it can. */
export function skipReason({predecessor, successor, client}: Result): string | undefined {
  // Only its own option makes Node set SO_REUSEPORT.
  const reusePort = [predecessor, successor].some((socket) => isNodeReusePort(socket))
  const older = reusePort ? reusePortProblem() : undefined
  if (older !== undefined) return older
  const native = [predecessor, successor, client].some((socket) => socket?.opener === 'native')
  const problem = native ? nativeOpenerProblem() : undefined
  if (problem !== undefined) return `needs the native opener: ${problem}`
  if (nativeOpenerProblem() !== undefined) return undefined
  // With IPv6 switched off `::` can still be bound, and only what connects to it finds out.
  const addresses = [predecessor, successor].flatMap(({address}) => [address, clientHost(address)])
  const missing = addresses.find((address) => !isPlainBindGranted(address, 0))
  return missing === undefined ? undefined : `address ${missing} is not available on this machine`
}

function isNodeReusePort({opener, bind}: ServerReport): boolean {
  return opener === 'node' && bind === 'both'
}

/** libuv refuses it where the system does not spread connections over the listeners (uv_tcp_bind_ex, UV_TCP_REUSEPORT). */
export function reusePortProblem(
  os = process.platform,
  node = process.versions.node,
): string | undefined {
  const [major = 0, minor = 0] = node.split('.').map(Number)
  const isKnown = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
  if (!isKnown) return 'needs Node 22.12 or later (reusePort)'
  return os === 'linux' ? undefined : 'Node does not support reusePort on this system'
}
