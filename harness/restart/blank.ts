import type {ClientReport, Result, ServerReport} from '../documents/report-schema.ts'
import type {Platform, Settings} from '../platforms/platform.ts'
import type {Scenario, ServerSpec, SocketSpec} from '../scenario.ts'
import {clientHost} from '../sockets/address.ts'
import {nativeOpenerProblem} from '../sockets/libc.ts'
import {isPlainBindGranted} from '../sockets/native.ts'
import {nodeBindOption} from '../sockets/opener.ts'
import {expectation} from './expectation.ts'

/** A result before anything was observed: what is asked, of whom, and what the platform expects. */
export function blankResult(
  id: string,
  scenario: Scenario,
  context: {platform: Platform; settings: Settings; limitSeconds: number},
): Result {
  const {title, claim, residue, counts, atLeast, namespace} = scenario
  const predecessor = serverReport(scenario.predecessor)
  const successor = serverReport(scenario.successor ?? scenario.predecessor)
  const client = scenario.client === undefined ? {} : {client: socketReport(scenario.client)}
  const clientRestarts = scenario.successor === undefined
  const expected = expectation({
    ...context,
    settings: {...context.settings, ...namespace?.settings, ...namespace?.onMacos},
    ...client,
    residue,
    predecessor,
    successor,
    clientRestarts,
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
    expected:
      expected === null
        ? null
        : {
            ...expected,
            ...(counts === undefined ? {} : {counts}),
            ...(atLeast === undefined ? {} : {atLeast}),
          },
    timeline: [],
  }
}

function serverReport(spec: ServerSpec): ServerReport {
  const inherited = spec.inherited === undefined ? {} : {inherited: true}
  return {...socketReport(spec), address: spec.address ?? '127.0.0.1', ...inherited}
}

function socketReport(spec: SocketSpec): ClientReport {
  return 'opener' in spec
    ? {opener: 'node', bind: nodeBindOption}
    : {opener: 'native', bind: spec.bind}
}

/** Why this scenario cannot be played here; undefined if it can. */
export function skipReason({predecessor, successor, client}: Result): string | undefined {
  const native = [predecessor, successor, client].some((socket) => socket?.opener === 'native')
  const problem = native ? nativeOpenerProblem() : undefined
  if (problem !== undefined) return `needs the native opener: ${problem}`
  if (nativeOpenerProblem() !== undefined) return undefined
  // With IPv6 switched off `::` can still be bound, and only what connects to it finds out.
  const addresses = [predecessor, successor].flatMap(({address}) => [address, clientHost(address)])
  const missing = addresses.find((address) => !isPlainBindGranted(address, 0))
  return missing === undefined ? undefined : `address ${missing} is not available on this machine`
}
